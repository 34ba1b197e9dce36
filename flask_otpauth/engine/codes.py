"""Issuing and redeeming codes: the one engine behind every flow and the host's own views."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from time import sleep
from typing import TypeVar, overload

from flask_otpauth.core import errors
from flask_otpauth.core.challenges import (
    Cap,
    Guess,
    GuessState,
    Issue,
    IssueResult,
    Verdict,
    draw_code,
    draw_nonce,
    is_digits,
)
from flask_otpauth.core.instants import DAY, Block, epoch_ms, from_epoch_ms, milliseconds
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.policies import Policy
from flask_otpauth.engine.messenger import Draft, Messenger
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.storage import Storage

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """
    What a code is for, whom it is about, and for which client: all three are bound to it.

    ``counted_as`` is the subject that quotas, budget and lock count under, where it is not
    ``subject`` itself (an order's is its phone); where only the row of that subject is known,
    ``limits_key`` is its key. ``shown`` is what signals call the subject, where that is not
    ``subject`` itself. ``circumstances``: a code that was issued under the first of them is
    accepted while it is among them.
    """

    purpose: str
    subject: str = field(repr=False)
    client_id: str = ""
    counted_as: str = field(default="", repr=False)
    limits_key: bytes | None = None
    shown: str = field(default="", repr=False)
    circumstances: tuple[str, ...] = field(default=("",), repr=False)

    @property
    def named(self) -> str:
        """What signals call the subject."""
        return self.shown or self.subject

    def counting(self, limits_key: bytes) -> Target:
        """This target, with its limits in the row of that key."""
        return replace(self, limits_key=limits_key)


@dataclass(frozen=True)
class IssueOptions:
    """
    What a request for a code may ask for beyond its policy.

    ``code``: the caller chose it. ``references`` are kept with the limits and the challenge.
    ``cap`` is a counter that must have room as well. ``repeat_within_ms``: the same code
    asked for again within this time is a retry after a lost answer. ``apart``: the caller keeps
    and checks the code; no other code supersedes it, and a retry is known whatever came between.
    ``is_known``: the caller chose the code or is shown it. To redeem it then proves nothing, and
    leaves the wrong guesses of the subject counted (docs/security.md, "What clears the budget").
    """

    code: str | None = field(default=None, repr=False)
    references: tuple[str, str] = ("", "")
    cap: Cap | None = None
    repeat_within_ms: int = 0
    apart: bool = False
    is_known: bool = False


@dataclass(frozen=True)
class Issued:
    """A live code. ``repeated``: it was issued by the request before this one; nothing was sent."""

    code: str = field(repr=False)
    expires_at: datetime
    repeated: bool = False


_DAY_MS = milliseconds(DAY)
#: The pauses before a retry looks again whether the first message was handed over: two seconds in
#: all. They grow, since each look is a write that is undone.
_PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.65)
_LIMITED: dict[str, Callable[[int | None, int], errors.Limited]] = {
    "cooldown": errors.CooldownActive,
    "quota": errors.QuotaExceeded,
    "lock": errors.SubjectLocked,
}


@dataclass(frozen=True)
class Codes:
    """Issue → commit → send → withdraw on a definite failure; and redeem, at most once."""

    storage: Storage
    keys: KeyRing
    messenger: Messenger
    clock: Clock
    events: Events

    def send(
        self, policy: Policy, target: Target, draft: Draft, options: IssueOptions | None = None
    ) -> Issued:
        """
        Issue a code, which supersedes the earlier one, and send it.

        Where the letter is ``withheld`` no guess can be right, with the same limits and answers: it
        ends as the last hand-over on its channel did.

        :raises Limited: if cooldown, quota, lock or cap forbid it; the earlier code stays live. Also
            if the same code is under way at this moment: ask again in a second.
        :raises SendFailed: if it was definitely not handed over; nothing was used up.
        """
        options = options or IssueOptions()
        now_ms = epoch_ms(self.clock())
        code = options.code if options.code is not None else draw_code(policy.code_length)
        expires_at = from_epoch_ms(now_ms + milliseconds(policy.code_ttl))
        # Written before the code is issued: a template that fails uses nothing up.
        message = self.messenger.write(draft, code, expires_at)
        issue = self._issue(policy, target, now_ms, options, None if draft.withheld else code)
        result = self._issue_or_wait(issue)
        if result.block is not None:
            raise self._limited(result.block, target, now_ms)
        if result.repeated:
            return Issued(code, expires_at, repeated=True)
        if not draft.withheld:
            self.events("code_issued", purpose=target.purpose, subject=target.named)
        if self.messenger.send(draft, message, issue).status.is_definite_failure:
            raise errors.SendFailed
        return Issued(code, expires_at)

    def issue(self, policy: Policy, target: Target) -> Issued:
        """
        Issue a code that the caller is shown, to hand it over by other means.

        :raises Limited: as :meth:`send`.
        """
        now_ms = epoch_ms(self.clock())
        code = draw_code(policy.code_length)
        issue = self._issue(policy, target, now_ms, IssueOptions(is_known=True), code)
        result = self.storage.challenges.issue(issue)
        if result.block is not None:
            raise self._limited(result.block, target, now_ms)
        self.events("code_issued", purpose=target.purpose, subject=target.named)
        return Issued(code, from_epoch_ms(issue.expires_at_ms))

    def draw(self, policy: Policy) -> str:
        """A code, for a flow that must know it before it is issued."""
        return draw_code(policy.code_length)

    def daily_cap(self, scope: str, subject: str, count: int | None) -> Cap | None:
        """A cap of ``count`` a UTC day; none without a count."""
        if count is None:
            return None
        now_ms = epoch_ms(self.clock())
        day_start_ms = now_ms - now_ms % _DAY_MS
        return Cap(self.keys.row_key("cap", scope, subject), count, day_start_ms, day_start_ms + _DAY_MS)

    def wait_seconds(self, policy: Policy, target: Target) -> int:
        """Whole seconds until a code may be sent again; 0 when it may now, or nothing tells when."""
        block = self._peek(policy, target)
        return (block.retry_after_seconds(epoch_ms(self.clock())) or 0) if block else 0

    def demand_unlocked(self, policy: Policy, target: Target) -> None:
        """:raises SubjectLocked: if the guess budget of the subject is used up."""
        block = self._peek(replace(policy, send_quotas=(), cooldown=timedelta(0)), target)
        if block is not None:
            raise self._limited(block, target, epoch_ms(self.clock()))

    @overload
    def redeem(self, policy: Policy, target: Target, code: object) -> None: ...

    @overload
    def redeem(self, policy: Policy, target: Target, code: object, effect: Callable[[], T]) -> T: ...

    def redeem(
        self, policy: Policy, target: Target, code: object, effect: Callable[[], T] | None = None
    ) -> T | None:
        """
        Judge a submitted code, count the guess, and consume the code that it opens.

        ``effect`` is what the code opens: it runs in the transaction that consumes the code,
        so that both stand or fall together, and its result is returned.

        :raises SubjectLocked: if the guess budget of the subject is used up.
        :raises CodeRefused: which of its kinds depends on the policy's ``tells_state``.
        """
        if not is_digits(code, policy.code_length):
            raise self._refused(target, errors.CodeWrong(reason="shape"))
        now_ms = epoch_ms(self.clock())
        guess = Guess(
            limits_key=self.limits_key(policy, target),
            challenge_key=self.challenge_key(target),
            digests=self._digests(target, code),
            nonce=draw_nonce(),
            now_ms=now_ms,
            max_guesses=policy.max_guesses,
            locks=policy.locks,
        )
        result: T | None = None
        with self.storage.transaction():
            verdict = self.storage.challenges.redeem(guess)
            if verdict.state is GuessState.ACCEPTED and effect is not None:
                result = effect()
        # Only now: an exception inside would have undone the count of the guess.
        if verdict.state is not GuessState.ACCEPTED:
            raise self._refused(target, _refusal(verdict, policy, now_ms))
        self.events("code_accepted", purpose=target.purpose, subject=target.named)
        return result

    def limits_key(self, policy: Policy, target: Target) -> bytes:
        """The row that the limits of this target are kept in: never with the client in its key."""
        if target.limits_key is not None:
            return target.limits_key
        return self.keys.row_key(policy.scope, "", target.counted_as or target.subject)

    def challenge_key(self, target: Target) -> bytes:
        """The row that the target's code is kept in."""
        return self.keys.row_key(*_bound(target))

    def reference(self, key: bytes) -> str | None:
        """Return what the newest issue left with the row of ``key``; ``None`` if there is no row."""
        return self.storage.challenges.reference(key)

    def clear_quotas(self, policy: Policy, target: Target) -> None:
        """Free the quotas of the subject. Guesses stay counted, and a lock stays."""
        self.storage.challenges.clear(self.limits_key(policy, target), "sends")

    def _peek(self, policy: Policy, target: Target) -> Block | None:
        now_ms = epoch_ms(self.clock())
        return self.storage.challenges.peek(self._issue(policy, target, now_ms, IssueOptions(), None))

    def _issue(
        self, policy: Policy, target: Target, now_ms: int, options: IssueOptions, code: str | None
    ) -> Issue:
        digest = secrets.token_bytes(32) if code is None else self._digests(target, code)[0]
        apart = self.keys.row_key(*_bound(target), digest.hex()) if options.apart else None
        return Issue(
            limits_key=self.limits_key(policy, target),
            challenge_key=apart or self.challenge_key(target),
            nonce=draw_nonce(),
            digest=digest,
            now_ms=now_ms,
            expires_at_ms=now_ms + milliseconds(policy.code_ttl),
            send_limits=policy.send_limits,
            locks=policy.locks,
            references=options.references,
            cap=options.cap,
            repeat_within_ms=options.repeat_within_ms,
            clears_misses=not options.is_known,
        )

    def _issue_or_wait(self, issue: Issue) -> IssueResult:
        """
        Issue a code. If the same issue is still under way, wait up to two seconds until it has ended.

        Its message may still fail, so the retry must not be answered with success yet. If it does not
        end, or its process was killed, the client is told to retry in a second.
        """
        result = self.storage.challenges.issue(issue)
        for pause_seconds in _PAUSES_SECONDS:
            if not result.under_way:
                return result
            sleep(pause_seconds)
            result = self.storage.challenges.issue(issue)
        return IssueResult(Block("cooldown", issue.now_ms + 1_000, 1)) if result.under_way else result

    def _digests(self, target: Target, code: object) -> tuple[bytes, ...]:
        """The digests that the code can have, that under the first circumstance and the newest key first."""
        of_each = (
            self.keys.digests("codes", *_bound(target), under, str(code)) for under in target.circumstances
        )
        return tuple(chain.from_iterable(of_each))

    def _limited(self, block: Block, target: Target, now_ms: int) -> errors.Limited:
        self.events(
            "request_limited",
            purpose=target.purpose,
            subject=target.named,
            reason=block.kind,
        )
        limited = errors.DailyQuotaExceeded if block.is_daily else _LIMITED[block.kind]
        return limited(block.retry_after_seconds(now_ms), block.count)

    def _refused(self, target: Target, refusal: errors.Refusal) -> errors.Refusal:
        reason = refusal.reason if isinstance(refusal, errors.CodeWrong) else refusal.code
        self.events("code_refused", purpose=target.purpose, subject=target.named, reason=reason)
        return refusal


def _bound(target: Target) -> tuple[str, str, str]:
    return target.purpose, target.client_id, target.subject


def _refusal(verdict: Verdict, policy: Policy, now_ms: int) -> errors.Refusal:
    """
    The refusal to tell.

    A used or expired code reads as wrong to somebody who does not know it, so that these two
    are no oracle (contract/email.md). Where ``tells_state`` is set, the state is told whatever
    the code, and expiry before exhaustion (contract/flashcall.md: the order id is the proof).
    """
    if verdict.block is not None:
        return errors.SubjectLocked(verdict.block.retry_after_seconds(now_ms), verdict.block.count)
    if verdict.state is GuessState.EXHAUSTED:
        return errors.CodeExpired() if verdict.expired and policy.tells_state else errors.CodeExhausted()
    told = verdict.right or policy.tells_state
    if verdict.state is GuessState.USED and told:
        return errors.CodeUsed()
    if verdict.state is GuessState.EXPIRED and told:
        return errors.CodeExpired()
    return errors.CodeWrong(verdict.left, verdict.state.value)
