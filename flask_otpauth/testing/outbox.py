"""A sender in memory for each channel, and the messages that they were given."""

from __future__ import annotations

from collections.abc import Callable

from flask_otpauth.adapters.senders.memory import MemorySender
from flask_otpauth.ports.senders import CHANNELS, Message, Receipt, Status


class Outbox:
    """
    The messages on all channels. ``senders`` is for ``OTPAUTH_SENDERS``.

    Set ``answer`` to make sending fail. It is called with the message, and returns a receipt or raises
    an exception.
    """

    def __init__(self) -> None:
        self.answer: Callable[[Message], Receipt] | None = None
        self.senders = {channel: MemorySender(self._receive) for channel in CHANNELS}
        self._all: list[Message] = []

    @property
    def messages(self) -> list[Message]:
        """All messages on all channels, newest last."""
        return list(self._all)

    @property
    def last(self) -> Message:
        """The newest message."""
        return self._all[-1]

    def _receive(self, message: Message) -> Receipt:
        self._all.append(message)
        return Receipt(Status.ACCEPTED) if self.answer is None else self.answer(message)
