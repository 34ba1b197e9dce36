"""What every dialect has, and the statements of databases with ``RETURNING`` and ``ON CONFLICT``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import ColumnElement, Delete, Table, TextClause, Update, and_, tuple_, update

from flask_otpauth.adapters.sqlalchemy.statements import Change, Deletion, Executor, Row, Statement, Upsert
from flask_otpauth.adapters.sqlalchemy.tables import PartialIndex

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.engine.interfaces import Dialect as SqlAlchemyDialect
    from sqlalchemy.sql.dml import ReturningInsert

    Insert: TypeAlias = "postgresql.Insert | sqlite.Insert"


class Dialect:
    """What differs between the databases. This base is for one of which nothing is known."""

    #: The level of our transactions, whatever the level of the host's engine is. ``None``: that of the host.
    isolation_level: str | None = None
    #: Whether tables can be in another schema than the default one of the connection.
    has_schemas = True
    #: The statement that begins a transaction, if the driver does not. ``None``: SQLAlchemy begins it, and
    #: sets the level of the connection before.
    begin: str | None = None
    #: The statement that sets the level of the next transaction only, if the connection has another level.
    level_of_next: str | None = None
    #: Whether the level makes a difference to a statement that is a transaction by itself.
    level_matters_alone = True
    #: Whether such a statement is committed without being told to, where the driver can be set so.
    commits_alone = True
    #: Whether nobody else can write while a transaction that has written is open.
    has_one_writer = False
    #: Whether SQLAlchemy compiles a statement for the version of the server, which it learns from its first
    #: connection.
    depends_on_version = False
    #: The codes of errors with which the database has undone a transaction that can be tried again.
    lost: frozenset[object] = frozenset()
    #: An attribute of the driver's connection, and its value with which each statement commits by itself.
    #: It is used if the driver has no attribute ``autocommit``. Empty: there is none.
    autocommit: tuple[str, None] = ("", None)
    #: Whether the driver takes a ``bytearray`` faster than ``bytes``.
    prefers_bytearray = False

    def why_too_old(self, server: SqlAlchemyDialect) -> str | None:
        """Return why a server of this version cannot keep codes. ``None``: it can."""
        return None

    def complete(self, table: Table) -> None:
        """Add to the definition of a table what only this kind of database needs."""

    def insert(self, table: Table) -> Insert:
        """Return an insert that can have ``ON CONFLICT``."""
        raise NotImplementedError

    def change(self, database: Executor, change: Change) -> Statement:
        """Return the statement of a change."""
        return database.prepare(updating(change))

    def upsert(self, database: Executor, upsert: Upsert) -> Statement:
        """Return the statement of an upsert."""
        return database.prepare(on_conflict(self.insert(upsert.table).values(upsert.row), upsert))

    def delete(self, database: Executor, deletion: Deletion) -> Statement:
        """Return the statement of a deletion."""
        return database.prepare(deleting(deletion))


def updating(change: Change) -> Update:
    """Return a change as an ``UPDATE`` that returns the rows."""
    table, which = change.table, change.which
    if change.locked is not None:
        key = tuple_(*change.locked.selected_columns)
        which = and_(key.in_(change.locked), which)
    statement = update(table).where(which).values(dict(change.changes))
    return statement.returning(*change.returning) if change.returning else statement


def on_conflict(insert: Insert, upsert: Upsert) -> Insert | ReturningInsert[*Row]:
    """
    Let an insert change the row that is there.

    ``ON CONFLICT DO UPDATE … WHERE`` waits for a transaction that is writing that row, locks the row, and
    evaluates the condition on its newest version. So of two at once the second one sees what the first one
    wrote. No row is written if the condition is false.
    """
    changes = dict(upsert.changes(dict(insert.excluded.items())))
    if not changes:
        return insert.on_conflict_do_nothing()
    statement = insert.on_conflict_do_update(
        index_elements=upsert.key,
        index_where=_rows_in_index(upsert),
        set_=changes,
        where=upsert.condition,
    )
    return statement.returning(*upsert.returning) if upsert.returning else statement


def _rows_in_index(upsert: Upsert) -> TextClause | ColumnElement[bool] | None:
    """Return the condition on the rows among which the key is unique. ``None`` means all rows."""
    for index in upsert.table.indexes:
        if isinstance(index, PartialIndex) and tuple(index.columns.keys()) == upsert.key:
            return index.where
    return None


def deleting(deletion: Deletion) -> Delete:
    """Return a deletion as one statement."""
    is_one = tuple_(*deletion.table.primary_key.columns).in_(deletion.locked)
    which = is_one if deletion.near is None else and_(deletion.near, is_one)
    return deletion.table.delete().where(which)
