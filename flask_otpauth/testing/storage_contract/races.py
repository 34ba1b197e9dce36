"""
Races: many operations that begin at the same moment, on threads or on processes.

An operation is data (:func:`call`), so that another process can do it.
"""

from __future__ import annotations

import multiprocessing
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from operator import attrgetter
from typing import Any

from flask_otpauth.ports.storage import Storage

#: Runs operations at once and returns their results in the order of the operations.
Race = Callable[[Sequence["Operation"]], list[Any]]

THREADS = 8
PROCESSES = 3
THREADS_IN_PROCESS = 3

_DEADLINE_SECONDS = 90


@dataclass(frozen=True)
class Call:
    """One operation of a storage: ``verb`` is its dotted name, such as ``challenges.redeem``."""

    verb: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    def __call__(self, storage: Storage) -> Any:
        return attrgetter(self.verb)(storage)(*self.arguments, **self.options)


@dataclass(frozen=True)
class Together:
    """Several operations in one transaction: the list of their results."""

    calls: tuple[Call, ...]

    def __call__(self, storage: Storage) -> list[Any]:
        with storage.transaction():
            return [call(storage) for call in self.calls]


Operation = Call | Together


def call(verb: str, *arguments: Any, **options: Any) -> Call:
    """The operation ``verb`` with its arguments: ``call("challenges.redeem", guess)``."""
    return Call(verb, arguments, options)


def race_on_threads(storage: Storage, operations: Sequence[Operation]) -> list[Any]:
    """Run ``operations`` on threads of this process that begin together."""
    return _run(storage, operations, min(THREADS, len(operations)), start=lambda: None)


class Racers:
    """
    Processes that race, started when they are first needed. Each opens the storage for itself.

    ``open_storage`` and ``close_storage`` must be picklable: module-level functions or static
    methods of a class that another process can import.
    """

    def __init__(self, open_storage: Callable[[str], Storage], close_storage: Callable[[Any], None]) -> None:
        self._factories = (open_storage, close_storage)
        self._processes: list[BaseProcess] = []
        self._ends: list[Connection] = []

    def race(self, where: str, operations: Sequence[Operation]) -> list[Any]:
        """Deal ``operations`` to the processes, run them at once, and gather the results."""
        if not self._processes:
            self._start()
        for dealt, end in enumerate(self._ends):
            end.send((where, operations[dealt::PROCESSES]))
        for end in self._ends:
            _answer(end)  # ready
        for end in self._ends:
            end.send("go")
        results: list[Any] = [None] * len(operations)
        for dealt, end in enumerate(self._ends):
            results[dealt::PROCESSES] = _answer(end)
        return results

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        for _ in range(PROCESSES):
            with_isolation, theirs = context.Pipe()
            process = context.Process(target=_racer, args=(theirs, *self._factories), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._ends.append(with_isolation)

    def close(self) -> None:
        """Let the processes end."""
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.join(_DEADLINE_SECONDS)


def _racer(
    end: Connection, open_storage: Callable[[str], Storage], close_storage: Callable[[Storage], None]
) -> None:
    def start() -> None:
        end.send(("ready", ""))
        end.recv()

    while True:
        try:
            where, operations = end.recv()
        except EOFError:
            return
        storage = open_storage(where)
        try:
            end.send((_run(storage, operations, THREADS_IN_PROCESS, start), ""))
        except Exception:  # noqa: BLE001 - whatever it is, it is for the test that waits
            end.send(("", traceback.format_exc()))
        finally:
            close_storage(storage)


def _answer(end: Connection) -> Any:
    if not end.poll(_DEADLINE_SECONDS):
        raise TimeoutError("a racing process did not answer")
    answer, failure = end.recv()
    if failure:
        raise RuntimeError(f"in a racing process:\n{failure}")
    return answer


def _run(
    storage: Storage, operations: Sequence[Operation], threads: int, start: Callable[[], None]
) -> list[Any]:
    """Deal ``operations`` to threads, which begin together, once ``start`` has returned."""
    gate = threading.Barrier(threads, action=start)

    def lane(dealt: int) -> list[Any]:
        storage.sessions.find("")  # connects before the start, not after it
        gate.wait(_DEADLINE_SECONDS)
        return [operation(storage) for operation in operations[dealt::threads]]

    results: list[Any] = [None] * len(operations)
    with ThreadPoolExecutor(threads) as pool:
        for dealt, lane_results in enumerate(pool.map(lane, range(threads))):
            results[dealt::threads] = lane_results
    return results
