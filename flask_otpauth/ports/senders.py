"""A message, its sender, and the receipt of the sender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from flask_otpauth.core.circuits import Evidence
from flask_otpauth.core.record import record
from flask_otpauth.core.segments import segmented
from flask_otpauth.core.sensitive import mask_address, one_line

#: The channels on which messages are sent.
CHANNELS = ("email", "sms", "whatsapp", "voice", "flashcall")


@record
class Message:
    """What a sender gets. Its ``repr`` shows a masked recipient and no code."""

    #: ``email``, ``sms``, ``whatsapp``, ``voice`` or ``flashcall``.
    channel: str
    #: An e-mail address, or a phone number (E.164).
    recipient: str
    #: The code. The text shows it too.
    code: str = field(repr=False)
    #: The rendered text. On ``voice`` it is the text to speak.
    text: str = field(default="", repr=False)
    #: The rendered HTML of an e-mail, if there is any.
    html: str | None = field(default=None, repr=False)
    #: The subject of an e-mail.
    subject: str = field(default="", repr=False)
    #: The language of the text.
    locale: str = ""
    #: What the code is for.
    purpose: str = ""
    #: The number to call from.
    caller_number: str = field(default="", repr=False)
    #: When the code expires. The message must not be sent after that.
    expires_at: datetime | None = None
    #: The order or the campaign.
    reference: str = ""
    #: A unique name of 16 URL-safe characters. A provider that gets it twice can tell that it is one message.
    id: str = ""
    #: The name of the template that the text was made of, such as ``code``.
    template: str = ""
    #: The name of the same template at the provider, from ``OTPAUTH_TEMPLATE_IDS``.
    template_id: str = ""
    #: What the template was filled with: ``brand``, ``validity``, ``minutes`` and the others, by name.
    values: Mapping[str, object] = field(default_factory=dict, repr=False)
    #: The client that asked for the code.
    client_id: str = ""

    @property
    def encoding(self) -> str:
        """How an SMS is encoded: ``GSM-7`` or ``UCS-2``. Empty on another channel."""
        return segmented(self.text).encoding if self.channel == "sms" else ""

    @property
    def segments(self) -> int:
        """The number of segments of an SMS, each of which is billed. 0 on another channel."""
        return segmented(self.text).segments if self.channel == "sms" else 0

    def has_expired(self, now: datetime) -> bool:
        """Return whether its code has expired at ``now``."""
        return self.expires_at is not None and self.expires_at <= now

    def __repr__(self) -> str:
        channel, recipient, purpose = map(
            one_line, (self.channel, mask_address(self.recipient), self.purpose)
        )
        return f"Message(channel={channel!r}, recipient={recipient!r}, purpose={purpose!r})"


class Status(StrEnum):
    """What became of a message. All but ``ACCEPTED`` and ``TIMEOUT`` are definite failures."""

    ACCEPTED = "accepted"
    INVALID_RECIPIENT = "invalid_recipient"
    #: The recipient has told the provider to send nothing more.
    OPTED_OUT = "opted_out"
    REJECTED = "rejected"
    RATE_LIMITED = "rate_limited"
    AUTH_ERROR = "auth_error"
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"

    @property
    def is_definite_failure(self) -> bool:
        """Whether the message was certainly not sent. Its quota is given back then."""
        return self not in (Status.ACCEPTED, Status.TIMEOUT)

    @property
    def is_about_recipient(self) -> bool:
        """Whether the recipient is the reason, so that another sender of the channel would fail too."""
        return self in (Status.INVALID_RECIPIENT, Status.OPTED_OUT)

    @property
    def may_fail_over(self) -> bool:
        """Whether another sender may try: this one failed, and the recipient is not the reason."""
        return self.is_definite_failure and not self.is_about_recipient

    @property
    def evidence(self) -> Evidence:
        """
        What it tells about the provider.

        ``rejected`` tells nothing: it is about this message, such as its text or its country, and often the
        sender says so without asking the provider.
        """
        if self is Status.ACCEPTED:
            return Evidence.WORKS
        return Evidence.FAILS if self in _PROVIDER_FAILURES else Evidence.NONE


_PROVIDER_FAILURES = (Status.RATE_LIMITED, Status.AUTH_ERROR, Status.TIMEOUT, Status.UNAVAILABLE)


@record
class Receipt:
    """What a sender returns."""

    #: It can be given as a text, such as ``"accepted"``.
    status: Status
    #: The id that the provider gave the message.
    provider_id: str = ""
    #: The cost of the message.
    cost: Decimal | None = None
    #: The currency of the cost, as in ISO 4217, such as ``VND``.
    currency: str = ""
    #: A text for the log. It must not hold a secret.
    detail: str = ""
    #: The name of the sender that tried the message last. The extension fills it in.
    sender: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", Status(self.status))


class Check(StrEnum):
    """What a provider says about a code that it has sent itself."""

    APPROVED = "approved"
    WRONG = "wrong"
    EXPIRED = "expired"
    #: The provider knows nothing of it: it was never sent, was approved before, or had too many guesses.
    UNKNOWN = "unknown"


class Sender(Protocol):
    """
    Sends messages, each within a timeout of its own.

    An exception counts as ``unavailable``. A ``TimeoutError``, and an exception that does not derive from
    ``Exception`` (``gevent.Timeout``, ``asyncio.CancelledError``), count as ``timeout``: the message may
    have been sent, so the code stays valid and the quota used.
    """

    def send(self, message: Message) -> Receipt:
        """Send ``message``. Return what became of it."""


@runtime_checkable
class CodeOwner(Sender, Protocol):
    """
    A sender whose provider draws the code, sends it and checks it.

    :meth:`send` has the provider send a code. The message has neither a code nor a text.
    """

    def check(self, recipient: str, code: str, provider_id: str) -> Check:
        """
        Ask the provider whether ``code`` is right, within a timeout.

        ``recipient`` is empty if the code was sent to a user whose address is not known here.
        ``provider_id`` is that of the receipt of :meth:`send`. An exception means that the provider has not
        answered. The guess is counted all the same.
        """
