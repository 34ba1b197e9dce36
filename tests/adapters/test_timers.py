"""The thread that hands over what is due later."""

from __future__ import annotations

import os
import threading
from contextlib import nullcontext

import pytest

from flask_otpauth.adapters.timers import ThreadTimer

LONG = 30.0


class Looks:
    """Counts how often a timer looks, and can be waited for."""

    def __init__(self, *results: int | Exception) -> None:
        self._results = list(results)
        self._changed = threading.Condition()
        self.count = 0

    def __call__(self) -> int:
        with self._changed:
            self.count += 1
            self._changed.notify_all()
            result = self._results.pop(0) if self._results else 0
        if isinstance(result, Exception):
            raise result
        return result

    def reach(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.count >= count, LONG)


def test_the_timer_looks_when_a_message_is_due() -> None:
    looks = Looks()
    timer = ThreadTimer(nullcontext, looks)

    timer.wake_in(0)

    assert looks.reach(1)


def test_the_timer_looks_again_while_it_finds_something() -> None:
    looks = Looks(3, 1, 0)
    timer = ThreadTimer(nullcontext, looks)

    timer.wake_in(-1)

    assert looks.reach(3)


def test_an_earlier_message_is_not_kept_waiting_by_a_later_one() -> None:
    looks = Looks()
    timer = ThreadTimer(nullcontext, looks)

    timer.wake_in(3600)
    timer.wake_in(0)

    assert looks.reach(1)


def test_a_look_that_fails_does_not_end_the_timer() -> None:
    looks = Looks(RuntimeError("the database is down"))
    timer = ThreadTimer(nullcontext, looks)

    timer.wake_in(0)
    assert looks.reach(1)
    timer.wake_in(0)

    assert looks.reach(2)


def test_no_thread_is_started_before_a_message_is_expected() -> None:
    before = threading.active_count()

    ThreadTimer(nullcontext, Looks())

    assert threading.active_count() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_starts_a_thread_of_its_own() -> None:
    looks = Looks()
    timer = ThreadTimer(nullcontext, looks)
    timer.wake_in(0)
    assert looks.reach(1)

    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        looks.__init__()  # type: ignore[misc]  # its lock may have been held
        timer.wake_in(0)
        os._exit(0 if looks.reach(1) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
