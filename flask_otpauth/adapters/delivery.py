"""When a message is sent: before the response, or after it on a few threads."""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from weakref import WeakMethod

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.ports.delivery import Outgoing
from flask_otpauth.ports.senders import Receipt, Status

_logger = logging.getLogger(__name__)

Send = Callable[[Outgoing], Receipt]

#: A thread that has nothing to do ends after this time. The next message starts another one.
_IDLE_SECONDS = 30.0


class InlineDelivery:
    """Sends before the response, so that the response can report a failure."""

    def submit(self, outgoing: Outgoing, send: Send) -> Receipt:
        """Send now, and return the receipt."""
        return send(outgoing)

    def drain(self, timeout_seconds: float) -> bool:
        """Return ``True``, because no message waits."""
        return True


class ThreadDelivery:
    """
    Sends after the response, with a bounded queue and a few threads of this process.

    Each message is sent in an app context, which ``context`` makes. If ``queue_size`` messages are
    waiting, further ones are refused. Threads are started when they are needed, so a process can
    fork before that. A forked child starts with an empty queue, because its parent sends the
    messages that are waiting. When the process ends, waiting messages are sent for at most
    ``shutdown_seconds``.
    """

    def __init__(
        self,
        context: Callable[[], AbstractContextManager[object]],
        workers: int = 2,
        queue_size: int = 1000,
        shutdown_seconds: float = 10.0,
    ) -> None:
        self._context = context
        self._workers = workers
        self._queue_size = queue_size
        self._shutdown_seconds = shutdown_seconds
        self._reset()
        in_child(self, ThreadDelivery._reset)
        atexit.register(_weakly(self._finish))

    def submit(self, outgoing: Outgoing, send: Send) -> Receipt | None:
        """Queue a message. Return ``None`` if it was refused."""
        with self._changed:
            if len(self._waiting) >= self._queue_size:
                return None
            self._waiting.append((outgoing, send))
            if not self._has_thread():
                self._waiting.pop()
                return None
            self._changed.notify_all()
        return Receipt(Status.ACCEPTED)

    def drain(self, timeout_seconds: float) -> bool:
        """Wait until everything that was submitted has been sent. Return ``False`` after the timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout_seconds)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Outgoing, Send]] = deque()
        self._threads = 0
        self._busy = 0

    def _finish(self) -> None:
        if not self.drain(self._shutdown_seconds):
            _logger.warning("%d messages were not sent before the end", len(self._waiting) + self._busy)

    def _has_thread(self) -> bool:
        """Start a thread if all are busy. Return whether a thread will take what is waiting."""
        if self._threads - self._busy < len(self._waiting) and self._threads < self._workers:
            try:
                threading.Thread(target=self._work, name="otpauth-delivery", daemon=True).start()
                self._threads += 1
            except RuntimeError:  # the system has no more threads, or the interpreter is ending
                _logger.warning("a thread for sending could not be started")
        return self._threads > 0

    def _work(self) -> None:
        while self._send_next():
            pass

    def _send_next(self) -> bool:
        """Send the message that has waited longest. Return ``False`` if none came for a while."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, _IDLE_SECONDS):
                self._threads -= 1
                return False
            outgoing, send = self._waiting.popleft()
            self._busy += 1
        try:
            with self._context():
                send(outgoing)
        except BaseException as error:  # noqa: BLE001 - whatever a sender does, the next message is sent
            _logger.error("sending %r failed: %s", outgoing.message, type(error).__name__)  # noqa: TRY400
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()
        return True


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Return ``method`` as a callback that does not keep its object in memory."""
    reference = WeakMethod(method)

    def call() -> None:
        bound = reference()
        if bound is not None:
            bound()

    return call
