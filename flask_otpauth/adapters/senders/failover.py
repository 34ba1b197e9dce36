"""Several senders for one channel, tried in order."""

from __future__ import annotations

from collections.abc import Sequence

from flask_otpauth.adapters.senders.guard import handed_over
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.senders import Message, Receipt, Sender, Status


class FailoverSender:
    """
    Tries ``senders`` in order until one may have sent, or the recipient is the reason.

    After an unknown outcome no other is tried: the user would get the code twice. Nothing is
    tried once the code has expired. It never raises, so a single sender is wrapped as well.
    """

    def __init__(self, senders: Sequence[Sender], clock: Clock) -> None:
        if not senders:
            raise ValueError("a channel requires at least one sender")
        self.senders = tuple(senders)
        self._clock = clock

    def send(self, message: Message) -> Receipt:
        """Hand ``message`` over; the receipt of the sender that was tried last."""
        receipt = Receipt(Status.REJECTED, detail="its code has expired")
        for sender in self.senders:
            if self._has_expired(message):
                break
            receipt = handed_over(sender, message)
            if not receipt.status.may_fail_over:
                break
        return receipt

    def _has_expired(self, message: Message) -> bool:
        return message.expires_at is not None and message.expires_at <= self._clock()
