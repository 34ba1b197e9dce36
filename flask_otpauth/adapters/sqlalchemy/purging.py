"""
Deletes rows that are of no use, a few in each transaction, and keeps no request waiting.

A purge reads a table once, in the order of its primary key. So each statement finds its rows by the index
of that key, however many rows there are. An index on the instants that decide would find old rows sooner.
But each login changes these instants, and would have to change the index, too. On PostgreSQL, it could then
not write the new row in place of the old one ("HOT"). docs/operations.md has what was measured.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, case, literal_column, select, tuple_

from flask_otpauth.adapters.sqlalchemy.database import Database
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared
from flask_otpauth.adapters.sqlalchemy.statements import Deletion, Statement
from flask_otpauth.ports.storage import Purge, PurgedBatch

Key = Sequence[object]
Comparison = Callable[[Any, Any], ColumnElement[bool]]


def purge_table(
    database: Database, table: Table, is_old: ColumnElement[bool], purge: Purge
) -> Iterator[PurgedBatch]:
    """Delete the rows that are old, except those that are being written. Each step is one transaction."""
    walk = _Walk(database, table, is_old, purge.batch)
    last = walk.start
    while rows := walk.read(last):
        after, last = last, rows[-1][:-1]
        deleted = sum(row[-1] for row in rows)
        if deleted and not purge.dry_run:
            deleted = walk.delete(after, last)
        yield PurgedBatch(len(rows), deleted)


class _Walk:
    """The two statements of a purge of one table."""

    def __init__(self, database: Database, table: Table, is_old: ColumnElement[bool], batch: int) -> None:
        self._database, self._table, self._is_old, self._batch = database, table, is_old, batch
        self._key = list(table.primary_key.columns)
        #: A key before all others: an empty text, no bytes, or 0.
        self.start: Key = [column.type.python_type() for column in self._key]

    def read(self, after: Key) -> Sequence[Sequence[int]]:
        """Return the next keys, and after each of them 1 if its row is old, else 0."""
        return self._reading.rows(**_named("after", after))

    def delete(self, after: Key, last: Key) -> int:
        """Delete the rows that are old now, up to the key ``last``. Return how many."""
        return self._deleting.count(**_named("after", after), **_named("last", last))

    @cached_property
    def _reading(self) -> Prepared:
        old = case((self._is_old, literal_column("1")), else_=literal_column("0"))
        query = select(*self._key, old).where(self._is_after).order_by(*self._key)
        return self._database.prepare(query.limit(literal_column(str(self._batch))))

    @cached_property
    def _deleting(self) -> Statement:
        """
        Delete what nobody else is writing.

        A purge locks rows in another order than requests do. So it must not wait for a lock while it has
        others, or both could wait for each other.
        """
        is_near = and_(self._is_after, self._compared(operator.le, operator.le, "last"))
        idle = select(*self._key).where(is_near, self._is_old).with_for_update(skip_locked=True)
        return self._database.delete(Deletion(self._table, idle, is_near))

    @property
    def _is_after(self) -> ColumnElement[bool]:
        return self._compared(operator.ge, operator.gt, "after")

    def _compared(self, first: Comparison, whole: Comparison, name: str) -> ColumnElement[bool]:
        """
        Compare the key of a row with the one that the parameters with this name have.

        For MariaDB, the first column is compared alone, too: it finds no rows by an index otherwise.
        """
        given = [bindparam(f"{name}_{place}", type_=column.type) for place, column in enumerate(self._key)]
        return and_(first(self._key[0], given[0]), whole(tuple_(*self._key), tuple_(*given)))


def _named(name: str, key: Key) -> dict[str, object]:
    return {f"{name}_{place}": part for place, part in enumerate(key)}
