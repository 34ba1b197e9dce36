"""
One-time codes: drawing them, and the rules by which they are issued, judged and withdrawn.

**Two rows.** A code has two rows in the store. The *challenge* row belongs to what the code is for: its
purpose, client and subject. It holds the keyed digest of the current code, its expiry, and how many
guesses it had. The *limits* row belongs to the subject alone, such as a phone number. It holds two logs
(:mod:`.instants`): when codes were sent, and when guesses were wrong. The client is not in the key of
the limits row, so a second client does not bring a second quota. If both keys are equal, there is one row.

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

import hashlib
import hmac
import html
import re
import secrets
import unicodedata
from collections.abc import Iterable
from enum import Enum
from typing import TypeGuard

from flask_otpauth.core import instants
from flask_otpauth.core.instants import Block, Limit, reach_ms, strongest
from flask_otpauth.core.keys import random_base64url
from flask_otpauth.core.record import record, replace
from flask_otpauth.core.sensitive import Sensitive

_TAG = re.compile("<[^>]*>")


def draw_code(length: int) -> Sensitive:
    """Draw a code of ``length`` ASCII digits with the system's generator (NIST SP 800-63B-4 §3.2.12)."""
    return Sensitive(f"{secrets.randbelow(10**length):0{length}d}")


def draw_nonce() -> str:
    """Draw a name for one issue or one guess: 16 URL-safe characters."""
    return random_base64url(12)


def withheld_digest(digest: bytes) -> bytes:
    """Return a digest that no code has, in place of the digest of a code that is not sent."""
    return hashlib.sha256(digest).digest()


def is_digits(text: object, shortest: int, longest: int | None = None) -> TypeGuard[str]:
    """Return whether ``text`` is a string of ASCII digits, ``shortest`` to ``longest`` characters long."""
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()):
        return False
    return shortest <= len(text) <= (shortest if longest is None else longest)


def shows_code(text: str, code: str) -> bool:
    """
    Return whether ``text``, plain or HTML, shows all digits of ``code`` in their order.

    They may be apart, as in a text to speak, each in an HTML element of its own, or in another script.
    """
    at = text.find(code)
    if at >= 0 and text.rfind("<", 0, at) <= text.rfind(">", 0, at):
        return True  # As almost every text shows it: in one piece, and not in a tag.
    shown = html.unescape(_TAG.sub("", text))
    if code in shown:
        return True
    return code in "".join(
        str(unicodedata.decimal(character)) for character in shown if character.isdecimal()
    )


@record
class ChallengeRow:
    """One row of the store: the limits of a subject, its challenge, or both. Instants are epoch ms."""

    #: The log of sent codes.
    sends: str = ""
    #: The log of wrong guesses.
    misses: str = ""
    #: The name of the newest issue.
    nonce: str = ""
    #: The keyed digest of the current code; ``None`` if there is none.
    digest: bytes | None = None
    issued_at: int = 0
    expires_at: int = 0
    #: Wrong guesses at the current code.
    guesses: int = 0
    consumed_at: int | None = None
    #: What the newest issue stored with the row.
    reference: str = ""
    #: Redeeming the code proves that the user received it, and so clears the misses.
    clears_misses: bool = True
    #: The message of the code was handed over, or may have been.
    handed_over: bool = False
    #: In at least one app the misses count until they are cleared, so the row must not be purged.
    held: bool = False
    #: From this instant on, no limit of an app that wrote to the row looks at it.
    needed_until: int = 0
    #: When an app refused the subject because of a lock, and when that lock ends.
    locked_at: int = 0
    locked_until: int = 0


@record
class Cap:
    """At most ``count`` codes in a calendar day: the cap of a campaign or an application."""

    key: bytes
    count: int
    day_start_ms: int
    day_end_ms: int

    def block(self, counted: int) -> Block | None:
        """Return what the cap forbids after ``counted`` codes on its day; ``None`` if nothing."""
        return Block("quota", self.day_end_ms, self.count) if counted >= self.count else None


@record
class Issue:
    """An accepted request for a code, as the store needs it."""

    #: Equal to ``challenge_key`` if the limits and the code are about the same subject: one row then.
    limits_key: bytes
    challenge_key: bytes
    #: The name of the issue. Its beginning is in the entry of the log.
    nonce: str
    #: The keyed digest of the code.
    digest: bytes
    now_ms: int
    expires_at_ms: int
    #: The limits over the log of sends.
    send_limits: tuple[Limit, ...] = ()
    #: The limits over the log of misses.
    locks: tuple[Limit, ...] = ()
    #: Texts to keep with the limits row and with the challenge row.
    references: tuple[str, str] = ("", "")
    cap: Cap | None = None
    #: The same digest, issued less than this before, is a repetition.
    repeat_within_ms: int = 0
    #: Redeeming the code proves that the user received it, and so clears the misses. ``False`` if the
    #: client that asked for the code knows it.
    clears_misses: bool = True

    @property
    def entry(self) -> str:
        """Its entry in the log of sends."""
        return instants.entry(self.now_ms, self.nonce)

    @property
    def send_needed_until_ms(self) -> int:
        """When its limits begin to ignore its entry."""
        return self.now_ms + reach_ms(self.send_limits)

    @property
    def code_needed_until_ms(self) -> int:
        """When the code has expired, and asking for it again is no repetition."""
        return max(self.expires_at_ms, self.now_ms + self.repeat_within_ms)


@record
class IssueResult:
    """What became of an issue: issued, a repetition of the issue before it, or blocked."""

    #: What forbids it.
    block: Block | None = None
    #: The same code was issued just before, and its message was handed over.
    repeated: bool = False
    #: The same code was issued just before, and its message is not handed over yet. Sending may still
    #: fail, or its process may have been killed.
    under_way: bool = False

    @property
    def issued(self) -> bool:
        """Whether the code is valid now."""
        return self.block is None and not (self.repeated or self.under_way)


@record
class Guess:
    """A submitted code, as the store needs it."""

    limits_key: bytes
    challenge_key: bytes
    #: The keyed digest of the code, under every key that may be in use.
    digests: tuple[bytes, ...]
    #: The name of the guess. Its beginning is in the entry of the log.
    nonce: str
    now_ms: int
    max_guesses: int
    #: The limits over the log of misses.
    locks: tuple[Limit, ...] = ()

    @property
    def entry(self) -> str:
        """Its entry in the log of misses, if it is wrong."""
        return instants.entry(self.now_ms, self.nonce)

    @property
    def needed_until_ms(self) -> int:
        """When its locks begin to ignore its entry, apart from locks without an end."""
        return self.now_ms + reach_ms(self.locks)

    @property
    def holds(self) -> bool:
        """Whether a miss counts until an administrator clears it."""
        return None in [limit.period_ms for limit in self.locks]


@record
class Act:
    """Something that is limited and counted without a code, as the store needs it."""

    key: bytes
    limits: tuple[Limit, ...]
    nonce: str
    now_ms: int

    @property
    def entry(self) -> str:
        """Its entry in the log of its row."""
        return instants.entry(self.now_ms, self.nonce)

    def block(self, row: ChallengeRow) -> Block | None:
        """Return what forbids it, given the row with its log."""
        return strongest(limit.free_at(row.sends, self.now_ms) for limit in self.limits)


class GuessState(Enum):
    """What became of a guess, or why it was not judged."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    USED = "used"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    LOCKED = "locked"
    NONE = "none"


@record
class Verdict:
    """The answer of the store to a guess."""

    state: GuessState
    #: The digest was that of the row, whatever the state of the row.
    right: bool = False
    #: How many more guesses the code allows.
    left: int = 0
    #: The code has expired, besides what ``state`` says.
    expired: bool = False
    #: The lock, if the state is ``LOCKED``.
    block: Block | None = None


def lock_of(limits: ChallengeRow, locks: tuple[Limit, ...], now_ms: int) -> Block | None:
    """Return the lock of a subject, by ``locks`` or noted by an app; ``None`` if ``locks`` is empty."""
    own = [limit.free_at(limits.misses, now_ms) for limit in locks]
    return strongest([*own, _noted_lock(limits, now_ms)] if locks else [])


def with_lock(limits: ChallengeRow, locks: tuple[Limit, ...], now_ms: int) -> ChallengeRow:
    """
    Return the limits row with the lock of ``locks`` noted in it, so that other apps see it.

    On a clock that is behind, the end of the lock moves with the clock. So the row changes only if the end
    has moved by ``SKEW_MS``, and not with each refusal.
    """
    own = strongest(limit.free_at(limits.misses, now_ms) for limit in locks)
    if own is None:
        return limits
    until = instants.FOR_EVER if own.free_at_ms is None else own.free_at_ms
    if _noted_lock(limits, now_ms) is not None and limits.locked_until + instants.SKEW_MS >= until:
        return limits
    held, needed_until = (True, 0) if own.free_at_ms is None else (False, until)
    return replace(
        limits,
        locked_at=now_ms,
        locked_until=until,
        held=limits.held or held,
        needed_until=max(limits.needed_until, needed_until),
    )


def _noted_lock(limits: ChallengeRow, now_ms: int) -> Block | None:
    """Return the lock that an app has noted in the row, unless the clock of that app was far ahead."""
    if limits.locked_until <= now_ms or limits.locked_at > now_ms + instants.AHEAD_MS:
        return None
    if limits.locked_until >= instants.FOR_EVER:
        return Block("lock", None)
    return Block("lock", min(limits.locked_until, now_ms + limits.locked_until - limits.locked_at))


def without_misses(limits: ChallengeRow) -> ChallengeRow:
    """Return the limits row without misses and without a lock."""
    return replace(limits, misses="", held=False, locked_at=0, locked_until=0)


def block_of(limits: ChallengeRow, issue: Issue) -> Block | None:
    """Return what forbids ``issue``, by the logs of its limits row; ``None`` if nothing does."""
    return strongest(
        [
            lock_of(limits, issue.locks, issue.now_ms),
            *(limit.free_at(limits.sends, issue.now_ms) for limit in issue.send_limits),
        ]
    )


def repeats(challenge: ChallengeRow, issue: Issue) -> bool:
    """Return whether ``issue`` asks again for the code that was issued just before."""
    return (
        challenge.digest is not None
        and hmac.compare_digest(challenge.digest, issue.digest)
        and abs(issue.now_ms - challenge.issued_at) < issue.repeat_within_ms
    )


def judge_issue(
    limits: ChallengeRow, challenge: ChallengeRow, counted: int, issue: Issue
) -> IssueResult | None:
    """
    Return the answer if ``issue`` must change nothing; ``None`` if it may be issued.

    A repetition comes before the limits: what it asks for is done, or is being done.
    """
    if repeats(challenge, issue):
        return IssueResult(repeated=challenge.handed_over, under_way=not challenge.handed_over)
    block = strongest([block_of(limits, issue), issue.cap.block(counted) if issue.cap else None])
    return None if block is None else IssueResult(block)


def with_send(limits: ChallengeRow, issue: Issue) -> ChallengeRow:
    """Return the limits row after ``issue``."""
    return replace(
        limits,
        sends=instants.with_entry(limits.sends, issue.entry),
        reference=issue.references[0],
        needed_until=max(limits.needed_until, issue.send_needed_until_ms),
    )


def with_act(row: ChallengeRow, act: Act) -> ChallengeRow:
    """Return the row after ``act``."""
    return replace(
        row,
        sends=instants.with_entry(row.sends, act.entry),
        needed_until=max(row.needed_until, act.now_ms + reach_ms(act.limits)),
    )


def with_code(challenge: ChallengeRow, issue: Issue) -> ChallengeRow:
    """Return the challenge row after ``issue``. The code before it is invalid now."""
    return replace(
        challenge,
        nonce=issue.nonce,
        digest=issue.digest,
        issued_at=issue.now_ms,
        expires_at=issue.expires_at_ms,
        guesses=0,
        consumed_at=None,
        reference=issue.references[1],
        clears_misses=issue.clears_misses,
        handed_over=False,
        needed_until=max(challenge.needed_until, issue.code_needed_until_ms),
    )


def without_issue(row: ChallengeRow, issue: Issue) -> ChallengeRow:
    """
    Return the row after ``issue`` was withdrawn.

    Its quota is given back and its code is invalid. A newer code stays valid.
    """
    digest = None if row.nonce == issue.nonce else row.digest
    return replace(row, sends=instants.without_entry(row.sends, issue.entry), digest=digest)


def judge_guess(limits: ChallengeRow | None, challenge: ChallengeRow | None, guess: Guess) -> Verdict:
    """Judge ``guess`` by both rows as they are before it."""
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


def with_guess(challenge: ChallengeRow, guess: Guess, verdict: Verdict) -> ChallengeRow:
    """Return the challenge row after a judged ``guess``."""
    if verdict.state is GuessState.ACCEPTED:
        return replace(challenge, consumed_at=guess.now_ms)
    return replace(challenge, guesses=challenge.guesses + 1)


def with_miss(limits: ChallengeRow, guess: Guess, verdict: Verdict, challenge: ChallengeRow) -> ChallengeRow:
    """
    Return the limits row after a judged ``guess``.

    A wrong guess is added to the misses. An accepted one clears them, if the code says so.
    """
    if verdict.state is GuessState.ACCEPTED:
        return without_misses(limits) if challenge.clears_misses else limits
    return replace(
        limits,
        misses=instants.with_entry(limits.misses, guess.entry),
        held=limits.held or guess.holds,
        needed_until=max(limits.needed_until, guess.needed_until_ms),
    )


def is_over(challenge: ChallengeRow, now_ms: int) -> bool:
    """
    Return whether the code is not valid at ``now_ms``.

    It has expired, or it was issued later than ``now_ms``. A clock that is set back makes no expired code
    valid again.
    """
    return challenge.expires_at <= now_ms or challenge.issued_at > now_ms + instants.SKEW_MS


def matches(digest: bytes, candidates: Iterable[bytes]) -> bool:
    """Return whether ``digest`` is one of ``candidates``. Each comparison takes constant time."""
    return any([hmac.compare_digest(digest, candidate) for candidate in candidates])
