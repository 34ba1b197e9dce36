"""Issue codes and redeem them. All flows and the views of a host use this engine."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import field
from datetime import datetime
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
    withheld_digest,
)
from flask_otpauth.core.deliveries import DeliveryRow, id_of_step
from flask_otpauth.core.instants import DAY, Block, epoch_ms, from_epoch_ms, milliseconds
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.record import record, replace
from flask_otpauth.core.service import service
from flask_otpauth.core.workflows import starts
from flask_otpauth.engine.fixed_codes import FixedCodes
from flask_otpauth.engine.kept_messages import row_of_reported
from flask_otpauth.engine.messenger import Draft, Messenger, outgoing_of
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.directory import UserLookup
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.senders import Check, Message
from flask_otpauth.ports.storage import Storage, UserIssue, UserIssueResult

T = TypeVar("T")


@record
class Target:
    """What a code is bound to: it is accepted only for this purpose, subject and client."""

    purpose: str
    #: The address, the user or the order that the code is for.
    subject: str = field(repr=False)
    client_id: str = ""
    #: The subject of the quotas, the guess budget and the lock, if it is another one. For an order it is
    #: the phone number.
    counted_as: str = field(default="", repr=False)
    #: The key of the row of those limits, if only the key is known.
    limits_key: bytes | None = None
    #: The subject as signals show it, if they show it in another form.
    shown: str = field(default="", repr=False)
    #: A code is issued under the first circumstance. It is accepted while that is one of them.
    circumstances: tuple[str, ...] = field(default=("",), repr=False)

    @property
    def shown_subject(self) -> str:
        """The subject as signals show it."""
        return self.shown or self.subject


@record
class IssueOptions:
    """What a request for a code may ask for, besides what its policy says."""

    #: The code that the client chose; ``None``: a code is drawn.
    code: str | None = field(default=None, repr=False)
    #: Texts to keep with the limits row and with the challenge row.
    references: tuple[str, str] = ("", "")
    #: A cap that must not be reached.
    cap: Cap | None = None
    #: Asking for the same code again within this time is a retry, because the response may have been lost.
    repeat_within_ms: int = 0
    #: The client keeps the code and checks it. No later code replaces it, and a retry is recognized
    #: even if other codes were requested in between.
    apart: bool = False
    #: The client chose the code or is shown it. So redeeming it proves nothing, and does not clear the
    #: wrong guesses of the subject (docs/security.md, "What clears the budget").
    is_known: bool = False


@record
class Issued:
    """A code that was issued."""

    code: str = field(repr=False)
    expires_at: datetime
    #: It was issued by an earlier request, and this one sent nothing.
    repeated: bool = False


@record
class _Unsent:
    """A code whose message is written and not sent yet."""

    issued: Issued
    draft: Draft
    message: Message
    issue: Issue
    #: The recipient is a test identity, so the message is not sent.
    is_fixed: bool = False
    #: What is added to the storage with the issue: the row of the message, and those of later steps.
    rows: tuple[DeliveryRow, ...] = ()

    def to(self, recipient: str, *, withheld: bool) -> _Unsent:
        """Return it with this recipient."""
        if (recipient, withheld) == (self.draft.recipient, self.draft.withheld):
            return self
        draft = replace(self.draft, recipient=recipient, withheld=withheld)
        return replace(self, draft=draft, message=replace(self.message, recipient=recipient))


_DAY_MS = milliseconds(DAY)
#: The pauses before a retry checks again whether the first message was handed over: two seconds in
#: total. They grow, because each check is a write that is undone.
_PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.65)
_LIMITED_BY: dict[str, Callable[[int | None, int], errors.Limited]] = {
    "cooldown": errors.CooldownActive,
    "quota": errors.QuotaExceeded,
    "lock": errors.SubjectLocked,
}


def issue_to_user(storage: Storage, request: UserIssue) -> UserIssueResult:
    """Find the user who has an identifier, and issue a code for it."""
    issued = storage.issue_to_user(request) if storage.issue_to_user else None
    if issued is not None:
        return issued
    return request.issued_to(request.user.find(), storage.challenges.issue)


@service
class Codes:
    """
    Issues codes, sends them and redeems them.

    To send is: issue, commit, send the message, and withdraw the issue if the message was certainly not
    sent. To redeem is to count a guess, and to use the code up if the guess is right.
    """

    storage: Storage
    keys: KeyRing
    messenger: Messenger
    clock: Clock
    events: Events
    fixed_codes: FixedCodes | None = None

    def send(
        self, policy: Policy, target: Target, draft: Draft, options: IssueOptions | None = None
    ) -> Issued:
        """
        Issue a code, which replaces the code before it, and send it.

        If the draft is ``withheld``, the limits and the responses are the same, but no guess is right. The
        outcome is that of the last message on the channel.

        :raises Limited: if a cooldown, a quota, a lock or a cap forbids it, or the same code is being sent
            at this moment. The code before it stays valid.
        :raises SendFailed: if the message was certainly not sent. No quota is used up.
        """
        unsent = self._with_rows(policy, self._write(policy, target, draft, options or IssueOptions()))
        return self._send(target, unsent, self._issue_or_wait(unsent))

    def send_to_user(
        self, policy: Policy, target: Target, draft: Draft, user: UserLookup, *, for_anyone: bool
    ) -> Issued:
        """
        Issue a code for an identifier and send it to the user who has it, as :meth:`send` does.

        A disabled user gets no code. Without a user, the code is sent to the recipient of the draft, or to
        nobody if it is not ``for_anyone``. The limits, the responses and the time are the same.
        """
        unsent = self._write(policy, target, draft, IssueOptions())
        request = UserIssue(unsent.issue, user, for_anyone)
        if not (self.messenger.keeps_all or self.messenger.is_reported(unsent.message)):
            issued = issue_to_user(self.storage, request)
            unsent = _to_user(unsent, request, issued.email, issued.is_withheld)
            return self._send(target, unsent, issued.result)
        # The user is looked up before the transaction, because a directory can be in another database.
        found = user.find()
        is_withheld = request.is_withheld(found)
        unsent = _to_user(unsent, request, found.email if found else None, is_withheld)
        unsent = self._with_rows(policy, replace(unsent, issue=request.issue_if(not is_withheld)))
        return self._send(target, unsent, self._issue(unsent))

    def issue(self, policy: Policy, target: Target, addresses: Iterable[str] = ()) -> Issued:
        """
        Issue a code that the client is shown.

        If one of the ``addresses`` of its user is a test identity, it is the fixed code.

        :raises Limited: if a cooldown, a quota or a lock forbids it.
        """
        now_ms = epoch_ms(self.clock())
        fixed = {each: self._fixed_code(policy, each) for each in addresses}
        used = next((each for each, code in fixed.items() if code), "")
        code = fixed.get(used) or draw_code(policy.code_length)
        issue = self._issue_of(policy, target, now_ms, IssueOptions(is_known=True), code)
        result = self.storage.challenges.issue(issue)
        if result.block is not None:
            raise self._report_limit(result.block, target, now_ms)
        self.events("code_issued", purpose=target.purpose, subject=target.shown_subject)
        if used:
            self.events("test_identity_used", purpose=target.purpose, recipient=used)
        return Issued(code, from_epoch_ms(issue.expires_at_ms))

    def draw(self, policy: Policy, address: str) -> str:
        """
        Return a code for ``address``, for a use case that must know it before it is issued.

        It is drawn, or it is the fixed code of a test identity.
        """
        return self._fixed_code(policy, address) or draw_code(policy.code_length)

    def daily_cap(self, scope: str, subject: str, count: int | None) -> Cap | None:
        """Return a cap of ``count`` codes in this UTC day; ``None`` without a count."""
        if count is None:
            return None
        now_ms = epoch_ms(self.clock())
        day_start_ms = now_ms - now_ms % _DAY_MS
        return Cap(self.keys.row_key("cap", scope, subject), count, day_start_ms, day_start_ms + _DAY_MS)

    def wait_seconds(self, policy: Policy, target: Target) -> int:
        """Return the whole seconds until a code may be sent; 0 if it may be sent now, or that is unknown."""
        now_ms = epoch_ms(self.clock())
        block = self.storage.challenges.peek(self._issue_of(policy, target, now_ms, IssueOptions(), None))
        return (block.retry_after_seconds(now_ms) or 0) if block else 0

    def demand_unlocked(self, policy: Policy, target: Target) -> None:
        """
        Check that the subject is not locked.

        :raises SubjectLocked: if the guess budget of the subject is used up.
        """
        now_ms = epoch_ms(self.clock())
        issue = replace(self._issue_of(policy, target, now_ms, IssueOptions(), None), send_limits=())
        block = self.storage.challenges.peek(issue)
        if block is not None:
            raise self._report_limit(block, target, now_ms)

    @overload
    def redeem(self, policy: Policy, target: Target, code: object) -> None: ...

    @overload
    def redeem(self, policy: Policy, target: Target, code: object, effect: Callable[[], T]) -> T: ...

    def redeem(
        self, policy: Policy, target: Target, code: object, effect: Callable[[], T] | None = None
    ) -> T | None:
        """
        Judge a submitted code, count the guess, and use the code up if the guess is right.

        ``effect`` is what the code allows. It runs in the transaction that uses up the code, so that both
        happen or neither. Return its result.

        :raises SubjectLocked: if the guess budget of the subject is used up.
        :raises CodeRefused: if the code is not accepted. Its class says why, as far as ``tells_state`` of
            the policy allows that.
        :raises CheckUnavailable: if a provider owns the code and does not answer. The guess is counted.
        """
        guess = self.guess(policy, target, code)

        def attempt(guess: Guess) -> tuple[Verdict, T | None]:
            def redeem() -> tuple[Verdict, T | None]:
                verdict = self.storage.challenges.redeem(guess)
                is_accepted = verdict.state is GuessState.ACCEPTED
                return verdict, effect() if effect is not None and is_accepted else None

            return redeem() if effect is None else self.storage.atomically(redeem)

        verdict, result = attempt(guess)
        approved = self.approved(target, guess, code, verdict)
        if approved is not None:
            verdict, result = attempt(approved)
        # After the transaction: an exception inside would undo the count of the guess.
        self.require_accepted(policy, target, guess, verdict)
        return result

    def guess(self, policy: Policy, target: Target, code: object) -> Guess:
        """
        Return a submitted code as the storage judges it.

        :raises CodeWrong: if it does not have the form of a code. It is not counted then.
        """
        if not is_digits(code, policy.code_length):
            raise self._report_refusal(target, errors.CodeWrong(reason="shape"))
        limits_key, challenge_key = self._row_keys(policy, target)
        return Guess(
            limits_key=limits_key,
            challenge_key=challenge_key,
            digests=self._digests(target, code),
            nonce=draw_nonce(),
            now_ms=epoch_ms(self.clock()),
            max_guesses=policy.max_guesses,
            locks=policy.locks,
        )

    def approved(self, target: Target, guess: Guess, code: object, verdict: Verdict) -> Guess | None:
        """
        Ask the provider that owns the code, after ``guess`` was counted as wrong.

        Return the guess that uses the code up if the provider approves it. Return ``None`` if it does not, or
        if the code is one of ours. Call this outside of all transactions.

        :raises CodeWrong: if the provider does not know the code any more.
        :raises CheckUnavailable: if the provider does not answer.
        """
        verifications = self.messenger.verifications
        if verifications is None or verdict.state is not GuessState.WRONG:
            return None
        nonce = verifications.nonce(guess.challenge_key)
        if not nonce:
            return None
        recipient = target.subject if target.subject.startswith("+") or "@" in target.subject else ""
        check = verifications.check(nonce, recipient, str(code))
        if check is Check.APPROVED:
            digests = self._digests(target, nonce, "verifications")
            # One guess more than the policy allows, because this one was counted already.
            more = guess.max_guesses + 1
            return replace(guess, digests=digests, nonce=draw_nonce(), max_guesses=more, locks=())
        if check is not Check.WRONG:
            raise self._report_refusal(target, errors.CodeWrong(verdict.left, check.value))
        return None

    def require_accepted(self, policy: Policy, target: Target, guess: Guess, verdict: Verdict) -> None:
        """
        Report that the code was accepted.

        :raises CodeRefused: if it was not.
        :raises SubjectLocked: if the guess budget of the subject is used up.
        """
        if verdict.state is not GuessState.ACCEPTED:
            raise self._report_refusal(target, _refusal(verdict, policy, guess.now_ms))
        self.events("code_accepted", purpose=target.purpose, subject=target.shown_subject)

    def limits_key(self, policy: Policy, target: Target) -> bytes:
        """Return the key of the row with the limits of the target. The client is not in the key."""
        if target.limits_key is not None:
            return target.limits_key
        return self.keys.row_key(*_counted_as(policy, target))

    def challenge_key(self, target: Target) -> bytes:
        """Return the key of the row with the code of the target."""
        return self.keys.row_key(*_bound_to(target))

    def _row_keys(self, policy: Policy, target: Target) -> tuple[bytes, bytes]:
        """Return :meth:`limits_key` and :meth:`challenge_key`. Often both are about the same subject."""
        limits_key = self.limits_key(policy, target)
        is_one_row = target.limits_key is None and _counted_as(policy, target) == _bound_to(target)
        return limits_key, limits_key if is_one_row else self.challenge_key(target)

    def reference(self, key: bytes) -> str | None:
        """Return the text that the newest issue kept with the row of ``key``; ``None`` if there is no row."""
        return self.storage.challenges.reference(key)

    def clear_quotas(self, policy: Policy, target: Target) -> None:
        """Free the quotas of the subject. Wrong guesses stay counted, and a lock stays."""
        self.storage.challenges.clear(self.limits_key(policy, target), "sends")

    def _write(self, policy: Policy, target: Target, draft: Draft, options: IssueOptions) -> _Unsent:
        """Draw a code and write its message, before it is issued: a template that fails uses no quota."""
        now_ms = epoch_ms(self.clock())
        fixed = self._fixed_code(policy, draft.recipient)
        if fixed is None and self.messenger.router.is_owned(draft.channel, draft.recipient, draft.client_id):
            return self._write_for_owner(policy, target, draft, options)
        code = options.code or fixed or draw_code(policy.code_length)
        expires_at = from_epoch_ms(now_ms + policy.code_ttl_ms)
        issue = self._issue_of(policy, target, now_ms, options, code)
        message = self.messenger.write(draft, code, expires_at, issue.nonce)
        if draft.withheld:
            issue = replace(issue, digest=withheld_digest(issue.digest))
        return _Unsent(Issued(code, expires_at), draft, message, issue, fixed is not None)

    def _write_for_owner(
        self, policy: Policy, target: Target, draft: Draft, options: IssueOptions
    ) -> _Unsent:
        """Write the message of a code that its provider draws (:mod:`.verifications`)."""
        if options.code is not None:  # The provider takes no code.
            raise errors.SendFailed
        now_ms = epoch_ms(self.clock())
        expires_at = from_epoch_ms(now_ms + policy.code_ttl_ms)
        issue = self._issue_of(policy, target, now_ms, options, None)
        digest = self._digests(target, issue.nonce, "verifications")[0]
        issue = replace(
            issue,
            digest=withheld_digest(digest) if draft.withheld else digest,
            references=(options.references[0], issue.nonce),
        )
        message = self.messenger.write_for_owner(draft, expires_at, issue.nonce)
        return _Unsent(Issued("", expires_at), draft, message, issue)

    def _fixed_code(self, policy: Policy, address: str) -> str | None:
        """Return the fixed code of a test identity; ``None`` for all other addresses."""
        return self.fixed_codes.find(address, policy.code_length) if self.fixed_codes else None

    def _send(self, target: Target, unsent: _Unsent, result: IssueResult) -> Issued:
        """Send the message if its code was issued."""
        if result.block is not None:
            raise self._report_limit(result.block, target, unsent.issue.now_ms)
        if result.repeated:
            return replace(unsent.issued, repeated=True)
        draft = unsent.draft
        if not draft.withheld:
            self.events("code_issued", purpose=target.purpose, subject=target.shown_subject)
        if unsent.is_fixed:
            self.messenger.leave_unsent(draft, unsent.issue)
            return unsent.issued
        if self.messenger.send(draft, unsent.message, unsent.issue, unsent.rows).status.is_definite_failure:
            raise errors.SendFailed
        return unsent.issued

    def _issue_of(
        self, policy: Policy, target: Target, now_ms: int, options: IssueOptions, code: str | None
    ) -> Issue:
        digest = secrets.token_bytes(32) if code is None else self._digests(target, code)[0]
        apart = self.keys.row_key(*_bound_to(target), digest.hex()) if options.apart else None
        limits_key, challenge_key = self._row_keys(policy, target)
        return Issue(
            limits_key=limits_key,
            challenge_key=apart or challenge_key,
            nonce=draw_nonce(),
            digest=digest,
            now_ms=now_ms,
            expires_at_ms=now_ms + policy.code_ttl_ms,
            send_limits=policy.send_limits,
            locks=policy.locks,
            references=options.references,
            cap=options.cap,
            repeat_within_ms=options.repeat_within_ms,
            clears_misses=not options.is_known,
        )

    def _issue_or_wait(self, unsent: _Unsent) -> IssueResult:
        """
        Issue a code. If the same issue is still under way, wait up to two seconds until it has ended.

        Its message may still fail, so the retry must not be answered with success yet. If it does not
        end, or its process was killed, the client is told to retry in a second.
        """
        result = self._issue(unsent)
        for pause_seconds in _PAUSES_SECONDS:
            if not result.under_way:
                return result
            sleep(pause_seconds)
            result = self._issue(unsent)
        return IssueResult(Block("cooldown", unsent.issue.now_ms + 1_000, 1)) if result.under_way else result

    def _issue(self, unsent: _Unsent) -> IssueResult:
        """Issue a code, and add the rows of its messages in the same transaction."""
        if not unsent.rows:
            return self.storage.challenges.issue(unsent.issue)

        def issue_and_add() -> IssueResult:
            result = self.storage.challenges.issue(unsent.issue)
            for row in unsent.rows if result.issued else ():
                self.storage.deliveries.add(row)
            return result

        return self.storage.atomically(issue_and_add)

    def _with_rows(self, policy: Policy, unsent: _Unsent) -> _Unsent:
        """Return the code with the rows of its messages, if they are kept or reported, or steps."""
        if unsent.is_fixed:
            return unsent
        messenger, draft, message, issue = self.messenger, unsent.draft, unsent.message, unsent.issue
        steps = policy.workflow if policy.workflow and policy.workflow[0].channel == draft.channel else ()
        if messenger.kept is not None and (steps or messenger.keeps_all):
            later = [self._write_step(unsent, step.channel, place) for place, step in enumerate(steps[1:], 1)]
            outgoings = [outgoing_of(draft, each, issue) for each in (message, *later)]
            rows = messenger.kept.steps(outgoings, issue, starts(steps), policy.max_guesses)
            return replace(unsent, rows=rows)
        if messenger.is_reported(message):
            return replace(unsent, rows=(row_of_reported(message, issue),))
        return unsent

    def _write_step(self, unsent: _Unsent, channel: str, number: int) -> Message:
        """Write the message of a step of a workflow."""
        draft = replace(unsent.draft, channel=channel)
        message_id = id_of_step(unsent.issue.nonce, number)
        return self.messenger.write(draft, unsent.issued.code, unsent.issued.expires_at, message_id)

    def _digests(self, target: Target, code: str, use: str = "codes") -> tuple[bytes, ...]:
        """Return the digests that the code may have. The first is that of a code that is issued now."""
        bound = _bound_to(target)
        digests = [self.keys.digests(use, *bound, under, code) for under in target.circumstances]
        return tuple(chain.from_iterable(digests))

    def _report_limit(self, block: Block, target: Target, now_ms: int) -> errors.Limited:
        """Report that a block forbids a request. Return the error to raise."""
        self.events(
            "request_limited",
            purpose=target.purpose,
            subject=target.shown_subject,
            reason=block.kind,
        )
        limited = errors.DailyQuotaExceeded if block.is_daily else _LIMITED_BY[block.kind]
        return limited(block.retry_after_seconds(now_ms), block.count)

    def _report_refusal(self, target: Target, refusal: errors.Refusal) -> errors.Refusal:
        """Report that a code was refused. Return the error to raise."""
        reason = refusal.reason if isinstance(refusal, errors.CodeWrong) else refusal.code
        self.events("code_refused", purpose=target.purpose, subject=target.shown_subject, reason=reason)
        return refusal


def _to_user(unsent: _Unsent, request: UserIssue, email: str | None, is_withheld: bool) -> _Unsent:
    """Return the message as the user who has the identifier gets it. ``email`` is the user's own address."""
    # As the user wrote it, because the part before the @ may be case-sensitive.
    own = email if request.user.kind == "email" else None
    return unsent.to(own or unsent.draft.recipient, withheld=is_withheld)


def _counted_as(policy: Policy, target: Target) -> tuple[str, str, str]:
    return policy.scope, "", target.counted_as or target.subject


def _bound_to(target: Target) -> tuple[str, str, str]:
    return target.purpose, target.client_id, target.subject


def _refusal(verdict: Verdict, policy: Policy, now_ms: int) -> errors.Refusal:
    """
    Return the error for a guess that was not accepted.

    Only a client that knows a code is told that it was used or has expired. For all others it is wrong, so
    that guessing reveals nothing (contract/email.md). If ``tells_state`` is set, every client is told the
    state, and expiry before exhaustion: the order id proves who asks (contract/flashcall.md).
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
