"""What is kept, and the lock that makes each operation one step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.core.challenges import ChallengeRow
from flask_otpauth.core.clients import Campaign, Client, ClientToken
from flask_otpauth.core.failures import StoredSecret
from flask_otpauth.core.sessions import Session

K = TypeVar("K")
V = TypeVar("V")
Tables = dict[str, dict[object, object]]


@dataclass
class Memory:
    """
    Tables of immutable rows. ``counters`` are by cap and first instant of the day, and hold the
    day's last instant and the count.
    """

    challenges: dict[bytes, ChallengeRow] = field(default_factory=dict)
    counters: dict[tuple[bytes, int], tuple[int, int]] = field(default_factory=dict)
    secrets: dict[bytes, StoredSecret] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    client_tokens: dict[bytes, ClientToken] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._before: Tables | None = None
        in_child(self, Memory._begin_anew)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock; an exception that leaves the outermost one undoes everything inside."""
        with self.lock:
            if self._before is not None:
                yield
                return
            self._before = self._copy()
            try:
                yield
            except BaseException:
                self._undo()
                raise
            finally:
                self._before = None

    def _begin_anew(self) -> None:
        """A forked child goes on with a copy, without the transaction of a thread of the parent."""
        self._undo()
        self._before = None
        self.lock = threading.RLock()

    def _undo(self) -> None:
        vars(self).update(self._before or {})

    def _copy(self) -> Tables:
        # The rows are immutable, so it is enough to copy the tables.
        return {name: dict(table) for name, table in vars(self).items() if isinstance(table, dict)}


def removed(table: dict[K, V], is_old: Callable[[V], bool]) -> int:
    """Remove the rows that are old: how many."""
    old = [key for key, row in table.items() if is_old(row)]
    for key in old:
        del table[key]
    return len(old)
