"""Write a message and hand it to a sender, outside of all transactions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import partial

from flask_otpauth.core.accents import without_accents
from flask_otpauth.core.challenges import Issue, draw_nonce, shows_code
from flask_otpauth.core.deliveries import DeliveryRow, DeliveryState
from flask_otpauth.core.durations import in_words
from flask_otpauth.core.errors import OtpAuthError, SendFailed
from flask_otpauth.core.record import frozen, record, replace
from flask_otpauth.core.routes import RouteKey
from flask_otpauth.core.sensitive import Sensitive, sensitive
from flask_otpauth.core.service import service
from flask_otpauth.engine.kept_messages import KeptMessages, report_of
from flask_otpauth.engine.router import Router
from flask_otpauth.engine.verifications import Verifications
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.delivery import Delivery, Outgoing
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.senders import Message, Receipt, Status
from flask_otpauth.ports.storage import Storage
from flask_otpauth.ports.templates import Templates

#: Every message has a packaged template in English.
_LAST_RESORT = "en"
#: Another process hands the message over, or its code is not awaited any more. So it may have been sent.
_ELSEWHERE = Receipt(Status.ACCEPTED, detail="another process has it")


@record
class Draft:
    """A message before it is written: everything about it, apart from its code."""

    channel: str
    recipient: str = field(repr=False)
    #: The languages that the message may have, the best first. English is the last one in any case.
    locales: tuple[str, ...] = ()
    #: The name of a file in ``otpauth/<channel>/``, without locale and ending. If there is no such file, a
    #: code is written with the template ``code``.
    template: str = "code"
    #: What the code is for.
    purpose: str = ""
    #: The number to call from.
    caller_number: str = field(default="", repr=False)
    #: The order or the campaign.
    reference: str = ""
    #: The client that asks for the code.
    client_id: str = ""
    #: Further values for the template. Each text is put on one line, so that only a template adds lines: the
    #: last line of an SMS has a meaning.
    values: Mapping[str, object] = field(default_factory=dict, repr=False)
    #: The response must not show who has an account. So a message that fails after the response gives no
    #: quota back.
    discreet: bool = False
    #: The message is written and queued, but not sent: its recipient gets no code, and the response must not
    #: show that.
    withheld: bool = False


@frozen
class MessageSettings:
    """What all messages of an app have in common."""

    #: The name of the app.
    brand: str
    #: The host of the origin-bound last line of an SMS with a code; ``None``: no such line.
    origin: str | None = None
    #: The line by which Android finds the app that an SMS with a code is for; ``None``: no such line.
    app_hash: str | None = None
    #: The names of templates at the provider, by channel, template and locale.
    template_ids: Mapping[tuple[str, str, str], str] = field(default_factory=dict)


@service
class Messenger:
    """Writes messages and hands them to senders. If a message certainly fails, its code is withdrawn."""

    router: Router
    delivery: Delivery
    templates: Templates
    storage: Storage
    clock: Clock
    events: Events
    settings: MessageSettings
    #: Keeps messages that another process sends, and those of workflows. ``None``: there are none.
    kept: KeptMessages | None = None
    #: The names of the senders whose providers report what became of a message.
    reporting: frozenset[str] = frozenset()
    #: Keeps what providers know of the codes that they own.
    verifications: Verifications | None = None
    #: For each route, the last receipt in this process that did not depend on the recipient. A withheld
    #: message gets the same receipt.
    last: dict[RouteKey, Receipt] = field(default_factory=dict)

    @property
    def keeps_all(self) -> bool:
        """Whether each message is kept, because another process sends it."""
        return self.kept is not None and self.kept.keeps_all

    def is_reported(self, message: Message) -> bool:
        """Return whether a provider may report what became of a message, so that it needs a row."""
        return bool(self.reporting) and not self.reporting.isdisjoint(self.router.route(message).names)

    def send(self, draft: Draft, message: Message, issue: Issue, rows: Sequence[DeliveryRow] = ()) -> Receipt:
        """
        Send a code: the ``message`` that was written from ``draft``.

        ``rows`` were added with the issue: that of the message, and those of the later steps of a workflow.
        Return the receipt. If the message is sent after the response, it is ``accepted``.
        """
        if self.kept is not None:
            self.kept.expect(rows)
        receipt = self._submit(outgoing_of(draft, message, issue), rows[0] if rows else None)
        if draft.discreet and receipt.status.is_definite_failure:
            self._record(issue, receipt)
        return receipt

    def leave_unsent(self, draft: Draft, issue: Issue) -> None:
        """Report that a code was not sent, because its recipient is a test identity and knows it."""
        self._record(issue, Receipt(Status.ACCEPTED))
        if not draft.withheld:
            self.events("test_identity_used", purpose=draft.purpose, recipient=draft.recipient)

    def notify(self, draft: Draft) -> None:
        """Send a message without a code. If it fails, only a signal and the log report that."""
        try:
            message = self.write(draft)
        except Exception as error:  # noqa: BLE001 - a template of the host. What the message reports is committed already
            broken = Receipt(Status.REJECTED, detail=f"its template failed: {type(error).__name__}")
            unwritten = Message(draft.channel, draft.recipient, "", purpose=draft.purpose)
            self._settle(Outgoing(unwritten), broken)
            return
        self._submit_notice(Outgoing(message))

    def hand_over(self, outgoing: Outgoing) -> Receipt:
        """Hand a message to its sender now. The delivery calls this, never inside a transaction."""
        return self._settle(outgoing, self._attempt(outgoing))

    def take_up(self, message_id: str) -> Receipt | None:
        """
        Hand over a kept message. Return ``None`` if somebody else does, or did, or its code is not awaited.

        If it is a step of a workflow and certainly fails, the next step is handed over at once.
        """
        return None if self.kept is None else self._take_up(self.kept, message_id, None)

    def _take_up(self, kept: KeptMessages, message_id: str, failed: Issue | None) -> Receipt | None:
        """Do what :meth:`take_up` does. ``failed`` is the issue of which all messages have failed so far."""
        claim = kept.claim(message_id)
        if claim is None:
            return None
        outgoing = kept.open(claim)
        if outgoing is None:
            receipt = self.report_lost(claim.channel, "the key that encrypted it was removed")
        elif outgoing.message.has_expired(self.clock()) or self.storage.deliveries.begin(claim):
            # A message whose code has expired will not be sent. Any other may have been sent from here on.
            receipt = self._attempt(outgoing)
            issue = outgoing.issue or failed
            if receipt.status.is_definite_failure and kept.step_after(claim) is not None:
                self._note(claim, receipt)
                self._settle(replace(outgoing, issue=None), receipt)
                return self._take_up_next(kept, claim, issue)
            self._settle(replace(outgoing, issue=issue), receipt)
        else:
            return None
        self._note(claim, receipt)
        return receipt

    def _take_up_next(self, kept: KeptMessages, claim: DeliveryRow, failed: Issue | None) -> Receipt:
        """Hand over the step after one that has certainly failed."""
        kept.hasten_after(claim)
        following = kept.step_after(claim)
        receipt = self._take_up(kept, following.id, failed) if following is not None else None
        return receipt or _ELSEWHERE

    def _hand_over_with_row(self, row: DeliveryRow, outgoing: Outgoing) -> Receipt:
        """Hand a message over that has a row."""
        if row.state is not DeliveryState.HANDED_OVER:
            return self.take_up(row.id) or _ELSEWHERE
        receipt = self.hand_over(outgoing)
        self._note(row, receipt)
        return receipt

    def _note(self, claim: DeliveryRow, receipt: Receipt) -> None:
        """Note what became of a message that has a row."""
        try:
            failed = receipt.status.is_definite_failure
            self.storage.deliveries.settle(claim, report_of(receipt), failed=failed)
        except OtpAuthError:
            # The row is marked already, so nobody sends the message again. Only its status stays unknown.
            self.events("withdraw_failed")

    def _attempt(self, outgoing: Outgoing) -> Receipt:
        message = outgoing.message
        route = self.router.route(message).key
        if outgoing.withheld:
            return self.last.get(route, Receipt(Status.ACCEPTED))
        if message.has_expired(self.clock()):
            return Receipt(Status.REJECTED, detail="its code has expired")
        receipt = self.router.send(message)
        if not receipt.status.is_about_recipient:
            # The id and the cost are those of this message, and of no other.
            self.last[route] = replace(receipt, provider_id="", cost=None, currency="")
        if self.verifications is not None:
            receipt = self._kept_verification(self.verifications, message, receipt)
        return receipt

    def _kept_verification(self, verifications: Verifications, message: Message, receipt: Receipt) -> Receipt:
        """Keep what the provider needs to check the code. Without that, no guess would be right."""
        try:
            verifications.keep(message, receipt)
        except OtpAuthError:
            return replace(receipt, status=Status.UNAVAILABLE, detail="its verification could not be stored")
        return receipt

    def report_lost(self, channel: str, why: str) -> Receipt:
        """Report that a message of which nothing else is known will not be sent. Return its receipt."""
        return self._settle(Outgoing(Message(channel, "", "")), Receipt(Status.REJECTED, detail=why))

    def _submit(self, outgoing: Outgoing, row: DeliveryRow | None = None) -> Receipt:
        send = self.hand_over if row is None else partial(self._hand_over_with_row, row)
        receipt = self.delivery.submit(outgoing, send)
        if receipt is not None:
            return receipt
        is_kept = row is not None and row.state is DeliveryState.WAITING
        if is_kept and not self.storage.deliveries.withdraw(outgoing.message.id):
            return _ELSEWHERE  # Somebody else has found it.
        return self._settle(outgoing, Receipt(Status.UNAVAILABLE, detail="the queue did not take it"))

    def _submit_notice(self, outgoing: Outgoing) -> None:
        try:
            self._submit(outgoing, self.kept.keep(outgoing) if self.keeps_all and self.kept else None)
        except OtpAuthError:  # The store is down. What the message reports is committed already.
            self._settle(outgoing, Receipt(Status.UNAVAILABLE, detail="it could not be stored"))

    def _settle(self, outgoing: Outgoing, receipt: Receipt) -> Receipt:
        message = outgoing.message
        if outgoing.issue is not None:
            self._record(outgoing.issue, receipt)
        if not outgoing.withheld:
            self.events(
                "send_failed" if receipt.status.is_definite_failure else "code_sent",
                channel=message.channel,
                recipient=message.recipient,
                purpose=message.purpose,
                receipt=receipt,
            )
        return receipt

    def _record(self, issue: Issue, receipt: Receipt) -> None:
        """Withdraw a code that was certainly not sent. Note any other if a retry must know of it."""
        try:
            if receipt.status.is_definite_failure:
                self.storage.challenges.withdraw(issue)
            elif issue.repeat_within_ms:
                self.storage.challenges.handed_over(issue)
        except OtpAuthError:
            # The code stays valid, the quota used, and a retry has to wait. That is safe. What became of the
            # message is still reported, and the next request shows that the store is down.
            if receipt.status.is_definite_failure:
                self.events("withdraw_failed")

    def language(self, channel: str, locales: Iterable[str]) -> str | None:
        """Return the first of ``locales`` that has a template for a code on that channel."""
        names = {locale: f"otpauth/{channel}/code.{locale}.txt" for locale in locales}
        return next((locale for locale, name in names.items() if self.templates.has(name)), None)

    def write(
        self, draft: Draft, code: str = "", expires_at: datetime | None = None, message_id: str = ""
    ) -> Message:
        """
        Write the message of ``draft`` with ``code``. What a template raises is raised.

        :raises SendFailed: if the written message does not show the code.
        """
        text, html, subject = "", None, ""
        found = self._find_template(draft, code)
        template, locale = found or (draft.template, next(iter(draft.locales), _LAST_RESORT))
        values = self._values(draft, code, locale, expires_at)
        if found is not None:
            shown = {**values, "unaccented": without_accents}
            text = (self._part(draft, template, locale, "txt", shown) or "").strip()
            text = Sensitive(self._with_last_lines(text, values) if draft.channel == "sms" and code else text)
            html = self._part(draft, template, locale, "html", shown)
            subject = self._part(draft, template, locale, "subject.txt", shown) or ""
        message = Message(
            channel=draft.channel,
            recipient=draft.recipient,
            code=code,
            text=text,
            html=html,
            subject=Sensitive(" ".join(subject.split())),
            locale=locale,
            purpose=draft.purpose,
            caller_number=draft.caller_number,
            expires_at=expires_at,
            reference=draft.reference,
            id=message_id or draw_nonce(),
            template=template,
            template_id=self.settings.template_ids.get((draft.channel, template, locale), ""),
            values=values,
            client_id=draft.client_id,
        )
        if found is not None:
            self._demand_code(draft, message)
        return message

    def write_for_owner(self, draft: Draft, expires_at: datetime, message_id: str) -> Message:
        """Return the message of a code that its provider draws and words."""
        locale = next(iter(draft.locales), _LAST_RESORT)
        return Message(
            channel=draft.channel,
            recipient=draft.recipient,
            code="",
            locale=locale,
            purpose=draft.purpose,
            expires_at=expires_at,
            reference=draft.reference,
            id=message_id,
            template=draft.template,
            values=self._values(draft, "", locale, expires_at),
            client_id=draft.client_id,
        )

    def _find_template(self, draft: Draft, code: str) -> tuple[str, str] | None:
        """Return the template and its language: first the template of the draft, then that of all codes."""
        locales = list(dict.fromkeys([*draft.locales, _LAST_RESORT]))
        for template in dict.fromkeys([draft.template, "code"] if code else [draft.template]):
            for locale in locales:
                if self.templates.has(_name(draft, f"{template}.{locale}", "txt")):
                    return template, locale
            if self.templates.has(_name(draft, template, "txt")):  # in one language for all
                return template, locales[0]
        return None

    def _part(
        self, draft: Draft, template: str, locale: str, ending: str, values: Mapping[str, object]
    ) -> str | None:
        for stem in (f"{template}.{locale}", template):
            text = sensitive(self.templates.render(_name(draft, stem, ending), values))
            if text is not None:
                return text
        return None

    def _values(self, draft: Draft, code: str, locale: str, expires_at: datetime | None) -> dict[str, object]:
        """Return all values of a template. None is missing, so no global of the host takes its place."""
        seconds = 0 if expires_at is None else max(1, round((expires_at - self.clock()).total_seconds()))
        return {
            "origin": self.settings.origin if draft.channel == "sms" else None,
            "repeats": 2,
            "code_in_subject": False,
            "brand": self.settings.brand,
            **{name: _on_one_line(value) for name, value in draft.values.items()},
            "code": code,
            "purpose": draft.purpose,
            "locale": locale,
            "seconds": seconds,
            "minutes": max(1, seconds // 60),
            "validity": in_words(seconds, locale) if seconds else "",
        }

    def _with_last_lines(self, text: str, values: Mapping[str, object]) -> str:
        """
        Return an SMS with the lines that let a phone fill in its code. The template may have them already.

        The line of the origin is the last one, as browsers demand (https://wicg.github.io/sms-one-time-codes/).
        Android finds its line anywhere.
        """
        origin = f"@{values['origin']} #{values['code']}" if values["origin"] else None
        body = text.removesuffix(origin).rstrip() if origin else text
        app_hash = None if self.settings.app_hash in body.splitlines() else self.settings.app_hash
        return "\n\n".join([body, "\n".join(filter(None, [app_hash, origin]))]).rstrip()

    def _demand_code(self, draft: Draft, message: Message) -> None:
        """Report and raise a failure if the message does not show its code."""
        if shows_code(message.text, message.code) and shows_code(message.html or message.code, message.code):
            return
        receipt = Receipt(Status.REJECTED, detail="its template does not show the code")
        self._settle(Outgoing(message, withheld=draft.withheld), receipt)
        raise SendFailed


def outgoing_of(draft: Draft, message: Message, issue: Issue) -> Outgoing:
    """Return a message with a code as it is submitted."""
    return Outgoing(message, None if draft.discreet else issue, draft.withheld)


def _name(draft: Draft, stem: str, ending: str) -> str:
    return f"otpauth/{draft.channel}/{stem}.{ending}"


def _on_one_line(value: object) -> object:
    return Sensitive(" ".join(value.splitlines())) if isinstance(value, str) else value
