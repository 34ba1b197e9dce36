"""Keeps messages instead of sending them: for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Callable

from flask_otpauth.ports.senders import Message, Receipt, Status


class MemorySender:
    """
    An outbox. ``messages`` holds every message it was given, newest last, refused ones too.

    ``answer`` decides how each hand-over ends, so that a test can make it fail: it may return
    any :class:`~flask_otpauth.ports.senders.Receipt` or raise. By default all is accepted.
    May be used from several threads: appending to a list is one step.
    """

    def __init__(self, answer: Callable[[Message], Receipt] | None = None) -> None:
        self.messages: list[Message] = []
        self._answer = answer

    def send(self, message: Message) -> Receipt:
        """Keep ``message``."""
        self.messages.append(message)
        return Receipt(Status.ACCEPTED) if self._answer is None else self._answer(message)

    def clear(self) -> None:
        """Forget all messages."""
        self.messages.clear()
