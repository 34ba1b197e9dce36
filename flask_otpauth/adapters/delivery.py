"""When a message is sent: before the answer, or behind it on a few threads."""

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

#: A thread with nothing to do ends after this; the next parcel starts one.
_IDLE_SECONDS = 30.0


class InlineDelivery:
    """Sends before the answer, so that a failure can be told."""

    def submit(self, outgoing: Outgoing, send: Send) -> Receipt:
        """Send now."""
        return send(outgoing)

    def drain(self, timeout_seconds: float) -> bool:
        """Nothing ever waits."""
        return True


class ThreadDelivery:
    """
    Sends behind the answer: a bounded queue and a few threads of this process.

    ``context`` makes the app context that each sending runs in. With ``queue_size`` parcels
    waiting, further ones are refused. Threads are started when they are needed, hence after
    a fork; a forked child begins with an empty queue, since the parent sends what is in its
    own. At the end of the process what is waiting is sent for ``shutdown_seconds`` at most.
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
        self._begin()
        in_child(self, ThreadDelivery._begin)
        atexit.register(_weakly(self._finish))

    def submit(self, outgoing: Outgoing, send: Send) -> Receipt | None:
        """Have it sent soon; ``None`` if it cannot be taken."""
        with self._changed:
            if len(self._waiting) >= self._queue_size:
                return None
            self._waiting.append((outgoing, send))
            if not self._staffed():
                self._waiting.pop()
                return None
            self._changed.notify_all()
        return Receipt(Status.ACCEPTED)

    def drain(self, timeout_seconds: float) -> bool:
        """Wait until all that was submitted has run; whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout_seconds)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Outgoing, Send]] = deque()
        self._threads = 0
        self._busy = 0

    def _finish(self) -> None:
        if not self.drain(self._shutdown_seconds):
            _logger.warning("%d messages were not sent before the end", len(self._waiting) + self._busy)

    def _staffed(self) -> bool:
        """Whether some thread will come to what is waiting; starts one where that helps."""
        if self._threads - self._busy < len(self._waiting) and self._threads < self._workers:
            try:
                threading.Thread(target=self._work, name="otpauth-delivery", daemon=True).start()
                self._threads += 1
            except RuntimeError:  # the system gives no more threads, or the interpreter is ending
                _logger.warning("a thread for sending could not be started")
        return self._threads > 0

    def _work(self) -> None:
        while self._sent_next():
            pass

    def _sent_next(self) -> bool:
        """Send what has waited longest; ``False`` when nothing came for a while."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, _IDLE_SECONDS):
                self._threads -= 1
                return False
            outgoing, send = self._waiting.popleft()
            self._busy += 1
        try:
            with self._context():
                send(outgoing)
        except BaseException as error:  # noqa: BLE001 - whatever a sender does, the next parcel is sent
            _logger.error("sending %r failed: %s", outgoing.message, type(error).__name__)  # noqa: TRY400
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()
        return True


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """``method`` as a callback that does not keep its object alive."""
    reference = WeakMethod(method)

    def call() -> None:
        bound = reference()
        if bound is not None:
            bound()

    return call
