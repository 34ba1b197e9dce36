"""Senders with an HTTP API, declared in the configuration."""
