"""Messages on their way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from flask_otpauth.adapters.memory.state import Memory
from flask_otpauth.core import deliveries
from flask_otpauth.core.deliveries import DeliveryReport, DeliveryRow, DeliveryState, kept_provider_id
from flask_otpauth.core.service import service
from flask_otpauth.ports.storage import Purge, PurgedBatch


@service
class MemoryDeliveryStore:
    """A :class:`~flask_otpauth.ports.storage.DeliveryStore`."""

    memory: Memory

    def add(self, row: DeliveryRow) -> None:
        """See the port."""
        with self.memory.lock:
            self.memory.deliveries[row.id] = row

    def find(self, delivery_id: str) -> DeliveryRow | None:
        """See the port."""
        with self.memory.lock:
            return self.memory.deliveries.get(delivery_id)

    def find_sent(self, sender: str, provider_id: str) -> DeliveryRow | None:
        """See the port."""
        sought = (sender, kept_provider_id(provider_id))
        with self.memory.lock:
            rows = self.memory.deliveries.values()
            return next((row for row in rows if (row.sender, row.provider_id) == sought), None)

    def due(self, now_ms: int, limit: int) -> Sequence[str]:
        """See the port."""
        with self.memory.lock:
            rows = [row for row in self.memory.deliveries.values() if row.is_due(now_ms)]
        return [row.id for row in sorted(rows, key=lambda row: (row.due_at, row.id))[:limit]]

    def claim(self, delivery_id: str, now_ms: int, lease_ms: int) -> DeliveryRow | None:
        """See the port."""

        def claimed(row: DeliveryRow) -> DeliveryRow | None:
            challenge = self.memory.challenges.get(row.challenge_key) if row.challenge_key else None
            return deliveries.claimed(row, challenge, now_ms, lease_ms)

        after = self._change(delivery_id, claimed)
        return after if after is not None and after.state is DeliveryState.CLAIMED else None

    def begin(self, claim: DeliveryRow) -> bool:
        """See the port."""
        return self._change(claim.id, lambda row: deliveries.begun(row, claim)) is not None

    def settle(self, claim: DeliveryRow, report: DeliveryReport, *, failed: bool) -> bool:
        """See the port."""
        return self._change(claim.id, lambda row: deliveries.settled(row, claim, report, failed)) is not None

    def withdraw(self, delivery_id: str) -> bool:
        """See the port."""
        return self._change(delivery_id, deliveries.withdrawn) is not None

    def hasten(self, delivery_id: str, due_at: int) -> bool:
        """See the port."""
        return self._change(delivery_id, lambda row: deliveries.hastened(row, due_at)) is not None

    def report(self, delivery_id: str, report: DeliveryReport) -> bool:
        """See the port."""
        return self._change(delivery_id, lambda row: deliveries.reported(row, report)) is not None

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Delete the rows that were needed until before then."""
        return self.memory.purge("deliveries", lambda row: row.needed_until < purge.before_ms, purge)

    def _change(
        self, delivery_id: str, rule: Callable[[DeliveryRow], DeliveryRow | None]
    ) -> DeliveryRow | None:
        """Write what ``rule`` returns, and return it; ``None`` if nothing changes."""
        with self.memory.lock:
            row = self.find(delivery_id)
            after = None if row is None else rule(row)
            if after is not None:
                self.memory.deliveries[delivery_id] = after
            return after
