"""A sender that sends nothing. It keeps the newest messages of all channels for the inbox page."""

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
    """A message. The first one has the ``id`` 1, the next one 2, and so on."""

    id: int
    at: datetime
    message: Message

    def shown(self) -> dict[str, Any]:
        """Return what a page shows of it."""
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
    The sender of every channel. It keeps messages in memory, because they contain codes.

    Several threads may use it: to append to a deque is one step.
    """

    def __init__(self) -> None:
        self._delivered: deque[Delivered] = deque(maxlen=SIZE)
        self._ids = count(1)

    @classmethod
    def of(cls, app: Flask) -> InboxSender:
        """Return the inbox of the app."""
        return cast(InboxSender, app.extensions.setdefault("example_inbox", cls()))

    def send(self, message: Message) -> Receipt:
        """Keep ``message``."""
        self._delivered.append(Delivered(next(self._ids), datetime.now(UTC), message))
        return Receipt(Status.ACCEPTED)

    def newest_first(self) -> list[Delivered]:
        """Return all messages, the newest first."""
        return list(reversed(list(self._delivered)))

    def latest(self, channel: str) -> Delivered | None:
        """Return the newest message of a channel."""
        return next((each for each in self.newest_first() if each.message.channel == channel), None)

    def code_for(self, recipient: str) -> str:
        """Return the code of the newest message to an address that contains a code."""
        codes = (each.message.code for each in self.newest_first() if each.message.recipient == recipient)
        return next(filter(None, codes), "")

    def clear(self) -> None:
        """Delete all messages."""
        self._delivered.clear()
