"""A sender that keeps the newest messages in memory."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from itertools import count

from flask_otpauth.core.record import frozen
from flask_otpauth.ports.senders import Message, Receipt, Status

_SIZE = 100


@frozen
class Received:
    """A message in the inbox. The first one has the ``id`` 1, the next one 2, and so on."""

    id: int
    #: The time of the system, in UTC.
    at: datetime
    message: Message


class Inbox:
    """
    A sender for every channel. It keeps the newest hundred messages, which contain codes, in memory only.

    Several threads may use it, because appending to a deque is one step.
    """

    def __init__(self) -> None:
        self._received: deque[Received] = deque(maxlen=_SIZE)
        self._ids = count(1)

    def send(self, message: Message) -> Receipt:
        """Keep ``message``."""
        self._received.append(Received(next(self._ids), datetime.now(UTC), message))
        return Receipt(Status.ACCEPTED)

    def received(self, channel: str = "", recipient: str = "") -> list[Received]:
        """Return the messages, newest first: all, or those on a ``channel`` or to a ``recipient``."""
        return [
            each
            for each in reversed(tuple(self._received))
            if channel in ("", each.message.channel) and recipient in ("", each.message.recipient)
        ]

    def clear(self) -> None:
        """Delete all messages."""
        self._received.clear()
