"""
Whom something is kept for.

A database may hand the id of a user who is gone to the next one, so an id alone names nobody
for good. What is kept for a user is bound to the id and to the user's ``person_key``, a random
mark that no two persons share.
"""

from __future__ import annotations

from flask_otpauth.ports.directory import User


def mark(user: User) -> str:
    """The user's ``person_key``; empty where a directory has none, and never uses an id twice."""
    return getattr(user, "person_key", None) or ""


def shown_id(user: User) -> int | str:
    """The user's id as JSON carries it: a number, or a text in its one spelling."""
    return user.id if isinstance(user.id, int) else str(user.id)


def person(user: User) -> str:
    """The name under which the user's PIN, password, codes and limits are kept."""
    return f"{user.id}\0{mark(user)}"
