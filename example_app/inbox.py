"""A sender that sends nothing: it keeps the newest messages of all channels for the inbox page."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

from flask import Flask

from flask_otpauth.senders import Message, Receipt, Status

CHANNELS = ("email", "sms", "whatsapp", "voice", "flashcall")
SIZE = 100


@dataclass(frozen=True)
class Delivered:
    """A message as it arrived. ``id`` counts up."""

    id: int
    at: datetime
    message: Message

    def shown(self) -> dict[str, Any]:
        """What a page is told of it."""
        message = self.message
        return {
            "id": self.id,
            "channel": message.channel,
            "recipient": message.recipient,
            "text": message.text,
            "callerNumber": message.caller_number,
            "reference": message.reference,
        }


class InboxSender:
    """
    The sender of every channel. It keeps messages in memory: they have codes in the clear.

    May be used from several threads: appending to a deque is one step.
    """

    def __init__(self) -> None:
        self._delivered: deque[Delivered] = deque(maxlen=SIZE)
        self._ids = count(1)

    @classmethod
    def of(cls, app: Flask) -> InboxSender:
        """The app's inbox."""
        return cast(InboxSender, app.extensions.setdefault("example_inbox", cls()))

    def send(self, message: Message) -> Receipt:
        """Keep ``message``."""
        self._delivered.append(Delivered(next(self._ids), datetime.now(UTC), message))
        return Receipt(Status.ACCEPTED)

    def newest_first(self) -> list[Delivered]:
        """All that is kept."""
        return list(reversed(list(self._delivered)))

    def latest(self, channel: str) -> Delivered | None:
        """The newest message of a channel."""
        return next((each for each in self.newest_first() if each.message.channel == channel), None)

    def code_for(self, recipient: str) -> str:
        """The code in the newest message to an address that has one, or nothing."""
        codes = (each.message.code for each in self.newest_first() if each.message.recipient == recipient)
        return next(filter(None, codes), "")

    def clear(self) -> None:
        """Forget all messages."""
        self._delivered.clear()
