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

from flask_otpauth.core import instants, locks
from flask_otpauth.core.limits import Block, Limit, reach_ms, strongest
from flask_otpauth.core.rows import ChallengeRow


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
    ``clears_misses``: whether redeeming the code proves that somebody received it, and so
    clears the subject's log of misses; false if the client that asked for the code knows it.
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
    clears_misses: bool = True

    @property
    def entry(self) -> str:
        """Its entry in the log of sends."""
        return instants.entry(self.now_ms, self.nonce)

    @property
    def send_needed_until_ms(self) -> int:
        """When its limits have ceased to look at its entry."""
        return self.now_ms + reach_ms(self.send_limits)

    @property
    def code_needed_until_ms(self) -> int:
        """When the code is dead, and asking for it again is no repetition."""
        return max(self.expires_at_ms, self.now_ms + self.repeat_within_ms)


@dataclass(frozen=True)
class IssueResult:
    """
    Issued, a repetition of what was issued just before, or blocked.

    ``under_way``: a repetition of something whose message is not handed over yet. It may fail,
    or its process may have been killed.
    """

    block: Block | None = None
    repeated: bool = False
    under_way: bool = False

    @property
    def issued(self) -> bool:
        """Whether the code is live now."""
        return self.block is None and not (self.repeated or self.under_way)


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
    def needed_until_ms(self) -> int:
        """When its locks have ceased to look at its entry, if they ever do."""
        return self.now_ms + reach_ms(self.locks)

    @property
    def holds(self) -> bool:
        """Whether a miss counts until a person clears it."""
        return any(limit.period_ms is None for limit in self.locks)


class GuessState(Enum):
    """What became of a guess, or the state of the code that it could not be judged against."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    USED = "used"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    LOCKED = "locked"
    NONE = "none"


@dataclass(frozen=True)
class Verdict:
    """
    What the store says of a guess.

    ``right`` tells whether the digest was that of the row, whatever the row's state; ``left``
    how many guesses the code still takes; ``expired`` whether its time is over as well.
    """

    state: GuessState
    right: bool = False
    left: int = 0
    expired: bool = False
    block: Block | None = None


def block_of(limits: ChallengeRow, issue: Issue) -> Block | None:
    """What forbids ``issue``, given the row with its logs."""
    return strongest(
        [
            locks.lock_of(limits, issue.locks, issue.now_ms),
            *(limit.free_at(limits.sends, issue.now_ms) for limit in issue.send_limits),
        ]
    )


def repeats(challenge: ChallengeRow, issue: Issue) -> bool:
    """Whether ``issue`` asks again for the very code that was issued just before."""
    return (
        challenge.digest is not None
        and hmac.compare_digest(challenge.digest, issue.digest)
        and abs(issue.now_ms - challenge.issued_at) < issue.repeat_within_ms
    )


def judge_issue(
    limits: ChallengeRow, challenge: ChallengeRow, counted: int, issue: Issue
) -> IssueResult | None:
    """
    What to answer where ``issue`` must change nothing; ``None`` where nothing is in its way.

    A repetition is told before any limit: what it asks for has been done, or is being done.
    """
    if repeats(challenge, issue):
        return IssueResult(repeated=challenge.handed_over, under_way=not challenge.handed_over)
    block = strongest([block_of(limits, issue), issue.cap.block(counted) if issue.cap else None])
    return None if block is None else IssueResult(block)


def with_send(record: ChallengeRow, issue: Issue) -> ChallengeRow:
    """The limits row after ``issue``."""
    return replace(
        record,
        sends=instants.added(record.sends, issue.entry),
        reference=issue.references[0],
        needed_until=max(record.needed_until, issue.send_needed_until_ms),
    )


def with_code(record: ChallengeRow, issue: Issue) -> ChallengeRow:
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
        clears_misses=issue.clears_misses,
        handed_over=False,
        needed_until=max(record.needed_until, issue.code_needed_until_ms),
    )


def without_issue(record: ChallengeRow, issue: Issue) -> ChallengeRow:
    """The row after ``issue`` was withdrawn: quota given back, its code dead, a newer one alive."""
    digest = None if record.nonce == issue.nonce else record.digest
    return replace(record, sends=instants.withdrawn(record.sends, issue.entry), digest=digest)


def judge_guess(limits: ChallengeRow | None, challenge: ChallengeRow | None, guess: Guess) -> Verdict:
    """What ``guess`` is, given both rows as they are before it."""
    lock = locks.lock_of(limits or ChallengeRow(), guess.locks, guess.now_ms)
    if lock is not None:
        return Verdict(GuessState.LOCKED, block=lock)
    if challenge is None or challenge.digest is None:
        return Verdict(GuessState.NONE)
    right = matches(challenge.digest, guess.digests)
    expired = is_over(challenge, guess.now_ms)
    left = max(0, guess.max_guesses - challenge.guesses)
    if challenge.consumed_at is not None:
        return Verdict(GuessState.USED, right, left, expired)
    if left == 0:
        return Verdict(GuessState.EXHAUSTED, right, 0, expired)
    if expired:
        return Verdict(GuessState.EXPIRED, right, left, expired)
    if right:
        return Verdict(GuessState.ACCEPTED, right, left)
    return Verdict(GuessState.WRONG, right, left - 1)


def with_guess(record: ChallengeRow, guess: Guess, verdict: Verdict) -> ChallengeRow:
    """The challenge row after a judged ``guess``."""
    if verdict.state is GuessState.ACCEPTED:
        return replace(record, consumed_at=guess.now_ms)
    return replace(record, guesses=record.guesses + 1)


def with_miss(record: ChallengeRow, guess: Guess, verdict: Verdict, challenge: ChallengeRow) -> ChallengeRow:
    """The limits row after a judged ``guess``: a success clears the misses, if it proves something."""
    if verdict.state is GuessState.ACCEPTED:
        return locks.without_misses(record) if challenge.clears_misses else record
    return replace(
        record,
        misses=instants.added(record.misses, guess.entry),
        held=record.held or guess.holds,
        needed_until=max(record.needed_until, guess.needed_until_ms),
    )


def is_over(challenge: ChallengeRow, now_ms: int) -> bool:
    """
    Whether the code is not alive at ``now_ms``: it has expired, or was issued later, so that a
    clock that is set back revives none.
    """
    return challenge.expires_at <= now_ms or challenge.issued_at > now_ms + instants.SKEW_MS


def matches(digest: bytes, candidates: Iterable[bytes]) -> bool:
    """Whether ``digest`` is one of ``candidates``, in constant time for each."""
    return any([hmac.compare_digest(digest, candidate) for candidate in candidates])
