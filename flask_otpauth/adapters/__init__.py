"""Who does it: one file for each outside thing."""
