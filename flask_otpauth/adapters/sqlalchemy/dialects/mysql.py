"""
MariaDB and MySQL, by the statements that both of them have.

They have no ``RETURNING`` for an update. So a query locks a row and computes what it will be, and then the
row is written by its key. An upsert has no condition as a whole. So each of its changes has it.

They compute changes from left to right, and each one sees those before it. So a column is written after all
others that are computed from it.
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
    LargeBinary,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.mysql import MEDIUMBLOB, Insert
from sqlalchemy.sql import visitors

from flask_otpauth.adapters.sqlalchemy.dialects.base import Dialect
from flask_otpauth.adapters.sqlalchemy.statements import (
    Change,
    Changes,
    Columns,
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
    # ER_LOCK_DEADLOCK, ER_LOCK_WAIT_TIMEOUT, and ER_SP_DOES_NOT_EXIST: the savepoint has gone with all else.
    lost = frozenset((1213, 1205, 1305))

    def complete(self, table: Table) -> None:
        """See the base class."""
        # Whatever the default of the server is: other engines of MariaDB have no transactions.
        for name in ("mysql", "mariadb"):
            table.dialect_options[name]["engine"] = "InnoDB"
        for column in table.c:
            if isinstance(column.type, LargeBinary) and column.type.length is None:
                # A BLOB has at most 64 kilobytes, and a sealed e-mail can be longer.
                column.type = LargeBinary().with_variant(MEDIUMBLOB(), "mysql", "mariadb")

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
        changes = upsert.changes(upsert.row) or {upsert.key[0]: upsert.row[upsert.key[0]]}
        if upsert.returning:
            return _ChangeOrInsert(database, upsert, self.change(database, _change_of(upsert, changes)))
        if upsert.condition is None:
            return database.prepare(_inserting(upsert, _in_order(upsert.table.c, changes)))
        guarded = _guarded(upsert.table.c, changes, upsert.condition, upsert.stamp)
        return _Guarded(database.prepare(_inserting(upsert, guarded), counts="lastrowid"))

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


class _Guarded:
    """An upsert with a condition. What ``LAST_INSERT_ID()`` was given tells whether it was met."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement

    def rows(self, **values: object) -> list[Row]:
        """Execute it. It returns no rows."""
        return self._statement.rows(**values)

    def count(self, **values: object) -> int:
        """Execute it. Return 1 if the row was inserted or changed."""
        return int(self._statement.count(**values) != _REFUSED)


class _ChangeOrInsert:
    """An upsert that returns the row: a change, and an insert if there was no row to change."""

    def __init__(self, database: Executor, upsert: Upsert, changing: Statement) -> None:
        self._database = database
        self._changing = changing
        column = upsert.table.c[upsert.key[0]]
        # Never met. It reads the row, so that it is not computed before there is one.
        never = _guarded(upsert.table.c, {column.name: column}, func.length(column) < literal_column("0"))
        self._inserting = _Guarded(database.prepare(_inserting(upsert, never), counts="lastrowid"))
        #: The parameters with what is returned of a new row.
        self._new = [cast("BindParameter[Any]", upsert.row[each.name]).key for each in upsert.returning]

    def rows(self, **values: object) -> list[Row]:
        """Return the row."""
        return self._database.atomically(partial(self._rows, values))

    def count(self, **values: object) -> int:
        """Return 1."""
        return len(self.rows(**values))

    def _rows(self, values: Mapping[str, object]) -> list[Row]:
        for _ in range(_MAX_TRIES):
            rows = self._changing.rows(**values)
            if rows:
                return rows
            if self._inserting.count(**values):
                return [tuple(values[name] for name in self._new)]
        raise StorageUnavailable("gave up because others kept inserting and deleting the row")


#: What ``LAST_INSERT_ID()`` is given if the condition on the row that is there is met, and if it is not.
_MET, _REFUSED = 1, 2


def _guarded(
    row: Columns, changes: Changes, condition: ColumnElement[bool], stamp: str | None = None
) -> list[tuple[str, object]]:
    """
    Return the changes in their order. Each leaves its column as it is if the condition is not met.

    The first one decides, and tells it by ``LAST_INSERT_ID()``. The number of written rows does not tell it,
    because SQLAlchemy asks for that of matched rows.

    :raises graphlib.CycleError: if there is no stamp, and the condition reads several of the columns. After
        the change of the first one, it would be another condition.
    """
    told = func.if_(condition, literal_column(str(_MET)), literal_column(str(_REFUSED)))
    decides = func.last_insert_id(told) == literal_column(str(_MET))
    others = {name: value for name, value in changes.items() if name != stamp}
    is_met = condition if stamp is None else row[stamp] == changes[stamp]
    guarded = {name: func.if_(is_met, value, row[name]) for name, value in others.items()}
    names = [*([] if stamp is None else [stamp]), *(name for name, _ in _in_order(row, guarded))]
    first = names[0]
    return [
        (first, func.if_(decides, changes[first], row[first])),
        *((name, guarded[name]) for name in names[1:]),
    ]


def _change_of(upsert: Upsert, changes: Changes) -> Change:
    has_key = and_(*(upsert.table.c[name] == upsert.row[name] for name in upsert.key))
    return Change(upsert.table, has_key, changes, upsert.returning)


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
    return update(table).where(which).ordered_values(*_in_order(table.c, changes))


def _inserting(upsert: Upsert, ordered: list[tuple[str, Any]]) -> Insert:
    return Insert(upsert.table).values(upsert.row).on_duplicate_key_update(ordered)


def _in_order(row: Columns, changes: Changes) -> list[tuple[str, object]]:
    """
    Return the changes in the order in which they can be written one by one.

    :raises graphlib.CycleError: if there is no such order.
    """
    readers: dict[str, set[str]] = {name: set() for name in changes}
    for name, value in changes.items():
        for read in _columns_in(value, row) & (changes.keys() - {name}):
            readers[read].add(name)
    return [(name, changes[name]) for name in TopologicalSorter(readers).static_order()]


def _columns_in(value: object, row: Columns) -> set[str]:
    """Return the names of the columns of a row that a value is computed from."""
    if not isinstance(value, ClauseElement):
        return set()
    elements = visitors.iterate(value)
    return {each.name for each in elements if isinstance(each, Column) and each is row.get(each.name)}


DIALECT = Mysql()
