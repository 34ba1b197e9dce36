"""
Sends in the workers of the host's Celery app. A task carries the id of a row, and the row the message.

So the broker holds no address and no code. It does not matter how often a task runs, or whether it is lost:
the claim of the row decides who sends (:mod:`flask_otpauth.core.deliveries`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.record import frozen
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.delivery import Outgoing
from flask_otpauth.ports.senders import Message, Receipt, Status

_logger = logging.getLogger(__name__)

#: The names of the tasks, which a worker of another version must know, too.
DELIVER, DELIVER_DUE = "flask_otpauth.deliver", "flask_otpauth.deliver_due"
#: A request must not wait for a broker that is down. But an idle connection may be closed, so there is a
#: second try, at once.
_AT_ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0}
#: For Redis, whose client would wait for ever. A connection to RabbitMQ has the timeout of Celery, 4 seconds.
_TIMEOUTS = {"socket_connect_timeout": 4, "socket_timeout": 4}
#: How long a task waits for a database that is down, and how often.
_PAUSE_SECONDS, _MAX_RETRIES = 5, 60


@frozen
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
        self._app = celery_app
        self._clock = clock
        self._deliver, self._deliver_due = _register(celery_app, work)

    def submit(self, outgoing: Outgoing, send: Callable[[Outgoing], Receipt]) -> Receipt | None:
        """See the port."""
        message = outgoing.message
        is_taken = self._publish(self._deliver, message.id, expires=self._seconds_left(message))
        return Receipt(Status.ACCEPTED) if is_taken else None

    def wake_in(self, seconds: float) -> None:
        """Send a task that hands over what is due later. If the broker is down, the next look finds it."""
        self._publish(self._deliver_due, countdown=max(0.0, seconds))

    def drain(self, timeout_seconds: float) -> bool:
        """Return ``True``: what was submitted is in the broker and in the database."""
        return True

    def _publish(self, task: Any, *arguments: str, **options: float | None) -> bool:
        """Give a task to the broker. Return whether the broker has it."""
        # As Celery does it, but with other connections: its own ones wait for seconds if a broker is down.
        from kombu import pools  # only a host that uses Celery has it

        try:
            with pools.producers[self._connection].acquire(block=True) as producer:
                task.apply_async(arguments, producer=producer, retry_policy=_AT_ONCE, **options)
        except Exception as error:  # noqa: BLE001 - each broker has errors of its own
            _logger.warning("the broker did not take a task: %s", type(error).__name__)
            return False
        return True

    @cached_property
    def _connection(self) -> Any:
        """A description of the broker, which is not connected. It must be the same for each message."""
        options = {**_TIMEOUTS, **self._app.conf.broker_transport_options, **_AT_ONCE}
        return self._app.connection_for_write(transport_options=options)

    def _seconds_left(self, message: Message) -> float | None:
        """Return the seconds until the code expires. After that, the broker may forget the task."""
        if message.expires_at is None:
            return None
        return max(1.0, (message.expires_at - self._clock()).total_seconds())


def _register(celery_app: Any, work: Work) -> tuple[Any, Any]:
    """Define the tasks in ``celery_app``. Return those that send a message, and what is due."""

    def deliver(task: Any, message_id: str) -> None:
        try:
            with work.context():
                wait_seconds = work.deliver(message_id)
        except StorageUnavailable as error:
            raise task.retry(exc=error, countdown=_PAUSE_SECONDS, max_retries=_MAX_RETRIES) from error
        if wait_seconds:
            raise task.retry(countdown=wait_seconds)

    def deliver_due() -> None:
        with work.context():
            work.deliver_due()

    options: dict[str, object] = {"ignore_result": True, "shared": False}
    due = celery_app.task(deliver_due, name=DELIVER_DUE, **options)
    # A worker that is killed must not take its task along. How often a task comes back is decided above.
    options |= {"acks_late": True, "reject_on_worker_lost": True, "max_retries": None}
    return celery_app.task(deliver, name=DELIVER, bind=True, **options), due
