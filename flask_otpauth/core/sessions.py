"""Sessions, and the only place that judges a refresh token (RFC 9700 §4.14.2)."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from flask_otpauth.core import instants
from flask_otpauth.core.record import record, replace

#: No token is signed for a longer time, and a token that claims one is refused.
LONGEST_TOKEN_LIFE = timedelta(days=3660)


@record
class Session:
    """
    A session, which a login opens. Instants are epoch milliseconds.

    A refresh token consists of ``id``, ``generation`` and an HMAC over both. So the row holds no token, and
    the token after it can be computed again.
    """

    id: str
    user_id: str
    #: When the user logged in.
    authenticated_at: int
    #: When the newest refresh token was issued.
    rotated_at: int
    ends_at: int
    #: The number of the newest refresh token.
    generation: int = 0
    closed_at: int | None = None
    #: The session belongs to the user with this key, and not to a later user with the same id.
    person_key: str = ""

    def is_live(self, now_ms: int) -> bool:
        """
        Return whether its tokens are accepted.

        If it was opened by a clock that was far ahead, they are not: the session would be valid for too long.
        """
        opened = self.authenticated_at <= now_ms + instants.AHEAD_MS
        return opened and self.closed_at is None and now_ms < self.ends_at


@record
class Refresh:
    """A presented refresh token, and the periods that it is judged by."""

    session_id: str
    generation: int
    now_ms: int
    token_ttl_ms: int
    grace_ms: int


class Rotation(Enum):
    """The outcome of a refresh."""

    #: The token was the newest. It has a successor now.
    ROTATED = "rotated"
    #: The token was exchanged just before. Its successor is given again.
    REPEATED = "repeated"
    #: The token was exchanged earlier, so there is a copy of it.
    REUSED = "reused"
    #: The token is not valid, or its session is not open.
    DEAD = "dead"


def judge_refresh(session: Session | None, refresh: Refresh) -> Rotation:
    """
    Judge ``refresh`` by the row as it is before it.

    The newest token is exchanged for its successor. Within the grace, the token before it gets the same
    successor again, because the client may not have received the answer. It does not matter which of two
    clocks is ahead. An older token is a copy.
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
    """Return the session after its refresh token was exchanged."""
    return replace(session, generation=session.generation + 1, rotated_at=now_ms)
