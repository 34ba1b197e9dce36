"""
Idempotency keys: a client repeats a request with its key, and the request is not done again.

The rules are those of draft-ietf-httpapi-idempotency-key-header-07. The first request with a key *begins*.
Its answer is kept with the key, and each repetition gets that answer. If nothing was done, the key is freed,
so that the client can try again with it.

While the first request is under way, it has a *lease*. If its process is killed, nobody frees the key. The
next request with the key begins after the end of the lease.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from flask_otpauth.core.instants import DAY, milliseconds
from flask_otpauth.core.record import frozen

#: The longest key, in characters.
LONGEST_KEY = 255
#: How long a key is known after the request that began with it.
KEPT_MS = milliseconds(DAY)
#: How long a request with a key is under way at most. It is longer than a server lets a request take.
LEASE_MS = 120_000


def is_key(text: str) -> bool:
    """Return whether ``text`` is a key: 1 to 255 printable ASCII characters."""
    return 1 <= len(text) <= LONGEST_KEY and text.isascii() and text.isprintable()


@frozen
class RequestAttempt:
    """A request with an idempotency key, as the store needs it."""

    #: The key of the row: an HMAC of the client, the path and the idempotency key.
    key: bytes
    #: The keyed digest of what is requested. A repetition has the same one.
    digest: bytes
    #: The name of this attempt.
    nonce: str
    now_ms: int

    @property
    def leased_until_ms(self) -> int:
        """When another attempt may begin, if this one has not ended."""
        return self.now_ms + LEASE_MS

    @property
    def expires_at_ms(self) -> int:
        """When the key is forgotten."""
        return self.now_ms + KEPT_MS


@frozen
class RequestRow:
    """One row of the store: what is known of an idempotency key. Instants are epoch ms."""

    digest: bytes
    #: The name of the attempt that began last.
    nonce: str
    leased_until: int
    expires_at: int
    #: The answer of the attempt; ``None`` while it is under way.
    answer: str | None = field(default=None, repr=False)


class RequestState(Enum):
    """What a request with an idempotency key is."""

    #: The first one, which is done now.
    BEGUN = "begun"
    #: A repetition of one that was done.
    DONE = "done"
    #: A repetition of one that is being done.
    UNDER_WAY = "under way"
    #: Another request with a key that was used before.
    DIFFERENT = "different"


@frozen
class RequestResult:
    """What became of an attempt to begin."""

    state: RequestState
    #: What was kept with the key, if it was done.
    answer: str = field(default="", repr=False)


def judge_request(row: RequestRow | None, attempt: RequestAttempt) -> RequestResult:
    """Return whether an attempt begins, given the row of its key; ``None`` if there is no row."""
    if row is None or attempt.now_ms >= row.expires_at:
        return RequestResult(RequestState.BEGUN)
    if row.digest != attempt.digest:
        return RequestResult(RequestState.DIFFERENT)
    if row.answer is not None:
        return RequestResult(RequestState.DONE, row.answer)
    is_leased = attempt.now_ms < row.leased_until
    return RequestResult(RequestState.UNDER_WAY if is_leased else RequestState.BEGUN)


def request_row(attempt: RequestAttempt) -> RequestRow:
    """Return the row of a key after ``attempt`` has begun."""
    return RequestRow(attempt.digest, attempt.nonce, attempt.leased_until_ms, attempt.expires_at_ms)
