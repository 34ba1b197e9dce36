"""The circuits of senders. A change locks the row first. Then the rules run in Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, select

from flask_otpauth.adapters.sqlalchemy.database import Database
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared, new_value, new_values
from flask_otpauth.adapters.sqlalchemy.purging import purge_table
from flask_otpauth.adapters.sqlalchemy.statements import Change, Statement, Upsert
from flask_otpauth.adapters.sqlalchemy.tables import Name, columns_of
from flask_otpauth.core.circuits import (
    KEPT_MS,
    Admission,
    Circuit,
    Evidence,
    SendAttempt,
    judge_attempt,
    with_outcome,
)
from flask_otpauth.core.service import service
from flask_otpauth.ports.storage import Purge, PurgedBatch

_NAME = bindparam("row_name", type_=Name)
_COLUMNS = tuple(field.name for field in fields(Circuit))


@service
class SqlCircuitStore:
    """A :class:`~flask_otpauth.ports.storage.CircuitStore` in one table."""

    database: Database
    table: Table

    def read(self, name: str) -> Circuit:
        """See the port."""
        rows = self._reading.rows(row_name=name)
        return Circuit(*rows[0]) if rows else Circuit()

    def admit(self, attempt: SendAttempt) -> Admission:
        """See the port. It takes two more statements for a probe."""
        circuit = self.read(attempt.name)
        admission = judge_attempt(circuit, attempt)
        if admission.circuit == circuit:
            return admission

        def admit() -> Admission:
            circuit = self._lock(attempt.name)
            admission = judge_attempt(circuit, attempt)
            self._store(attempt.name, circuit, admission.circuit)
            return admission

        return self.database.atomically(admit)

    def note(self, attempt: SendAttempt, evidence: Evidence, now_ms: int) -> tuple[Circuit, Circuit]:
        """See the port. It takes two statements."""

        def note() -> tuple[Circuit, Circuit]:
            before = self._lock(attempt.name)
            after = with_outcome(before, attempt, evidence, now_ms)
            self._store(attempt.name, before, after)
            return before, after

        return self.database.atomically(note)

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Delete circuits whose last failure and last probe were long before then."""
        before_ms = purge.before_ms - KEPT_MS
        is_old = and_(self.table.c.failed_at < before_ms, self.table.c.probed_at < before_ms)
        return purge_table(self.database, self.table, is_old, purge)

    def _lock(self, name: str) -> Circuit:
        """Lock the row until the transaction ends. Return its circuit. Add a row if there is none."""
        return Circuit(*self._locking.rows(row_name=name, **new_values(vars(Circuit())))[0])

    def _store(self, name: str, before: Circuit, after: Circuit) -> None:
        if after != before:
            self._rewriting.count(row_name=name, **new_values(vars(after)))

    @cached_property
    def _reading(self) -> Prepared:
        return self.database.prepare(
            select(*columns_of(self.table, Circuit)).where(self.table.c.name == _NAME)
        )

    @cached_property
    def _locking(self) -> Statement:
        # An update locks the row, even if it changes no value.
        unchanged, columns = {"failures": self.table.c.failures}, tuple(columns_of(self.table, Circuit))
        new: dict[str, ColumnElement[Any]] = {"name": _NAME, **self._new_values}
        return self.database.upsert(
            Upsert(self.table, new, ("name",), lambda new: unchanged, returning=columns)
        )

    @cached_property
    def _rewriting(self) -> Statement:
        return self.database.change(Change(self.table, self.table.c.name == _NAME, self._new_values))

    @property
    def _new_values(self) -> dict[str, ColumnElement[Any]]:
        return {name: new_value(self.table, name) for name in _COLUMNS}
