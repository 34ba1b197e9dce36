"""Handing a message over: the message, the sender's one method, and its typed answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from flask_otpauth.core.sensitive import masked, one_line

#: The channels that a message may go out on.
CHANNELS = ("email", "sms", "whatsapp", "voice", "flashcall")


@dataclass(frozen=True)
class Message:
    """
    What a sender gets.

    ``channel`` is one of :data:`CHANNELS`; ``recipient`` an address or an E.164 number;
    ``text`` (and ``html``) the rendered body, for ``voice`` the script to speak; ``code`` the
    digits apart; ``caller_number`` the number to call from; ``expires_at`` when the code dies
    (nothing is sent after it); ``reference`` the order or campaign. Its ``repr`` shows a masked
    recipient and no code.
    """

    channel: str
    recipient: str
    code: str = field(repr=False)
    text: str = field(default="", repr=False)
    html: str | None = field(default=None, repr=False)
    subject: str = field(default="", repr=False)
    locale: str = ""
    purpose: str = ""
    caller_number: str = field(default="", repr=False)
    expires_at: datetime | None = None
    reference: str = ""

    def __repr__(self) -> str:
        channel, recipient, purpose = map(one_line, (self.channel, masked(self.recipient), self.purpose))
        return f"Message(channel={channel!r}, recipient={recipient!r}, purpose={purpose!r})"


class Status(StrEnum):
    """How the hand-over ended. All but ``ACCEPTED`` and ``TIMEOUT`` are definite failures."""

    ACCEPTED = "accepted"
    INVALID_RECIPIENT = "invalid_recipient"
    REJECTED = "rejected"
    RATE_LIMITED = "rate_limited"
    AUTH_ERROR = "auth_error"
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"

    @property
    def is_definite_failure(self) -> bool:
        """The message was certainly not handed over: the quota is given back."""
        return self not in (Status.ACCEPTED, Status.TIMEOUT)

    @property
    def may_fail_over(self) -> bool:
        """Another sender may try: this one certainly did not, and the recipient is not the reason."""
        return self.is_definite_failure and self is not Status.INVALID_RECIPIENT


@dataclass(frozen=True)
class Receipt:
    """
    A sender's answer. ``status`` may be given as its word (``"accepted"``).

    ``cost`` is in the provider's currency; ``detail`` is for the log and must hold no secret.
    """

    status: Status
    provider_id: str = ""
    cost: float | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", Status(self.status))


class Sender(Protocol):
    """
    Hands one message over, within a deadline of its own.

    An exception counts as ``unavailable``, a ``TimeoutError`` and what is no ``Exception``
    (``gevent.Timeout``, ``asyncio.CancelledError``) as ``timeout`` (the outcome is unknown: the
    code stays alive and the quota used).
    """

    def send(self, message: Message) -> Receipt:
        """Hand ``message`` over and say how that ended."""
