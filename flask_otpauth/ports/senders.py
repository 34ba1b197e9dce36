"""A message, its sender, and the receipt of the sender."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from flask_otpauth.core.sensitive import mask_address, one_line

#: The channels on which messages are sent.
CHANNELS = ("email", "sms", "whatsapp", "voice", "flashcall")


@dataclass(frozen=True)
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
    def may_fail_over(self) -> bool:
        """Whether another sender may try: this one failed, and the recipient is not the reason."""
        return self.is_definite_failure and self is not Status.INVALID_RECIPIENT


@dataclass(frozen=True)
class Receipt:
    """What a sender returns."""

    #: It can be given as a text, such as ``"accepted"``.
    status: Status
    #: The id that the provider gave the message.
    provider_id: str = ""
    #: The cost, in the currency of the provider.
    cost: float | None = None
    #: A text for the log. It must not hold a secret.
    detail: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", Status(self.status))


class Sender(Protocol):
    """
    Sends messages, each within a timeout of its own.

    An exception counts as ``unavailable``. A ``TimeoutError``, and an exception that does not derive from
    ``Exception`` (``gevent.Timeout``, ``asyncio.CancelledError``), count as ``timeout``: the message may
    have been sent, so the code stays valid and the quota used.
    """

    def send(self, message: Message) -> Receipt:
        """Send ``message``. Return what became of it."""
