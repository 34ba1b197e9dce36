"""One memory sender for each channel, and what they were given."""

from __future__ import annotations

from collections.abc import Callable

from flask_otpauth.adapters.senders.memory import MemorySender
from flask_otpauth.ports.senders import CHANNELS, Message, Receipt, Status


class Outbox:
    """
    ``senders`` is for ``OTPAUTH_SENDERS``. ``answer`` may be set to make hand-overs fail: it gets
    the message and returns a receipt, or raises.
    """

    def __init__(self) -> None:
        self.answer: Callable[[Message], Receipt] | None = None
        self.senders = {channel: MemorySender(self._answered) for channel in CHANNELS}
        self._all: list[Message] = []

    @property
    def messages(self) -> list[Message]:
        """Every message, newest last, on whatever channel."""
        return list(self._all)

    @property
    def last(self) -> Message:
        """The newest message."""
        return self._all[-1]

    def _answered(self, message: Message) -> Receipt:
        self._all.append(message)
        return Receipt(Status.ACCEPTED) if self.answer is None else self.answer(message)
