"""What is kept, and the lock that makes each operation one step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from flask_otpauth.core.challenges import Record
from flask_otpauth.core.clients import Campaign, Client, ClientToken
from flask_otpauth.core.failures import Secret
from flask_otpauth.core.sessions import Session

K = TypeVar("K")
V = TypeVar("V")


@dataclass
class Memory:
    """
    Tables of immutable rows. ``counters`` are by cap and first instant of the day, and hold the
    day's last instant and the count.
    """

    challenges: dict[bytes, Record] = field(default_factory=dict)
    counters: dict[tuple[bytes, int], tuple[int, int]] = field(default_factory=dict)
    secrets: dict[bytes, Secret] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    client_tokens: dict[bytes, ClientToken] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock; an exception that leaves the outermost one undoes everything inside."""
        with self.lock:
            before = None if self._depth else self._copy()
            self._depth += 1
            try:
                yield
            except BaseException:
                if before is not None:
                    vars(self).update(before)
                raise
            finally:
                self._depth -= 1

    def _copy(self) -> dict[str, dict[object, object]]:
        # The rows are immutable, so it is enough to copy the tables.
        return {name: dict(table) for name, table in vars(self).items() if isinstance(table, dict)}


def removed(table: dict[K, V], is_old: Callable[[V], bool]) -> int:
    """Remove the rows that are old: how many."""
    old = [key for key, row in table.items() if is_old(row)]
    for key in old:
        del table[key]
    return len(old)
