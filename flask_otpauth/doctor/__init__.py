"""Examines a running configuration: warnings, odds of guessing, deviations from standards."""
