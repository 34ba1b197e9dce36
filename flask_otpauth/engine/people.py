"""
For whom something is kept.

A database may give the id of a deleted user to a later one, so an id alone is not enough. What is
kept for a user is bound to the id and to the user's ``person_key``, a random text that no two
persons share.
"""

from __future__ import annotations

from flask_otpauth.ports.directory import User


def person_key_of(user: User) -> str:
    """The user's ``person_key``; empty in a directory without one, which must never use an id twice."""
    return getattr(user, "person_key", None) or ""


def shown_id(user: User) -> int | str:
    """The user's id as it is in JSON: a number, or a text in its one spelling."""
    return user.id if isinstance(user.id, int) else str(user.id)


def person(user: User) -> str:
    """The name under which the user's PIN, password, codes and limits are kept."""
    return f"{user.id}\0{person_key_of(user)}"
