"""Who hands over the messages that are due later: a thread of each process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import monotonic

from flask_otpauth.adapters.forks import in_child

_logger = logging.getLogger(__name__)

#: How often a process looks for messages that another process, which was killed, has left.
_POLL_SECONDS = 5.0
#: So long after the last message that it expects, the thread ends. A lease of another process is over then.
_LINGER_SECONDS = 60.0


class ThreadTimer:
    """
    A :class:`~flask_otpauth.ports.delivery.Timer` with a thread of this process.

    The thread is started when the first message is expected, so a process can fork before that. It looks
    every few seconds, and when a message is due. It ends when it has expected none for a minute. ``run``
    hands over what is due, in an app context that ``context`` makes, and returns how much it found.
    """

    #: When messages are due, and until when some are expected, in seconds of the monotonic clock.
    _due: list[float]
    _until: float
    _is_running: bool

    def __init__(self, context: Callable[[], AbstractContextManager[object]], run: Callable[[], int]) -> None:
        self._context = context
        self._run = run
        self._reset()
        in_child(self, ThreadTimer._reset)

    def wake_in(self, seconds: float) -> None:
        """See the port."""
        due = monotonic() + max(0.0, seconds)
        with self._changed:
            self._due.append(due)
            self._until = max(self._until, due + _LINGER_SECONDS)
            if not self._is_running:
                self._is_running = self._start()
            self._changed.notify_all()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._due = []
        self._until = 0.0
        self._is_running = False

    def _start(self) -> bool:
        try:
            threading.Thread(target=self._work, name="otpauth-timer", daemon=True).start()
        except RuntimeError:  # the system has no more threads, or the interpreter is ending
            _logger.warning("a thread for messages that are due later could not be started")
            return False
        return True

    def _work(self) -> None:
        while self._wait():
            try:
                with self._context():
                    while self._run():
                        pass
            except BaseException as error:  # noqa: BLE001 - what is due is tried again at the next look
                _logger.error("messages that are due were not sent: %s", type(error).__name__)  # noqa: TRY400

    def _wait(self) -> bool:
        """Wait until something is due, or for the next look. Return ``False`` if nothing is expected."""
        with self._changed:
            if monotonic() > self._until:
                self._is_running = False
                return False
            look = monotonic() + _POLL_SECONDS
            while (now := monotonic()) < min([look, *self._due]):
                self._changed.wait(min([look, *self._due]) - now)
            self._due = [due for due in self._due if due > now]
            return True


class NoTimer:
    """A :class:`~flask_otpauth.ports.delivery.Timer` for tests: the test says when to look."""

    def wake_in(self, seconds: float) -> None:
        """Do nothing."""
