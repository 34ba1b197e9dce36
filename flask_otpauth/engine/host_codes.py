"""Codes for the views of a host, such as to confirm a phone number (``otpauth.codes``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from flask_otpauth.core import errors
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.record import frozen
from flask_otpauth.core.sensitive import sensitive
from flask_otpauth.core.service import service
from flask_otpauth.engine.codes import Codes, Target
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.ports.addresses import Addresses


@frozen
class Sent:
    """A code that was sent. The code itself is only in the message."""

    #: The address that it was sent to, in canonical form.
    recipient: str
    expires_at: datetime


@frozen
class Outcome:
    """What became of a submitted code. It is true if the code was accepted."""

    accepted: bool
    #: The ``code`` of the error, if the code was not accepted.
    reason: str = ""
    #: How many more guesses the code allows.
    left: int = 0
    #: When a lock ends; ``None`` if there is no lock, or only an administrator can end it.
    retry_after_seconds: int | None = None

    def __bool__(self) -> bool:
        return self.accepted


@service
class HostCodes:
    """
    Sends and checks codes for your own views (``otpauth.codes``).

    An address has one quota and one guess budget for the views and the flows together: those of ``email``
    for an e-mail address, those of ``sms`` for a phone number.
    """

    engine: Codes
    addresses: Addresses
    #: By the kind of the address: ``email`` and ``phone``.
    policies: Mapping[str, Policy]
    #: The region of national phone numbers.
    region: str | None
    #: Returns the languages of a message for a wish, the best first.
    languages: Callable[[str | None], tuple[str, ...]]

    def send(
        self, channel: str, recipient: str, *, purpose: str, locale: str | None = None, **values: object
    ) -> Sent:
        """
        Send a code.

        :param channel: a channel that has a sender in ``OTPAUTH_SENDERS``, such as ``email`` or ``sms``.
        :param recipient: the e-mail address or phone number.
        :param purpose: a name of your choice. A code is accepted only for the purpose it was sent for.
        :param locale: the language of the message, in any spelling. Without it,
            ``OTPAUTH_LANGUAGE``, or else English.
        :param values: further values for the template ``otpauth/<channel>/<purpose>``, or else
            ``otpauth/<channel>/code``.
        :returns: where the code was sent and when it expires. The code is only in the message.
        :raises ValueError: if ``recipient`` is not an address of ``channel``, or the channel has no sender.
        :raises ~flask_otpauth.errors.Limited: if a cooldown, a quota or a lock forbids it.
        :raises ~flask_otpauth.errors.SendFailed: if the message was definitely not handed over.
        """
        values = {name: sensitive(value) for name, value in values.items()}
        if channel not in self.engine.messenger.router.channels:
            raise ValueError(f"OTPAUTH_SENDERS has no sender for the channel {channel!r}")
        kind, address = self._parse_for(channel, recipient)
        draft = Draft(
            channel, address, self.languages(locale), template=purpose, purpose=purpose, values=values
        )
        issued = self.engine.send(self.policies[kind], _target(purpose, address), draft)
        return Sent(address, issued.expires_at)

    def redeem(self, recipient: str, *, purpose: str, code: str) -> Outcome:
        """
        Check a code. It is accepted once, and a wrong guess is counted.

        :param recipient: the e-mail address or phone number that the code was sent to.
        :param purpose: the purpose that it was sent for.
        :param code: what the user typed.
        :returns: an outcome that is true if the code was accepted.
        :raises ValueError: if ``recipient`` is not an address.
        :raises ~flask_otpauth.errors.CheckUnavailable: if a provider owns the code and does not answer.
        """
        code = sensitive(code)
        kind, address = self._parse(recipient)
        try:
            self.engine.redeem(self.policies[kind], _target(purpose, address), code)
        except (errors.CodeRefused, errors.SubjectLocked) as refusal:
            return Outcome(False, refusal.code, getattr(refusal, "left", 0), refusal.retry_after_seconds)
        return Outcome(True)

    def address_on(self, channel: str, recipient: str) -> str:
        """
        Return the canonical form of an address that ``channel`` can send to.

        :raises ValueError: if it is not an address of the channel.
        """
        return self._parse_for(channel, recipient)[1]

    def _parse_for(self, channel: str, recipient: str) -> tuple[str, str]:
        kind, address = self._parse(recipient)
        if (channel == "email") is not (kind == "email"):
            raise ValueError(f"channel {channel!r} cannot send to this kind of address")
        return kind, address

    def _parse(self, recipient: str) -> tuple[str, str]:
        """Return the kind of the address, and its canonical form."""
        if "@" in recipient:
            return "email", self.addresses.email(recipient)
        return "phone", self.addresses.phone(recipient, self.region)


def _target(purpose: str, address: str) -> Target:
    # With a prefix, so that a purpose of a host is never one of a flow.
    return Target(f"host:{purpose}", address)
