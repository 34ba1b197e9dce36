"""Messages on their way. An operation that changes a row locks it first. Then the rules run in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import cached_property, partial

from sqlalchemy import Integer, Table, and_, bindparam, or_, select

from flask_otpauth.adapters.sqlalchemy.database import Database
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared, new_value, new_values
from flask_otpauth.adapters.sqlalchemy.purging import purge_table
from flask_otpauth.adapters.sqlalchemy.statements import Change, Statement
from flask_otpauth.adapters.sqlalchemy.tables import Digest, Instant, Name, columns_of
from flask_otpauth.core import deliveries
from flask_otpauth.core.challenges import ChallengeRow
from flask_otpauth.core.deliveries import DeliveryReport, DeliveryRow, DeliveryState, kept_provider_id
from flask_otpauth.core.service import service
from flask_otpauth.ports.storage import Purge, PurgedBatch

_ID = bindparam("row_id", type_=Name)
_NOW_MS = bindparam("now_ms", type_=Instant)
_COLUMNS = tuple(field.name for field in fields(DeliveryRow))
#: The columns that the rules change.
_CHANGED = (
    "due_at",
    "sealed",
    "state",
    "claimed_until",
    "sender",
    "provider_id",
    "status",
    "cost",
    "currency",
)


@service
class SqlDeliveryStore:
    """A :class:`~flask_otpauth.ports.storage.DeliveryStore` in one table, beside that of the challenges."""

    database: Database
    table: Table
    challenges: Table

    def add(self, row: DeliveryRow) -> None:
        """See the port. It is one statement."""
        self._adding.count(**new_values(_values(row)))

    def find(self, delivery_id: str) -> DeliveryRow | None:
        """See the port."""
        rows = self._finding.rows(row_id=delivery_id)
        return DeliveryRow(*rows[0]) if rows else None

    def find_sent(self, sender: str, provider_id: str) -> DeliveryRow | None:
        """See the port."""
        rows = self._finding_sent.rows(of_sender=sender, of_provider=kept_provider_id(provider_id))
        return DeliveryRow(*rows[0]) if rows else None

    def due(self, now_ms: int, limit: int) -> Sequence[str]:
        """See the port. It is one read by an index, which has no rows that are done."""
        return [str(row[0]) for row in self._listing.rows(now_ms=now_ms, most=limit)]

    def claim(self, delivery_id: str, now_ms: int, lease_ms: int) -> DeliveryRow | None:
        """See the port. It is two write statements, and one read of the row of the code between them."""

        def claimed(row: DeliveryRow) -> DeliveryRow | None:
            return deliveries.claimed(row, self._challenge_of(row), now_ms, lease_ms)

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
        return purge_table(self.database, self.table, self.table.c.needed_until < purge.before_ms, purge)

    def _change(
        self, delivery_id: str, rule: Callable[[DeliveryRow], DeliveryRow | None]
    ) -> DeliveryRow | None:
        """Write what ``rule`` returns, and return it; ``None`` if nothing changes."""
        return self.database.atomically(partial(self._change_locked, delivery_id, rule))

    def _change_locked(
        self, delivery_id: str, rule: Callable[[DeliveryRow], DeliveryRow | None]
    ) -> DeliveryRow | None:
        rows = self._locking.rows(row_id=delivery_id)
        after = rule(DeliveryRow(*rows[0])) if rows else None
        if after is not None:
            values = _values(after)
            self._rewriting.count(row_id=delivery_id, **new_values({name: values[name] for name in _CHANGED}))
        return after

    def _challenge_of(self, row: DeliveryRow) -> ChallengeRow | None:
        """Return of the row of the code what says whether the code is awaited."""
        if row.challenge_key is None:
            return None
        rows = self._reading_challenge.rows(challenge_key=row.challenge_key)
        if not rows:
            return None
        nonce, digest, guesses, consumed_at = rows[0]
        return ChallengeRow(nonce=nonce, digest=digest, guesses=guesses, consumed_at=consumed_at)

    @cached_property
    def _adding(self) -> Prepared:
        return self.database.prepare(
            self.table.insert().values({name: new_value(self.table, name) for name in _COLUMNS})
        )

    @cached_property
    def _finding(self) -> Prepared:
        return self.database.prepare(
            select(*columns_of(self.table, DeliveryRow)).where(self.table.c.id == _ID)
        )

    @cached_property
    def _finding_sent(self) -> Prepared:
        row = self.table.c
        is_sought = and_(
            row.sender == bindparam("of_sender", type_=Name),
            row.provider_id == bindparam("of_provider", type_=Name),
        )
        return self.database.prepare(select(*columns_of(self.table, DeliveryRow)).where(is_sought))

    @cached_property
    def _listing(self) -> Prepared:
        row = self.table.c
        # Each state by itself, so that the index on state and due_at is used.
        waiting = and_(row.state == DeliveryState.WAITING.value, row.due_at <= _NOW_MS)
        left = and_(
            row.state == DeliveryState.CLAIMED.value, row.due_at <= _NOW_MS, row.claimed_until <= _NOW_MS
        )
        query = select(row.id).where(or_(waiting, left)).order_by(row.due_at, row.id)
        return self.database.prepare(query.limit(bindparam("most", type_=Integer())))

    @cached_property
    def _locking(self) -> Statement:
        # An update locks the row, even if it changes no value.
        columns = tuple(columns_of(self.table, DeliveryRow))
        unchanged = {"step": self.table.c.step}
        return self.database.change(Change(self.table, self.table.c.id == _ID, unchanged, columns))

    @cached_property
    def _rewriting(self) -> Statement:
        changes = {name: new_value(self.table, name) for name in _CHANGED}
        return self.database.change(Change(self.table, self.table.c.id == _ID, changes))

    @cached_property
    def _reading_challenge(self) -> Prepared:
        row = self.challenges.c
        query = select(row.nonce, row.digest, row.guesses, row.consumed_at)
        return self.database.prepare(query.where(row.key == bindparam("challenge_key", type_=Digest)))


def _values(row: DeliveryRow) -> dict[str, object]:
    """Return the values of the columns. A driver may not know a text that is a member of an enumeration."""
    return {**vars(row), "state": row.state.value, "status": row.status.value}
