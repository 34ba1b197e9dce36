"""
The state of a challenge, and the one place that judges it.

A storage adapter does each operation as one indivisible step. Where it can run Python inside
that step, it calls these functions; where it writes them in SQL, it calls them to explain why
its conditional statement changed nothing. So the rules exist once.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from flask_otpauth.core import instants
from flask_otpauth.core.limits import Block, Limit, depth_of, strongest


@dataclass(frozen=True)
class Record:
    """
    One row: the logs of a subject's limits, a subject's challenge, or both at once.

    Instants are epoch milliseconds; ``digest`` is ``None`` where no code is live. ``held``: its
    misses count until a person clears them, so that no purge may take the row.
    """

    sends: str = ""
    misses: str = ""
    nonce: str = ""
    digest: bytes | None = None
    issued_at: int = 0
    expires_at: int = 0
    guesses: int = 0
    consumed_at: int | None = None
    reference: str = ""
    held: bool = False
    updated_at: int = 0


@dataclass(frozen=True)
class Cap:
    """A plain counter over a calendar day (campaign and application caps): at most ``count``."""

    key: bytes
    count: int
    day_start_ms: int
    day_end_ms: int

    def block(self, counted: int) -> Block | None:
        """What the cap forbids once ``counted`` codes were issued on its day."""
        return Block("quota", self.day_end_ms, self.count) if counted >= self.count else None


@dataclass(frozen=True)
class Issue:
    """
    An accepted request for a code, as the store needs it.

    ``limits_key`` and ``challenge_key`` are equal where the limits and the code are about the
    same subject; then they are one row. ``references`` are kept with (limits, challenge).
    ``repeat_within_ms``: the same digest issued less than this before is a repetition.
    """

    limits_key: bytes
    challenge_key: bytes
    nonce: str
    digest: bytes
    now_ms: int
    expires_at_ms: int
    send_limits: tuple[Limit, ...] = ()
    locks: tuple[Limit, ...] = ()
    references: tuple[str, str] = ("", "")
    cap: Cap | None = None
    repeat_within_ms: int = 0

    @property
    def entry(self) -> str:
        """Its entry in the log of sends."""
        return instants.entry(self.now_ms, self.nonce)


@dataclass(frozen=True)
class IssueResult:
    """Issued, a repetition of what was issued just before, or blocked."""

    block: Block | None = None
    repeated: bool = False

    @property
    def issued(self) -> bool:
        """Whether the code is live now."""
        return self.block is None and not self.repeated


@dataclass(frozen=True)
class Guess:
    """A submitted code, as the store needs it: its digest under every key that may be in use."""

    limits_key: bytes
    challenge_key: bytes
    digests: tuple[bytes, ...]
    nonce: str
    now_ms: int
    max_guesses: int
    locks: tuple[Limit, ...] = ()

    @property
    def entry(self) -> str:
        """Its entry in the log of misses, should it be wrong."""
        return instants.entry(self.now_ms, self.nonce)

    @property
    def depth(self) -> int:
        """How many misses the log keeps."""
        return depth_of(self.locks)

    @property
    def holds(self) -> bool:
        """Whether a miss counts until a person clears it."""
        return any(limit.period_ms is None for limit in self.locks)


class State(Enum):
    """What became of a guess, or the state of the code that it could not be judged against."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    USED = "used"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    LOCKED = "locked"
    NONE = "none"


@dataclass(frozen=True)
class Standing:
    """
    What the store says of a guess.

    ``right`` tells whether the digest was that of the row, whatever the row's state; ``left``
    how many guesses the code still takes; ``expired`` whether its time is over as well.
    """

    state: State
    right: bool = False
    left: int = 0
    expired: bool = False
    block: Block | None = None


def blocked(limits: Record, issue: Issue) -> Block | None:
    """What forbids ``issue``, given the row with its logs."""
    return strongest(
        [
            *(limit.free_at(limits.misses, issue.now_ms) for limit in issue.locks),
            *(limit.free_at(limits.sends, issue.now_ms) for limit in issue.send_limits),
        ]
    )


def repeats(challenge: Record, issue: Issue) -> bool:
    """Whether ``issue`` asks again for the very code that was issued just before."""
    return (
        issue.repeat_within_ms > 0
        and challenge.digest is not None
        and hmac.compare_digest(challenge.digest, issue.digest)
        and challenge.issued_at > issue.now_ms - issue.repeat_within_ms
    )


def refusal(limits: Record, challenge: Record, counted: int, issue: Issue) -> IssueResult | None:
    """
    What to answer where ``issue`` must change nothing; ``None`` where nothing is in its way.

    A repetition is told before any limit: what it asks for has been done.
    """
    if repeats(challenge, issue):
        return IssueResult(repeated=True)
    block = strongest([blocked(limits, issue), issue.cap.block(counted) if issue.cap else None])
    return None if block is None else IssueResult(block)


def with_send(record: Record, issue: Issue) -> Record:
    """The limits row after ``issue``."""
    sends = instants.pushed(record.sends, issue.entry, depth_of(issue.send_limits))
    return replace(record, sends=sends, reference=issue.references[0], updated_at=issue.now_ms)


def with_code(record: Record, issue: Issue) -> Record:
    """The challenge row after ``issue``: the earlier code is worth nothing."""
    return replace(
        record,
        nonce=issue.nonce,
        digest=issue.digest,
        issued_at=issue.now_ms,
        expires_at=issue.expires_at_ms,
        guesses=0,
        consumed_at=None,
        reference=issue.references[1],
        updated_at=issue.now_ms,
    )


def without(record: Record, issue: Issue) -> Record:
    """The row after ``issue`` was withdrawn: quota given back, its code dead, a newer one alive."""
    digest = None if record.nonce == issue.nonce else record.digest
    return replace(record, sends=instants.withdrawn(record.sends, issue.entry), digest=digest)


def judge(limits: Record | None, challenge: Record | None, guess: Guess) -> Standing:
    """What ``guess`` is, given both rows as they are before it."""
    lock = strongest(limit.free_at(limits.misses if limits else "", guess.now_ms) for limit in guess.locks)
    if lock is not None:
        return Standing(State.LOCKED, block=lock)
    if challenge is None or challenge.digest is None:
        return Standing(State.NONE)
    right = matches(challenge.digest, guess.digests)
    expired = challenge.expires_at <= guess.now_ms
    left = max(0, guess.max_guesses - challenge.guesses)
    if challenge.consumed_at is not None:
        return Standing(State.USED, right, left, expired)
    if left == 0:
        return Standing(State.EXHAUSTED, right, 0, expired)
    if expired:
        return Standing(State.EXPIRED, right, left, expired)
    if right:
        return Standing(State.ACCEPTED, right, left)
    return Standing(State.WRONG, right, left - 1)


def with_guess(record: Record, guess: Guess, standing: Standing) -> Record:
    """The challenge row after a judged ``guess``."""
    if standing.state is State.ACCEPTED:
        return replace(record, consumed_at=guess.now_ms, updated_at=guess.now_ms)
    return replace(record, guesses=record.guesses + 1, updated_at=guess.now_ms)


def with_miss(record: Record, guess: Guess, standing: Standing) -> Record:
    """The limits row after a judged ``guess``: a success clears the log of misses."""
    if standing.state is State.ACCEPTED:
        return replace(record, misses="", held=False)
    misses = instants.pushed(record.misses, guess.entry, guess.depth)
    return replace(record, misses=misses, held=guess.holds, updated_at=guess.now_ms)


def matches(digest: bytes, candidates: Iterable[bytes]) -> bool:
    """Whether ``digest`` is one of ``candidates``, in constant time for each."""
    return any([hmac.compare_digest(digest, candidate) for candidate in candidates])
