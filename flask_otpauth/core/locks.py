"""
The lock of a subject, over all apps: a lock that one app has met holds in all of them.

An app *meets* a lock when it refuses a subject because of it. Apps with different settings may
share a log of misses. Without this rule, an app that allows more guesses would go on judging them
after an app that allows fewer has locked the subject.
"""

from __future__ import annotations

from dataclasses import replace

from flask_otpauth.core import instants
from flask_otpauth.core.limits import Block, Limit, strongest
from flask_otpauth.core.rows import ChallengeRow


def lock_of(limits: ChallengeRow, locks: tuple[Limit, ...], now_ms: int) -> Block | None:
    """The lock of a subject, by ``locks`` or met by another app; ``None`` if ``locks`` is empty."""
    own = [limit.free_at(limits.misses, now_ms) for limit in locks]
    return strongest([*own, _met(limits, now_ms)] if locks else [])


def with_lock(limits: ChallengeRow, locks: tuple[Limit, ...], now_ms: int) -> ChallengeRow:
    """
    The limits row with the lock that ``locks`` make noted in it, so that other apps see it.

    On a clock that is behind, the end of the lock moves with the clock. It is written again only
    after it has moved by ``SKEW_MS``, and not with each refusal.
    """
    own = strongest(limit.free_at(limits.misses, now_ms) for limit in locks)
    if own is None:
        return limits
    until = instants.FOR_EVER if own.free_at_ms is None else own.free_at_ms
    if _met(limits, now_ms) is not None and limits.locked_until + instants.SKEW_MS >= until:
        return limits
    held, needed_until = (True, 0) if own.free_at_ms is None else (False, until)
    return replace(
        limits,
        locked_at=now_ms,
        locked_until=until,
        held=limits.held or held,
        needed_until=max(limits.needed_until, needed_until),
    )


def _met(limits: ChallengeRow, now_ms: int) -> Block | None:
    """The lock that some app has met, if its clock was not far ahead."""
    if limits.locked_until <= now_ms or limits.locked_at > now_ms + instants.AHEAD_MS:
        return None
    if limits.locked_until >= instants.FOR_EVER:
        return Block("lock", None)
    return Block("lock", min(limits.locked_until, now_ms + limits.locked_until - limits.locked_at))


def without_misses(record: ChallengeRow) -> ChallengeRow:
    """The limits row without misses and without a lock."""
    return replace(record, misses="", held=False, locked_at=0, locked_until=0)
