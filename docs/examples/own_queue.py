"""A queue of your own, here RQ. Any other works in the same way."""

from __future__ import annotations

from typing import Any

from flask import current_app

from flask_otpauth import OtpAuth
from flask_otpauth.senders import Receipt, Status

otpauth = OtpAuth()


class OwnQueue:
    """``OTPAUTH_DELIVERY = OwnQueue(queue)``, or the dotted path of such an object."""

    from_storage = True  # keep the messages in the database, and call submit with their ids

    def __init__(self, queue: Any) -> None:
        self.queue = queue

    def submit(self, outgoing: Any, send: object) -> Receipt | None:
        """Pass the id on."""
        try:
            self.queue.enqueue(deliver, outgoing.message.id)
        except ConnectionError:
            return None  # The code is withdrawn, and the client is told that nothing was sent.
        return Receipt(Status.ACCEPTED)

    def drain(self, timeout_seconds: float) -> bool:
        """Return that nothing waits in this process."""
        return True


def deliver(message_id: str) -> None:
    """What a worker does, inside an app context. It does not matter how often it is done."""
    wait_seconds = otpauth.deliveries.deliver(message_id)
    if wait_seconds:
        current_app.extensions["queue"].enqueue_in(wait_seconds, deliver, message_id)
