"""The subjects, codes and limits that the tests use."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any
from zoneinfo import ZoneInfo

from flask_otpauth.core.challenges import Cap, Guess, GuessState, Issue, draw_nonce
from flask_otpauth.core.instants import Limit
from flask_otpauth.core.record import frozen
from flask_otpauth.ports.storage import Purge, Storage

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

#: 2024-11-21T12:00:00Z, in epoch milliseconds.
NOON = 1_732_190_400_000
CODE_TTL = 5 * MINUTE
MAX_GUESSES = 5

COOLDOWN = Limit("cooldown", 1, 90 * SECOND)
QUOTA = Limit("quota", 3, 10 * MINUTE)
DAILY = Limit("quota", 3, DAY, ZoneInfo("Asia/Ho_Chi_Minh"))
BUDGET = Limit("lock", 6, DAY)
HARD_CAP = Limit("lock", 8, None)

#: In the zone of DAILY (UTC+7), the day of NOON ends at 17:00 UTC.
DAY_END = NOON + 5 * HOUR


def digest_of(code: str) -> bytes:
    """Return a digest of a code or a token. For tests, it needs no key."""
    return hashlib.sha256(code.encode()).digest()


def fresh_key() -> bytes:
    """Return a key that no other test uses."""
    return secrets.token_bytes(32)


def fresh_name(prefix: str) -> str:
    """Return an id that no other test uses."""
    return f"{prefix}-{secrets.token_hex(8)}"


@frozen
class Subject:
    """The subject of a code: the keys of its limits row and of its challenge row."""

    limits_key: bytes
    challenge_key: bytes

    def issue(self, code: str = "111111", now_ms: int = NOON, **more: Any) -> Issue:
        """Return a request for ``code``. ``more`` are further fields of the request."""
        return Issue(
            limits_key=self.limits_key,
            challenge_key=self.challenge_key,
            nonce=draw_nonce(),
            digest=digest_of(code),
            now_ms=now_ms,
            expires_at_ms=now_ms + CODE_TTL,
            **more,
        )

    def guess(self, code: str = "111111", now_ms: int = NOON, **more: Any) -> Guess:
        """Return a guess of ``code``. ``more`` are further fields of the guess."""
        fields = {"digests": (digest_of(code),), "max_guesses": MAX_GUESSES, **more}
        return Guess(
            limits_key=self.limits_key,
            challenge_key=self.challenge_key,
            nonce=draw_nonce(),
            now_ms=now_ms,
            **fields,
        )

    def sibling(self) -> Subject:
        """Return another challenge with the same limits."""
        return Subject(self.limits_key, fresh_key())


def one_row() -> Subject:
    """Return a subject whose limits and challenge are one row."""
    key = fresh_key()
    return Subject(key, key)


def two_rows() -> Subject:
    """Return a subject whose limits and challenge are two rows."""
    return Subject(fresh_key(), fresh_key())


def cap_of(count: int, day_start_ms: int = NOON) -> Cap:
    """Return a cap that no other test uses."""
    return Cap(fresh_key(), count, day_start_ms, day_start_ms + DAY)


def miss(storage: Storage, subject: Subject, now_ms: int, lock: Limit) -> GuessState:
    """Issue a code and guess wrong, in an app with this lock. Return how the guess was judged."""
    storage.challenges.issue(subject.issue("111111", now_ms))
    return storage.challenges.redeem(subject.guess("222222", now_ms, locks=(lock,))).state


def purged(storage: Storage, before_ms: int, *, dry_run: bool = False) -> int:
    """Purge in batches of two rows. Return how many rows were deleted, or would be."""
    return sum(batch.deleted for batch in storage.purge(Purge(before_ms, 2, dry_run)))
