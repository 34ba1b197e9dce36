"""Hand over the messages that wait in the storage: each once, whoever takes it up."""

from __future__ import annotations

from flask_otpauth.core.deliveries import DeliveryReport, DeliveryRow, DeliveryState, DeliveryStatus
from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.core.service import service
from flask_otpauth.engine.messenger import Messenger
from flask_otpauth.ports.delivery import Outgoing
from flask_otpauth.ports.sealing import SealBroken
from flask_otpauth.ports.senders import Receipt
from flask_otpauth.ports.storage import DeliveryStore

#: How long a claim is valid. Between the claim and the hand-over are a few milliseconds.
LEASE_MS = 15_000
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
        row = self._store.find(message_id)
        return row is not None and (self._open(row) is not None or row.needed_until <= now_ms)

    def _take_up(self, message_id: str) -> bool:
        claim = self._store.claim(message_id, self._now_ms(), LEASE_MS)
        if claim is None:
            return False
        receipt = self._hand_over(claim)
        if receipt is not None:
            self._store.settle(claim, report_of(receipt), failed=receipt.status.is_definite_failure)
        return True

    def _hand_over(self, claim: DeliveryRow) -> Receipt | None:
        """Return the receipt; ``None`` if somebody else has claimed the message meanwhile."""
        outgoing = self._open(claim)
        if outgoing is None:
            return self.messenger.report_lost(claim.channel, "the key that encrypted it was removed")
        # A message whose code has expired will not be sent. Any other may have been sent from here on.
        if outgoing.message.has_expired(self.messenger.clock()) or self._store.begin(claim):
            return self.messenger.hand_over(outgoing)
        return None

    def _open(self, row: DeliveryRow) -> Outgoing | None:
        """Return the message; ``None`` if this app cannot read it."""
        try:
            return self.messenger.kept.open(row) if self.messenger.kept else None
        except SealBroken:
            return None

    @property
    def _store(self) -> DeliveryStore:
        return self.messenger.storage.deliveries

    def _now_ms(self) -> int:
        return epoch_ms(self.messenger.clock())


def report_of(receipt: Receipt) -> DeliveryReport:
    """Return a receipt as a row keeps it."""
    return DeliveryReport(
        DeliveryStatus(receipt.status.value),
        receipt.sender,
        receipt.provider_id,
        "" if receipt.cost is None else str(receipt.cost),
        receipt.currency,
    )


def _wait_seconds(row: DeliveryRow, now_ms: int) -> int:
    """Return the seconds until the row can be claimed; 0 if it never can."""
    free_at = {DeliveryState.WAITING: row.due_at, DeliveryState.CLAIMED: row.claimed_until}.get(row.state)
    return 0 if free_at is None else max(1, -((now_ms - free_at) // 1000))
