"""
Sends in the workers of the host's Celery app. A task carries the id of a row, and the row the message.

So the broker holds no address and no code. It does not matter how often a task runs, or whether it is lost:
the claim of the row decides who sends (:mod:`flask_otpauth.core.deliveries`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.delivery import Outgoing
from flask_otpauth.ports.senders import Receipt, Status

_logger = logging.getLogger(__name__)

#: The names of the tasks, which a worker of another version must know, too.
DELIVER, DELIVER_DUE = "flask_otpauth.deliver", "flask_otpauth.deliver_due"
#: How long a task waits for a database that is down, and how often.
_PAUSE_SECONDS, _MAX_RETRIES = 5, 60


@dataclass(frozen=True)
class Work:
    """What a worker does for an app."""

    #: Makes an app context.
    context: Callable[[], AbstractContextManager[object]]
    #: Hands over the message with an id. Returns the seconds after which to call it again; 0 if it is done.
    deliver: Callable[[str], int]
    #: Hands over the messages that nobody has taken up.
    deliver_due: Callable[[], object]


class CeleryDelivery:
    """Sends after the response, in a worker of ``celery_app``."""

    #: See the port: the messages are in the storage.
    from_storage = True

    def __init__(self, celery_app: Any, work: Work, clock: Clock) -> None:
        self._clock = clock
        self._deliver, self._deliver_due = _register(celery_app, work)

    def submit(self, outgoing: Outgoing, send: Callable[[Outgoing], Receipt]) -> Receipt | None:
        """See the port. Nothing is tried again here: a broker that is down must not keep requests waiting."""
        options = {"expires": self._seconds_left(outgoing), "retry": False}
        try:
            self._deliver.apply_async((outgoing.message.id,), **options)
        except Exception as error:  # noqa: BLE001 - each broker has errors of its own
            _logger.warning("the broker did not take a task: %s", type(error).__name__)
            return None
        return Receipt(Status.ACCEPTED)

    def wake_in(self, seconds: float) -> None:
        """Send a task that hands over what is due later. If the broker is down, the next look finds it."""
        try:
            self._deliver_due.apply_async(countdown=max(0.0, seconds), retry=False)
        except Exception as error:  # noqa: BLE001 - each broker has errors of its own
            _logger.warning("the broker did not take a task: %s", type(error).__name__)

    def drain(self, timeout_seconds: float) -> bool:
        """Return ``True``: what was submitted is in the broker and in the database."""
        return True

    def _seconds_left(self, outgoing: Outgoing) -> float | None:
        """Return the seconds until the code expires. After that, the broker may forget the task."""
        expires_at = outgoing.message.expires_at
        return None if expires_at is None else max(1.0, (expires_at - self._clock()).total_seconds())


def _register(celery_app: Any, work: Work) -> tuple[Any, Any]:
    """Define the tasks in ``celery_app``. Return those that send a message, and what is due."""

    def deliver(task: Any, message_id: str) -> None:
        try:
            with work.context():
                wait_seconds = work.deliver(message_id)
        except StorageUnavailable as error:
            raise task.retry(exc=error, countdown=_PAUSE_SECONDS, max_retries=_MAX_RETRIES) from error
        if wait_seconds:
            raise task.retry(countdown=wait_seconds, max_retries=None)

    def deliver_due() -> None:
        with work.context():
            work.deliver_due()

    due = celery_app.task(deliver_due, name=DELIVER_DUE, ignore_result=True)
    # A worker that is killed must not take its task along.
    late = {"acks_late": True, "reject_on_worker_lost": True}
    return celery_app.task(deliver, name=DELIVER, bind=True, ignore_result=True, **late), due
