"""
One-time codes: drawing them, and the rules by which they are issued, judged and withdrawn.

**Two rows.** A code has two rows in the store. The *challenge* row belongs to what the code is for: its
purpose, client and subject. It holds the keyed digest of the current code, its expiry, and how many
guesses it had. The *limits* row belongs to the subject alone, such as a phone number. It holds two logs
(:mod:`.instants`): when codes were sent, and when guesses were wrong. The client is not in the key of
the limits row, so another client brings no second quota. If both keys are equal, there is one row.

**Atomic.** Two requests at the same moment must not both pass the last free place of a limit, and must
not both redeem one code. So the store does each operation as one indivisible step: it reads the rows,
decides by the functions below, and writes the new rows, with no other request in between. An adapter
that can run Python in such a step calls these functions. One that has the rules in SQL runs one
conditional statement, and calls these functions to explain why it changed no row. So the rules exist
once.

**Issue** (:func:`judge_issue`, :func:`with_send`, :func:`with_code`). If neither a lock nor a limit
forbids it, the send is added to the log, and the new code replaces the one before it. The new code has
all its guesses. The log of wrong guesses does not change: the guess budget of the subject counts over all
codes. A client that lost an answer may ask for the same code again within a time: such a *repetition*
changes nothing.

**Withdraw** (:func:`without_issue`). If the message was certainly not sent, the issue is undone: its
entry is removed from the log, so that quota and cooldown are as before, and its code is invalid. A newer
code stays valid.

**Redeem** (:func:`judge_guess`, :func:`with_guess`, :func:`with_miss`). Every guess is counted before its
outcome is known to anyone. A right guess uses the code up. If that proves that the user received the
code, it also clears the wrong guesses of the subject. A wrong guess is counted by the code and added to
the log of the subject.

**Lock** (:func:`lock_of`, :func:`with_lock`). A subject whose log of wrong guesses is over a limit gets no
code and no guess. Apps with different limits may share a row. The app that refuses a subject notes the
lock in the row, so that an app that allows more guesses refuses it too. An administrator, or a right code
before the lock, clears the log (:func:`without_misses`).
"""

from __future__ import annotations

import hmac
import html
import re
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from flask_otpauth.core import instants
from flask_otpauth.core.instants import Block, Limit, reach_ms, strongest
from flask_otpauth.core.sensitive import Sensitive


def draw_code(length: int) -> Sensitive:
    """``length`` ASCII digits, uniform, from the system's generator (NIST SP 800-63B-4 §3.2.12)."""
    return Sensitive(f"{secrets.randbelow(10**length):0{length}d}")


def draw_nonce() -> str:
    """A name for one issue or one guess: 16 URL-safe characters."""
    return secrets.token_urlsafe(12)


def is_digits(text: object, shortest: int, longest: int | None = None) -> bool:
    """Whether ``text`` is a string of ASCII digits of that length; other scripts' digits are not."""
    longest = shortest if longest is None else longest
    return isinstance(text, str) and bool(re.fullmatch(f"[0-9]{{{shortest},{longest}}}", text, re.ASCII))


def is_told_in(code: str, text: str) -> bool:
    """
    Whether ``text``, plain or HTML, shows all digits of ``code`` in their order: together, read
    one by one, in elements of their own, or in another script.
    """
    shown = html.unescape(re.sub("<[^>]*>", "", text))
    return code in "".join(str(unicodedata.decimal(each)) for each in shown if each.isdecimal())


@dataclass(frozen=True)
class ChallengeRow:
    """
    One row: the limits of a subject, its challenge, or both.

    Instants are epoch milliseconds; ``digest`` is ``None`` where no code is live.
    ``clears_misses``: redeeming the code proves that somebody received it, and clears the log of
    misses. ``handed_over``: the message of the code was handed over, or may have been. ``held``:
    in some app the misses count until they are cleared, so the row must not be purged.
    ``needed_until``: from then on no limit of an app that wrote to the row looks at it.
    ``locked_until``: the end of a lock that some app met at ``locked_at`` (:mod:`.locks`).
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
    clears_misses: bool = True
    handed_over: bool = False
    held: bool = False
    needed_until: int = 0
    locked_at: int = 0
    locked_until: int = 0


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


def block_of(limits: ChallengeRow, issue: Issue) -> Block | None:
    """What forbids ``issue``, given the row with its logs."""
    return strongest(
        [
            lock_of(limits, issue.locks, issue.now_ms),
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
        sends=instants.with_entry(record.sends, issue.entry),
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
    return replace(record, sends=instants.without_entry(record.sends, issue.entry), digest=digest)


def judge_guess(limits: ChallengeRow | None, challenge: ChallengeRow | None, guess: Guess) -> Verdict:
    """What ``guess`` is, given both rows as they are before it."""
    lock = lock_of(limits or ChallengeRow(), guess.locks, guess.now_ms)
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
        return without_misses(record) if challenge.clears_misses else record
    return replace(
        record,
        misses=instants.with_entry(record.misses, guess.entry),
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
