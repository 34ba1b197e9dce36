"""Idempotency keys. A request begins by one conditional statement, so that one of many at once begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property

from sqlalchemy import ColumnElement, Table, and_, bindparam, or_, select

from flask_otpauth.adapters.sqlalchemy.database import Database, retry_until_explained
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared, new_value, new_values
from flask_otpauth.adapters.sqlalchemy.purging import purge_table
from flask_otpauth.adapters.sqlalchemy.statements import Change, Statement, Upsert
from flask_otpauth.adapters.sqlalchemy.tables import Digest, Instant, Name, columns_of
from flask_otpauth.core.idempotency import (
    RequestAttempt,
    RequestResult,
    RequestRow,
    RequestState,
    judge_request,
    request_row,
)
from flask_otpauth.core.service import service
from flask_otpauth.ports.storage import Purge, PurgedBatch

_KEY = bindparam("row_key", type_=Digest)
_NOW = bindparam("now_ms", type_=Instant)
_NONCE = bindparam("own_nonce", type_=Name)
_COLUMNS = tuple(field.name for field in fields(RequestRow))


@service
class SqlIdempotencyStore:
    """A :class:`~flask_otpauth.ports.storage.IdempotencyStore` in one table."""

    database: Database
    table: Table

    def begin(self, attempt: RequestAttempt) -> RequestResult:
        """See the port. It takes one statement, or two if the attempt does not begin."""
        values = new_values(vars(request_row(attempt)))

        def begin() -> RequestResult | None:
            begun = self._beginning.count(row_key=attempt.key, now_ms=attempt.now_ms, **values) > 0
            return RequestResult(RequestState.BEGUN) if begun else None

        def explain() -> RequestResult | None:
            rows = self._reading.rows(row_key=attempt.key)
            result = judge_request(RequestRow(*rows[0]) if rows else None, attempt)
            # The row has changed since then: try again.
            return None if result.state is RequestState.BEGUN else result

        return retry_until_explained(begin, explain)

    def finish(self, attempt: RequestAttempt, answer: str) -> None:
        """See the port."""
        self._finishing.count(row_key=attempt.key, own_nonce=attempt.nonce, **new_values({"answer": answer}))

    def free(self, attempt: RequestAttempt) -> None:
        """See the port."""
        self._freeing.count(row_key=attempt.key, own_nonce=attempt.nonce)

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Forget the keys that expired before then."""
        return purge_table(self.database, self.table, self.table.c.expires_at < purge.before_ms, purge)

    @cached_property
    def _beginning(self) -> Statement:
        row = self.table.c
        is_forgotten = row.expires_at <= _NOW
        is_abandoned = and_(
            row.answer.is_(None), row.leased_until <= _NOW, row.digest == new_value(self.table, "digest")
        )
        new_row = {"key": _KEY, **{name: new_value(self.table, name) for name in _COLUMNS}}
        return self.database.upsert(
            Upsert(
                self.table,
                new_row,
                ("key",),
                lambda new: {name: new[name] for name in _COLUMNS},
                or_(is_forgotten, is_abandoned),
                stamp="nonce",
            )
        )

    @cached_property
    def _reading(self) -> Prepared:
        return self.database.prepare(
            select(*columns_of(self.table, RequestRow)).where(self.table.c.key == _KEY)
        )

    @cached_property
    def _finishing(self) -> Statement:
        changes = {"answer": new_value(self.table, "answer")}
        return self.database.change(Change(self.table, self._is_own, changes))

    @cached_property
    def _freeing(self) -> Prepared:
        return self.database.prepare(self.table.delete().where(self._is_own))

    @property
    def _is_own(self) -> ColumnElement[bool]:
        return and_(self.table.c.key == _KEY, self.table.c.nonce == _NONCE)
