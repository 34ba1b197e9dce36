"""
Our own short transactions on an engine, never the host's session.

A host's rollback must not undo a count, and our commit must not commit a host's half-finished
row. Nothing is ever retried after a commit was sent: its outcome may be unknown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, CursorResult, Engine, Executable, Table, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.adapters.sqlalchemy.in_memory import is_in_memory
from flask_otpauth.adapters.sqlalchemy.tables import Tables
from flask_otpauth.core.errors import ConfigurationError, StorageUnavailable

T = TypeVar("T")
Insert = postgresql.Insert | sqlite.Insert

#: A row: its columns by name.
Values = dict[str, Any]

#: How often an operation is tried whose row others keep changing.
MAX_TRIES = 10


@dataclass(frozen=True)
class _Dialect:
    """What differs: the level that we run at whatever the host's engine says, and how to upsert."""

    isolation_level: str
    insert: Callable[[Table], Insert]


_DIALECTS = {
    "postgresql": _Dialect("READ COMMITTED", postgresql.insert),
    # SERIALIZABLE is SQLite's only level; naming it undoes a host's AUTOCOMMIT.
    "sqlite": _Dialect("SERIALIZABLE", sqlite.insert),
}

#: The databases that can keep codes, as SQLAlchemy calls them.
SUPPORTED = tuple(_DIALECTS)

_MISSING_TABLE = (
    "42P01",  # PostgreSQL: undefined_table
    "42S02",  # MariaDB and MySQL: ER_NO_SUCH_TABLE
    1146,
)
_MISSING_COLUMN = (
    "42703",  # PostgreSQL: undefined_column
    "42S22",  # MariaDB and MySQL: ER_BAD_FIELD_ERROR
    1054,
)
_NO_COLUMN = ("no such column", "has no column named")  # SQLite
_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")

#: The caller's mistakes (PEP 249). All other errors are an outage: a server that is gone, is shutting
#: down or is read-only (25006), too many clients (53300), a statement that took too long (57014), a
#: full disk, and a damaged file, for which SQLite raises the bare base class.
_MISTAKES = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


class _Open(threading.local):
    """The connection whose transaction is open in this thread."""

    connection: Connection | None = None


def not_supported(dialect: str) -> str:
    """The end of the start-up error for a database of another dialect: what to do."""
    return f"{dialect} is not supported for codes: use {' or '.join(SUPPORTED)}"


class _Undone(Exception):
    """Ends an attempt that did nothing."""


class Database:
    """
    Transactions and statements on an engine; every outage is a ``StorageUnavailable``.

    ``describe_lock_holder`` tells, for the message of a locked SQLite file, which transaction of the host
    is open. No message and no log line holds the values of a statement.

    :raises ConfigurationError: if the engine is of a database that is not supported.
    """

    def __init__(self, engine: Engine, describe_lock_holder: Callable[[], str] = lambda: "") -> None:
        dialect = _DIALECTS.get(engine.dialect.name)
        if dialect is None:
            raise ConfigurationError([f"OTPAUTH_DATABASE_URI: {not_supported(engine.dialect.name)}"])
        self.engine = engine
        self._dialect = dialect
        self._describe_lock_holder = describe_lock_holder
        self._writer = with_isolation(engine)
        self._reader = _quiet(engine, "AUTOCOMMIT")
        self._begin()
        in_child(self, Database._begin)

    def insert(self, table: Table) -> Insert:
        """An insert that may say ``ON CONFLICT``."""
        return self._dialect.insert(table)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, or a part of the one that is open in this thread."""
        if self._open.connection is not None:
            yield
            return
        with self._outages():
            connection = self._writer.connect()
        try:
            with self._outages():
                connection.begin()
                begun(connection)
            self._open.connection = connection
            yield
            with self._outages():
                _commit(connection)
        finally:
            self._open.connection = None
            with self._outages():
                connection.close()

    def attempt(self, step: Callable[[], T | None]) -> T | None:
        """What ``step`` returns; where that is ``None``, all that it did is undone, and nothing else."""
        try:
            with self._undoable():
                done = step()
                if done is None:
                    raise _Undone
        except _Undone:
            return None
        return done

    def read(self, statement: Executable) -> list[Values]:
        """The rows of a query, in the open transaction if there is one."""
        if self._open.connection is not None:
            return self.returning(statement)
        with self._outages(), self._reader.connect() as connection:
            return [row._asdict() for row in connection.execute(statement)]

    def returning(self, statement: Executable) -> list[Values]:
        """The rows that a write of the open transaction returns."""
        with self._outages():
            return [row._asdict() for row in self._connection.execute(statement)]

    def write(self, statement: Executable) -> int:
        """Write in the open transaction: how many rows were written."""
        with self._outages():
            result: CursorResult[Any] = self._connection.execute(statement)
            return result.rowcount

    def purge(self, table: Table, which: ColumnElement[bool]) -> int:
        """
        Delete rows that are of no use, but for those that somebody is writing: how many.

        It waits for no lock: it takes its own in any order, and would deadlock with others.
        """
        key = tuple_(*table.primary_key.columns)
        idle = select(*table.primary_key.columns).where(which).with_for_update(skip_locked=True)
        with self.transaction():
            return self.write(table.delete().where(key.in_(idle)))

    def create(self, tables: Tables) -> None:
        """Create those of ``tables`` that are missing."""
        try:
            self._create(tables)
        except (IntegrityError, ProgrammingError):
            # Another process was creating them at the same moment, and has done so by now.
            self._create(tables)

    def _begin(self) -> None:
        # The transaction that the thread which forks has open is its parent's.
        self._open = _Open()

    def _create(self, tables: Tables) -> None:
        with self.transaction(), self._outages():
            tables.metadata.create_all(self._connection, tables.all())

    @property
    def _connection(self) -> Connection:
        if self._open.connection is None:
            raise RuntimeError("no transaction is open")
        return self._open.connection

    @contextmanager
    def _undoable(self) -> Iterator[None]:
        if self._open.connection is None:
            with self.transaction():
                yield
        else:
            with self._outages(), self._open.connection.begin_nested():
                yield

    def _outages(self) -> AbstractContextManager[None]:
        return translate_db_errors(self._describe_lock_holder)


def retry_until_explained(attempt: Callable[[], T | None], explain: Callable[[], T | None]) -> T:
    """
    What ``attempt`` did, or what ``explain`` says of why it did nothing.

    Between the two others may change the row, so that nothing is in the way any more: then it
    is tried again. An attempt without a result must have changed nothing.

    :raises StorageUnavailable: if that goes on and on.
    """
    for _ in range(MAX_TRIES):
        for step in (attempt, explain):
            result = step()
            if result is not None:
                return result
    raise StorageUnavailable("gave up because of too many concurrent updates")


def with_isolation(engine: Engine) -> Engine:
    """
    ``engine`` at the level that we write at whatever the host's is; ``engine`` if we know none for it.

    A process that is forked opens connections of its own: those of ``engine`` are its parent's.
    """
    in_child(engine, _leave_connections)
    dialect = _DIALECTS.get(engine.dialect.name)
    return engine if dialect is None else _quiet(engine, dialect.isolation_level)


def _leave_connections(engine: Engine) -> None:
    """Leave the parent's connections to the parent, and begin with new locks."""
    # What is in memory is a copy already; it is whole unless a thread was at work on it.
    if not is_in_memory(engine.url) or (isinstance(engine.pool, QueuePool) and engine.pool.checkedout()):
        engine.dispose(close=False)


def _quiet(engine: Engine, isolation_level: str) -> Engine:
    """``engine`` at that level, its errors and its echo without the values: digests and addresses."""
    quiet = engine.execution_options(isolation_level=isolation_level)
    quiet.hide_parameters = True
    return quiet


def begun(connection: Connection) -> Connection:
    """
    ``connection``, whose open transaction holds the write lock of a SQLite file from now on.

    SQLite waits for its lock only where a transaction holds none yet. The driver would begin
    at the first write and no sooner, so not before a query or a savepoint that comes first.
    """
    driver = connection.connection.driver_connection
    if connection.dialect.name == "sqlite" and not getattr(driver, "in_transaction", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    return connection


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except DBAPIError:
        # SQLite keeps a transaction open whose COMMIT met a reader, and SQLAlchemy takes it for
        # ended: the connection would go back to the pool with it, for the next one to commit.
        if not connection.invalidated:
            connection.connection.rollback()
        raise


@contextmanager
def translate_db_errors(describe_lock_holder: Callable[[], str] = lambda: "") -> Iterator[None]:
    """
    Raise ``StorageUnavailable`` in place of an error that is an outage.

    ``describe_lock_holder`` returns which transaction of the host is open, for the message about a locked
    SQLite file.
    """
    try:
        yield
    except PoolTimeout as error:
        raise StorageUnavailable("no database connection became free in time") from error
    except DBAPIError as error:
        reason = _reason(error, describe_lock_holder)
        if reason is None:
            raise
        raise StorageUnavailable(reason) from error


def _reason(error: DBAPIError, describe_lock_holder: Callable[[], str]) -> str | None:
    """What is wrong with the database; ``None`` if the error is not an outage."""
    said = str(error.orig)
    first_line = said.partition("\n")[0]
    if said.startswith("no such table") or _code(error) in _MISSING_TABLE:
        return f"a table is missing: run `flask otpauth init-db`, or your migrations ({first_line})"
    if any(each in said for each in _NO_COLUMN) or _code(error) in _MISSING_COLUMN:
        return f"a column is missing: run your migrations ({first_line})"
    if getattr(error.orig, "sqlite_errorname", "").startswith(_LOCKED):
        return f"the database is locked by another transaction. {describe_lock_holder()}".rstrip()
    if error.connection_invalidated or not isinstance(error, _MISTAKES):
        return f"database error: {first_line}"
    return None


def _code(error: DBAPIError) -> object:
    """The driver's code of the error: the SQLSTATE, or MariaDB's number."""
    given = error.orig.args if error.orig else ()
    return getattr(error.orig, "sqlstate", None) or next(iter(given), None)
