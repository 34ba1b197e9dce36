"""When a message is sent: before the answer, or after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from flask_otpauth.core.challenges import Issue
from flask_otpauth.ports.senders import Message, Receipt


@dataclass(frozen=True)
class Outgoing:
    """
    A message, and the issue to withdraw should it definitely not be handed over.

    A ``withheld`` one is queued like any other, but ``send`` does not hand it over. If it were not
    queued, a full queue would show who has an account.
    """

    message: Message
    issue: Issue | None = None
    withheld: bool = False


class Delivery(Protocol):
    """Decides where ``send`` runs."""

    def submit(self, outgoing: Outgoing, send: Callable[[Outgoing], Receipt]) -> Receipt | None:
        """Have ``send(parcel)`` run: its receipt; ``accepted`` if it will run later, ``None`` if never."""

    def drain(self, timeout_seconds: float) -> bool:
        """Wait until all that was submitted has run; whether it has."""
