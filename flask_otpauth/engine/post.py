"""Writing a message and having it handed over, outside of every transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from flask_otpauth.core.challenges import Issue
from flask_otpauth.core.errors import OtpAuthError
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.delivery import Delivery, Parcel
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.senders import Message, Receipt, Sender, Status
from flask_otpauth.ports.storage import Storage
from flask_otpauth.ports.templates import Templates


@dataclass(frozen=True)
class Letter:
    """
    What to write and where to: everything about a message but its code.

    ``template`` is a file name under ``otpauth/<channel>/`` without locale and ending; where it
    does not exist, a code is told by the template ``code``;
    ``values`` are what it may name beside ``code``, ``minutes`` and ``purpose``; a text among
    them is put on one line, so that only a template makes lines, the last of an SMS above all.
    ``fallback`` is the language where there is no template in ``locale``.

    ``discreet``: its flow must not tell who has an account, so that nothing is given back behind
    the answer, where it would not be for somebody without one. A letter that is ``withheld`` is
    written, goes the way of every other and is never sent: how somebody is treated who gets no
    code and must not be told apart.
    """

    channel: str
    recipient: str = field(repr=False)
    locale: str = "en"
    fallback: str = "en"
    template: str = "code"
    purpose: str = ""
    caller_number: str = ""
    reference: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    discreet: bool = False
    withheld: bool = False


@dataclass(frozen=True)
class Post:
    """
    Renders letters and hands them over; a definite failure withdraws the code.

    ``last`` holds how the last hand-over on each channel ended in this process, but for those of
    which the recipient was the reason: what is withheld ends so as well.
    """

    routes: Mapping[str, Sender]
    delivery: Delivery
    templates: Templates
    storage: Storage
    clock: Clock
    events: Events
    last: dict[str, Receipt] = field(default_factory=dict)

    def send(self, letter: Letter, message: Message, issue: Issue) -> Receipt:
        """
        Send a code, the ``message`` that ``letter`` became; the receipt says ``accepted`` also where
        sending goes on behind the answer.
        """
        receipt = self._submit(Parcel(message, None if letter.discreet else issue, letter.withheld))
        if letter.discreet and receipt.status.is_definite_failure:
            self._withdraw(issue)
        return receipt

    def notify(self, letter: Letter) -> None:
        """Send a letter that holds no code. That it fails is told by signal and log alone."""
        try:
            message = self.write(letter)
        except Exception as error:  # noqa: BLE001 - a host's template; what it tells of is durable already
            broken = Receipt(Status.REJECTED, detail=f"its template failed: {type(error).__name__}")
            unwritten = Message(letter.channel, letter.recipient, "", purpose=letter.purpose)
            self._settle(Parcel(unwritten), broken)
            return
        self._submit(Parcel(message))

    def hand_over(self, parcel: Parcel) -> Receipt:
        """Do it now. Runs where the delivery decides, and never inside a transaction."""
        message = parcel.message
        if parcel.withheld:
            return self._settle(parcel, self.last.get(message.channel, Receipt(Status.ACCEPTED)))
        if message.expires_at is not None and message.expires_at <= self.clock():
            return self._settle(parcel, Receipt(Status.REJECTED, detail="its code has expired"))
        receipt = self.routes[message.channel].send(message)
        if receipt.status is not Status.INVALID_RECIPIENT:
            self.last[message.channel] = receipt
        return self._settle(parcel, receipt)

    def _submit(self, parcel: Parcel) -> Receipt:
        receipt = self.delivery.submit(parcel, self.hand_over)
        if receipt is None:
            return self._settle(parcel, Receipt(Status.UNAVAILABLE, detail="the queue is full"))
        return receipt

    def _settle(self, parcel: Parcel, receipt: Receipt) -> Receipt:
        message = parcel.message
        if receipt.status.is_definite_failure and parcel.issue is not None:
            self._withdraw(parcel.issue)
        if not parcel.withheld:
            self.events(
                "send_failed" if receipt.status.is_definite_failure else "code_sent",
                channel=message.channel,
                recipient=message.recipient,
                purpose=message.purpose,
                receipt=receipt,
            )
        return receipt

    def _withdraw(self, issue: Issue) -> None:
        try:
            self.storage.challenges.withdraw(issue)
        except OtpAuthError:
            # The code stays live and the quota used: the safe side. The failed sending is
            # still told; the store's being down shows at the next request.
            self.events("withdraw_failed")

    def write(self, letter: Letter, code: str = "", expires_at: datetime | None = None) -> Message:
        """The message that ``letter`` and ``code`` make; what a template raises is raised."""
        given = {name: _on_one_line(value) for name, value in letter.values.items()}
        values = {**given, "code": code, "purpose": letter.purpose}
        if expires_at is not None:
            values["minutes"] = max(1, round((expires_at - self.clock()).total_seconds() / 60))
        text = None
        for choice in _choices(letter, code):
            values["locale"] = choice.locale
            text = self._rendered(choice, "txt", values)
            if text is not None:
                letter = choice
                break
        return Message(
            channel=letter.channel,
            recipient=letter.recipient,
            code=code,
            text=(text or "").strip(),
            html=self._rendered(letter, "html", values),
            subject=" ".join((self._rendered(letter, "subject.txt", values) or "").split()),
            locale=letter.locale,
            purpose=letter.purpose,
            caller_number=letter.caller_number,
            expires_at=expires_at,
            reference=letter.reference,
        )

    def _rendered(self, letter: Letter, ending: str, values: Mapping[str, Any]) -> str | None:
        stem = f"otpauth/{letter.channel}/{letter.template}"
        return self.templates.render([f"{stem}.{letter.locale}.{ending}", f"{stem}.{ending}"], values)


def _choices(letter: Letter, code: str) -> Iterator[Letter]:
    """``letter`` by every template and in every language that would do, the best first."""
    for template in dict.fromkeys([letter.template, "code"] if code else [letter.template]):
        for locale in dict.fromkeys([letter.locale, letter.fallback]):
            yield replace(letter, template=template, locale=locale)


def _on_one_line(value: object) -> object:
    return " ".join(value.splitlines()) if isinstance(value, str) else value
