"""Who logs in, and how the load learns a code: what both apps and the load agree on."""

from __future__ import annotations

#: How many users there are when a measurement begins.
USERS = 2_000

#: The header in which both apps return the code that they would send.
CODE_HEADER = "X-Bench-Code"


def email_of(number: int) -> str:
    """Return the address of a user."""
    return f"user{number % USERS:05d}@example.com"
