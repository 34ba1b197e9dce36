"""A session, and the one place that judges a refresh token (RFC 9700 §4.14.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from flask_otpauth.core import instants

#: No token that we sign is good for longer, and none that claims to be is read.
LONGEST_TOKEN_LIFE = timedelta(days=3660)


@dataclass(frozen=True)
class Session:
    """
    What a login opened. Instants are epoch milliseconds.

    It belongs to the user ``user_id`` with the key ``person_key``, and not to a later user with
    the same id.

    A refresh token is ``id``, ``generation`` and an HMAC over both, so that the row holds no
    token and the successor of a token can be computed again within the grace.
    """

    id: str
    user_id: str
    authenticated_at: int
    rotated_at: int
    ends_at: int
    generation: int = 0
    closed_at: int | None = None
    person_key: str = ""

    def is_live(self, now_ms: int) -> bool:
        """
        Whether its tokens are accepted. One that a clock opened that was far ahead is not: it
        would live for as much longer.
        """
        opened = self.authenticated_at <= now_ms + instants.AHEAD_MS
        return opened and self.closed_at is None and now_ms < self.ends_at


@dataclass(frozen=True)
class Refresh:
    """A presented refresh token of ``session_id``, and the periods that it is judged by."""

    session_id: str
    generation: int
    now_ms: int
    token_ttl_ms: int
    grace_ms: int


class Rotation(Enum):
    """What a presented refresh token is worth."""

    ROTATED = "rotated"
    REPEATED = "repeated"
    REUSED = "reused"
    DEAD = "dead"


def judge_refresh(session: Session | None, refresh: Refresh) -> Rotation:
    """
    What ``refresh`` is worth, given the row as it is before it.

    The newest token rotates. The one before it gets the very same successor within the grace
    (a client whose answer was lost), whichever of two clocks is ahead of the other. Any older
    one was copied: reuse.
    """
    if session is None or not session.is_live(refresh.now_ms):
        return Rotation.DEAD
    age_ms = refresh.now_ms - session.rotated_at
    if refresh.generation == session.generation:
        return Rotation.ROTATED if age_ms < refresh.token_ttl_ms else Rotation.DEAD
    if refresh.generation > session.generation:
        return Rotation.DEAD
    if refresh.generation == session.generation - 1 and abs(age_ms) < refresh.grace_ms:
        return Rotation.REPEATED
    return Rotation.REUSED


def rotated(session: Session, now_ms: int) -> Session:
    """The session whose newest refresh token was issued now."""
    return replace(session, generation=session.generation + 1, rotated_at=now_ms)
