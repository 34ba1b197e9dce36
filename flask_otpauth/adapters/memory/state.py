"""The rows, and the lock that makes each operation one atomic step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.core.challenges import ChallengeRow
from flask_otpauth.core.circuits import Circuit
from flask_otpauth.core.clients import Campaign, Client, ClientToken
from flask_otpauth.core.deliveries import DeliveryRow
from flask_otpauth.core.failures import StoredSecret
from flask_otpauth.core.idempotency import RequestRow
from flask_otpauth.core.sessions import Session
from flask_otpauth.ports.storage import Purge, PurgedBatch

K = TypeVar("K")
V = TypeVar("V")
Tables = dict[str, dict[object, object]]


@dataclass
class Memory:
    """Tables of immutable rows."""

    challenges: dict[bytes, ChallengeRow] = field(default_factory=dict)
    #: The key is that of the cap with the start of its day. The value is the end of the day and the count.
    counters: dict[tuple[bytes, int], tuple[int, int]] = field(default_factory=dict)
    secrets: dict[bytes, StoredSecret] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    #: The token generation of each user, by the id of the user.
    generations: dict[str, int] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    #: By digest.
    client_tokens: dict[bytes, ClientToken] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    #: By the name of the sender.
    circuits: dict[str, Circuit] = field(default_factory=dict)
    deliveries: dict[str, DeliveryRow] = field(default_factory=dict)
    #: What is known of idempotency keys.
    attempts: dict[bytes, RequestRow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._before: Tables | None = None
        in_child(self, Memory._reset)

    def atomically(self, work: Callable[[], V]) -> V:
        """See :class:`~flask_otpauth.ports.storage.Storage`. Other threads wait until ``work`` returns."""
        with self.lock:
            if self._before is not None:
                return work()
            self._before = self._copy()
            try:
                return work()
            except BaseException:
                self._undo()
                raise
            finally:
                self._before = None

    def purge(self, name: str, is_old: Callable[[Any], bool], purge: Purge) -> Iterator[PurgedBatch]:
        """Remove the rows of a table that are old. Between two batches, other threads can have the lock."""
        with self.lock:
            keys = list(getattr(self, name))
        for start in range(0, len(keys), purge.batch):
            with self.lock:
                # A transaction that was undone has replaced the table by the copy before it.
                table = getattr(self, name)
                batch = [key for key in keys[start : start + purge.batch] if key in table]
                old = [key for key in batch if is_old(table[key])]
                for key in () if purge.dry_run else old:
                    del table[key]
            yield PurgedBatch(len(batch), len(old))

    def _reset(self) -> None:
        """Undo, in a forked child, the transaction that a thread of the parent has not finished."""
        self._undo()
        self._before = None
        self.lock = threading.RLock()

    def _undo(self) -> None:
        vars(self).update(self._before or {})

    def _copy(self) -> Tables:
        # The rows are immutable, so the copies can share them.
        return {name: dict(table) for name, table in vars(self).items() if isinstance(table, dict)}


def remove(table: dict[K, V], which: Callable[[V], bool]) -> int:
    """Remove the rows for which ``which`` is true. Return how many."""
    keys = [key for key, row in table.items() if which(row)]
    for key in keys:
        del table[key]
    return len(keys)
