"""Calls by SIP (RFC 3261), with nothing but the standard library: requests, timers, authentication, audio."""
