"""
Races: many operations that begin at the same moment, on threads or in processes.

An operation is a value (:func:`call`), so that it can be sent to another process.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from operator import attrgetter
from typing import Any

from flask_otpauth.core.record import frozen
from flask_otpauth.ports.storage import Storage

#: Runs operations at the same time. Returns their results in the order of the operations.
Race = Callable[[Sequence["Operation"]], list[Any]]

THREADS = 8
PROCESSES = 3
THREADS_IN_PROCESS = 3
SWITCH_SECONDS = 1e-6

_DEADLINE_SECONDS = 90


@frozen
class Call:
    """One operation of a storage."""

    #: The dotted name of the method, such as ``challenges.redeem``.
    verb: str
    arguments: tuple[object, ...]
    options: dict[str, object]

    def __call__(self, storage: Storage) -> Any:
        return attrgetter(self.verb)(storage)(*self.arguments, **self.options)


@frozen
class Together:
    """Several operations in one transaction. The result is the list of their results."""

    calls: tuple[Call, ...]

    def __call__(self, storage: Storage) -> list[Any]:
        return storage.atomically(lambda: [call(storage) for call in self.calls])


#: What a race runs. Another process must be able to unpickle it.
Operation = Callable[[Storage], Any]


def call(verb: str, *arguments: object, **options: object) -> Call:
    """Return the operation ``verb`` with its arguments, as in ``call("challenges.redeem", guess)``."""
    return Call(verb, arguments, options)


def race_on_threads(storage: Storage, operations: Sequence[Operation]) -> list[Any]:
    """Run ``operations`` on threads of this process, which begin at the same moment."""
    return _run(storage, operations, min(THREADS, len(operations)), start=lambda: None)


class Racers:
    """
    Processes that run races. They start when they are first needed, and each opens the storage itself. The
    storage stays open until there is a race elsewhere.

    ``open_storage`` and ``close_storage`` must be picklable: functions of a module, or static methods of a
    class, that another process can import.
    """

    def __init__(
        self, open_storage: Callable[[str], Storage], close_storage: Callable[[Storage], None]
    ) -> None:
        self._functions = (open_storage, close_storage)
        self._processes: list[BaseProcess] = []
        self._ends: list[Connection] = []

    def race(self, where: str, operations: Sequence[Operation]) -> list[Any]:
        """Distribute ``operations`` to the processes, run them at the same time, and return the results."""
        if not self._processes:
            self._start()
        for number, end in enumerate(self._ends):
            end.send((where, operations[number::PROCESSES]))
        for end in self._ends:
            _receive(end)  # ready
        for end in self._ends:
            end.send("go")
        results: list[Any] = [None] * len(operations)
        for number, end in enumerate(self._ends):
            results[number::PROCESSES] = _receive(end)
        return results

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        for _ in range(PROCESSES):
            ours, theirs = context.Pipe()
            process = context.Process(target=_run_races, args=(theirs, *self._functions), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._ends.append(ours)

    def close(self) -> None:
        """End the processes."""
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.join(_DEADLINE_SECONDS)


def _run_races(
    end: Connection, open_storage: Callable[[str], Storage], close_storage: Callable[[Storage], None]
) -> None:
    def start() -> None:
        end.send(("ready", ""))
        end.recv()

    opened: tuple[str, Storage] | None = None
    with suppress(EOFError):
        while True:
            where, operations = end.recv()
            if opened is None or opened[0] != where:
                if opened is not None:
                    close_storage(opened[1])
                opened = where, open_storage(where)
            try:
                end.send((_run(opened[1], operations, THREADS_IN_PROCESS, start), ""))
            except Exception:  # noqa: BLE001 - the test that waits raises it
                end.send(("", traceback.format_exc()))
    if opened is not None:
        close_storage(opened[1])


def _receive(end: Connection) -> Any:
    if not end.poll(_DEADLINE_SECONDS):
        raise TimeoutError("a racing process did not answer")
    answer, failure = end.recv()
    if failure:
        raise RuntimeError(f"in a racing process:\n{failure}")
    return answer


def _run(
    storage: Storage, operations: Sequence[Operation], threads: int, start: Callable[[], None]
) -> list[Any]:
    """Distribute ``operations`` to threads, which begin at the same moment after ``start`` has returned."""
    gate = threading.Barrier(threads, action=start)

    def run_share(number: int) -> list[Any]:
        storage.sessions.find("")  # connect before the start
        gate.wait(_DEADLINE_SECONDS)
        return [operation(storage) for operation in operations[number::threads]]

    results: list[Any] = [None] * len(operations)
    with _frequent_switches(), ThreadPoolExecutor(threads) as pool:
        for number, share in enumerate(pool.map(run_share, range(threads))):
            results[number::threads] = share
    return results


@contextmanager
def _frequent_switches() -> Iterator[None]:
    """Let Python switch threads often. Otherwise most operations in memory end before another begins."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
