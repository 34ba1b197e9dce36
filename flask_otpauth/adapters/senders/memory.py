"""Keeps messages instead of sending them, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Callable

from flask_otpauth.ports.senders import Message, Receipt, Status


class MemorySender:
    """
    An outbox. ``messages`` has every message, newest last, also those that were refused.

    ``answer`` decides the result for each message, so that a test can make sending fail: it may
    return any :class:`~flask_otpauth.ports.senders.Receipt` or raise an exception. By default
    every message is accepted. Several threads may use it, because appending to a list is one step.
    """

    def __init__(self, answer: Callable[[Message], Receipt] | None = None) -> None:
        self.messages: list[Message] = []
        self._answer = answer

    def send(self, message: Message) -> Receipt:
        """Keep ``message``, and return the receipt that ``answer`` gives."""
        self.messages.append(message)
        return Receipt(Status.ACCEPTED) if self._answer is None else self._answer(message)

    def clear(self) -> None:
        """Remove all messages."""
        self.messages.clear()
