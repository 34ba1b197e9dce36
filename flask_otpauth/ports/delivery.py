"""When a message is sent: before the response, or after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from flask_otpauth.core.challenges import Issue
from flask_otpauth.core.record import record
from flask_otpauth.ports.senders import Message, Receipt


@record
class Outgoing:
    """A message on its way to a sender."""

    message: Message
    #: The issue to withdraw if the message is certainly not handed over.
    issue: Issue | None = None
    #: The message is queued, but not handed over. If it were not queued, a full queue would show who has an
    #: account.
    withheld: bool = False


class Delivery(Protocol):
    """
    Decides when and in which thread or process a message is sent.

    If it has a method ``wake_in`` (:class:`Timer`), it is also called for messages that are due later.

    If it has an attribute ``from_storage`` that is true, each message is kept in the storage, encrypted, and
    in the transaction that issues its code. Then ``submit`` passes on only the id of the message, and does
    not call ``send``. Whoever gets the id calls ``otpauth.deliveries.deliver``.
    """

    def submit(self, outgoing: Outgoing, send: Callable[[Outgoing], Receipt]) -> Receipt | None:
        """
        Run ``send(outgoing)``, now or later.

        Return its receipt, or a receipt ``accepted`` if it will run later. Return ``None`` if it will not
        run: then the code is withdrawn.
        """

    def drain(self, timeout_seconds: float) -> bool:
        """Wait until everything that was submitted has run. Return whether it has."""


@runtime_checkable
class Timer(Protocol):
    """Has the messages handed over that wait in the storage until they are due."""

    def wake_in(self, seconds: float) -> None:
        """Hand over what is due after ``seconds``, in this process or in another one."""


def is_from_storage(delivery: Delivery) -> bool:
    """Return whether messages are kept in the storage until they are sent."""
    return bool(getattr(delivery, "from_storage", False))
