"""
MariaDB and MySQL, by the statements that both of them have.

They have no ``RETURNING`` for an update, and no condition in an upsert. So a query locks a row and computes
what it will be, and then the row is written by its key. An upsert is an update, and an insert if there was
nothing to update.

They compute the changes of an update from left to right, and each sees those before it. So a column is
written after all others that are computed from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    Column,
    ColumnElement,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.mysql import Insert
from sqlalchemy.sql import visitors

from flask_otpauth.adapters.sqlalchemy.dialects.base import Dialect
from flask_otpauth.adapters.sqlalchemy.statements import (
    Change,
    Changes,
    Deletion,
    Executor,
    Row,
    Statement,
    Upsert,
)
from flask_otpauth.core.errors import StorageUnavailable

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import Dialect as SqlAlchemyDialect

#: How often a row is upserted that others keep inserting and deleting.
_MAX_TRIES = 10


class Mysql(Dialect):
    """MariaDB and MySQL."""

    isolation_level = "READ COMMITTED"
    level_of_next = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
    begin = "START TRANSACTION"
    # At each level, a statement by itself writes the newest version of a row.
    level_matters_alone = False
    commits_alone = False
    # For instance, MariaDB has a type for UUIDs since 10.7.
    depends_on_version = True
    # Both can, but no statement means it to both.
    shares_locks = False
    # ER_LOCK_DEADLOCK, ER_LOCK_WAIT_TIMEOUT, and ER_SP_DOES_NOT_EXIST: the savepoint has gone with all else.
    lost = frozenset((1213, 1205, 1305))

    def why_too_old(self, server: SqlAlchemyDialect) -> str | None:
        """See the base class."""
        version = tuple(server.server_version_info or ())
        name, lowest = ("MariaDB", (10, 6)) if getattr(server, "is_mariadb", False) else ("MySQL", (8, 0))
        if version[:2] >= lowest:
            return None
        return f"{name} {_dotted(lowest)} or newer is needed, and this is {_dotted(version[:3])}"

    def change(self, database: Executor, change: Change) -> Statement:
        """See the base class."""
        if change.returning or change.locked is not None:
            return _changing_locked_rows(database, change)
        return database.prepare(_updating(cast("Table", change.table), change.which, change.changes))

    def upsert(self, database: Executor, upsert: Upsert) -> Statement:
        """See the base class."""
        changes = upsert.changes(upsert.row)
        if upsert.condition is None and not upsert.returning:
            return database.prepare(_inserting(upsert, changes or {upsert.key[0]: upsert.row[upsert.key[0]]}))
        has_key = and_(*(upsert.table.c[name] == upsert.row[name] for name in upsert.key))
        which = and_(has_key, true() if upsert.condition is None else upsert.condition)
        changing = self.change(database, Change(upsert.table, which, changes, upsert.returning))
        # What LAST_INSERT_ID() is given tells the driver that the row was there. The number of written rows
        # does not: SQLAlchemy asks for that of matched rows. A value of the row keeps it from being computed
        # before there is a row.
        column = upsert.table.c[upsert.key[0]]
        is_there = func.last_insert_id(func.length(column) + _ONE) > literal_column("0")
        unchanged = {column.name: func.if_(is_there, column, column)}
        inserting = database.prepare(_inserting(upsert, unchanged), counts="lastrowid")
        inserted = [cast("BindParameter[Any]", upsert.row[each.name]).key for each in upsert.returning]
        return _ChangeOrInsert(database, changing, inserting, inserted)

    def delete(self, database: Executor, deletion: Deletion) -> Statement:
        """See the base class."""
        key = list(deletion.table.primary_key.columns)
        deleting = database.prepare(deletion.table.delete().where(_has_key(key)))
        return _LockedRows(database, key, deletion.locked, deleting)


def _dotted(version: Sequence[object]) -> str:
    return ".".join(map(str, version))


class _LockedRows:
    """Rows that a query locks, and a statement that writes each of them by its key."""

    def __init__(
        self, database: Executor, key: Sequence[Column[Any]], locked: Select[Row], writing: Statement | None
    ) -> None:
        self._database = database
        self._names = [f"locked_{column.name}" for column in key]
        self._locking = database.prepare(locked)
        self._writing = writing

    def rows(self, **values: object) -> list[Row]:
        """Write the rows. Return what the query returns after their keys."""
        return self._database.atomically(partial(self._rows, values))

    def count(self, **values: object) -> int:
        """Write the rows. Return how many they are."""
        return len(self.rows(**values))

    def _rows(self, values: Mapping[str, object]) -> list[Row]:
        rows = self._locking.rows(**values)
        if self._writing is not None:
            for row in rows:
                self._writing.count(**values, **dict(zip(self._names, row, strict=False)))
        return [row[len(self._names) :] for row in rows]


class _ChangeOrInsert:
    """An upsert: a change, and an insert if nothing was changed."""

    def __init__(
        self, database: Executor, changing: Statement, inserting: Statement, inserted: Sequence[str]
    ) -> None:
        self._database = database
        self._changing = changing
        self._inserting = inserting
        self._inserted = inserted

    def rows(self, **values: object) -> list[Row]:
        """Return the row that was changed or inserted. Nothing forbids the change."""
        return self._database.atomically(partial(self._rows, values))

    def count(self, **values: object) -> int:
        """
        Return 1 if a row was changed or inserted.

        Each of the two statements is a step by itself. If a row is inserted between them, nothing is done,
        as if that row had been there before and had forbidden the change.
        """
        return self._changing.count(**values) or self._count_inserted(values)

    def _count_inserted(self, values: Mapping[str, object]) -> int:
        was_there = self._inserting.count(**values)
        return 0 if was_there else 1

    def _rows(self, values: Mapping[str, object]) -> list[Row]:
        for _ in range(_MAX_TRIES):
            rows = self._changing.rows(**values)
            if rows:
                return rows
            if self._count_inserted(values):
                return [tuple(values[name] for name in self._inserted)]
        raise StorageUnavailable("gave up because others kept inserting and deleting the row")


_ONE: ColumnElement[int] = literal_column("1")


def _changing_locked_rows(database: Executor, change: Change) -> Statement:
    table = cast("Table", change.table)
    key = list(table.primary_key.columns)
    returning = [_after(change.changes, column) for column in change.returning]
    if change.locked is None:
        locked = select(*key, *returning).with_for_update()
    else:
        locked = change.locked.with_only_columns(*key, *returning)
    # The query has locked the row, so that nothing is written if nothing changes.
    changes = {name: value for name, value in change.changes.items() if value is not table.c[name]}
    writing = database.prepare(_updating(table, _has_key(key), changes)) if changes else None
    return _LockedRows(database, key, locked.where(change.which), writing)


def _after(changes: Changes, column: Column[Any]) -> ColumnElement[Any]:
    """Return what a column of a row will be."""
    return type_coerce(changes.get(column.name, column), column.type)


def _has_key(key: Sequence[Column[Any]]) -> ColumnElement[bool]:
    return and_(*(column == bindparam(f"locked_{column.name}", type_=column.type) for column in key))


def _updating(table: Table, which: ColumnElement[bool], changes: Changes) -> Update:
    return update(table).where(which).ordered_values(*_in_order(table, changes))


def _inserting(upsert: Upsert, changes: Changes) -> Insert:
    ordered = _in_order(upsert.table, changes)
    return Insert(upsert.table).values(upsert.row).on_duplicate_key_update(ordered)


def _in_order(table: Table, changes: Changes) -> list[tuple[str, object]]:
    """
    Return the changes in the order in which they can be written one by one.

    :raises graphlib.CycleError: if there is no such order.
    """
    readers: dict[str, set[str]] = {name: set() for name in changes}
    for name, value in changes.items():
        for read in _columns_in(value, table) & (changes.keys() - {name}):
            readers[read].add(name)
    return [(name, changes[name]) for name in TopologicalSorter(readers).static_order()]


def _columns_in(value: object, table: Table) -> set[str]:
    """Return the names of the columns of ``table`` that a value is computed from."""
    if not isinstance(value, ClauseElement):
        return set()
    elements = visitors.iterate(value)
    return {each.name for each in elements if isinstance(each, Column) and each.table is table}


DIALECT = Mysql()
