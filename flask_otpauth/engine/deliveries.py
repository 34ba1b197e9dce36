"""Hand over the messages that wait in the storage: each once, whoever takes it up."""

from __future__ import annotations

from flask_otpauth.core.deliveries import DeliveryRow, DeliveryState
from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.core.service import service
from flask_otpauth.engine.messenger import Messenger
from flask_otpauth.ports.storage import DeliveryStore

#: How many messages are taken up at once.
BATCH = 100


@service
class Deliveries:
    """Takes up messages that wait. What was begun is never sent again, also if its process was killed."""

    messenger: Messenger

    def deliver(self, message_id: str) -> int:
        """
        Hand a message over now, unless somebody else does, or did.

        A worker of a queue calls this, inside an app context and never inside a transaction.

        :returns: 0 if there is nothing more to do. Otherwise, the whole seconds after which to call this
            again: the message is due later, or a process that may have been killed was about to send it.
        :raises ~flask_otpauth.errors.StorageUnavailable: if the database is down. Call this again later.
        """
        if self._take_up(message_id):
            return 0
        row = self._store.find(message_id)
        return 0 if row is None else _wait_seconds(row, self._now_ms())

    def deliver_due(self, limit: int = BATCH) -> int:
        """
        Hand over the messages that nobody has taken up, at most ``limit``. Return how many there were.

        They were left by a process that was killed, or by a queue that lost its tasks. A message whose code
        has expired meanwhile is not sent, and its quota is given back.
        """
        now_ms = self._now_ms()
        due = self._store.due(now_ms, limit)
        return sum(self._take_up(each) for each in due if self._is_ours(each, now_ms))

    def _is_ours(self, message_id: str, now_ms: int) -> bool:
        """
        Return whether this app takes a message up. It leaves what it cannot read, until nobody can need it.

        Another app with other secrets may share the table.
        """
        row, kept = self._store.find(message_id), self.messenger.kept
        if row is None or kept is None:
            return False
        return kept.open(row) is not None or row.needed_until <= now_ms

    def _take_up(self, message_id: str) -> bool:
        return self.messenger.take_up(message_id) is not None

    @property
    def _store(self) -> DeliveryStore:
        return self.messenger.storage.deliveries

    def _now_ms(self) -> int:
        return epoch_ms(self.messenger.clock())


def _wait_seconds(row: DeliveryRow, now_ms: int) -> int:
    """Return the seconds until the row can be claimed; 0 if it never can."""
    free_at = {DeliveryState.WAITING: row.due_at, DeliveryState.CLAIMED: row.claimed_until}.get(row.state)
    return 0 if free_at is None else max(1, -((now_ms - free_at) // 1000))
