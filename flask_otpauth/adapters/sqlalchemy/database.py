"""
The extension's own statements and short transactions on an engine, apart from the host's session.

A rollback of the host must not undo a count, and a commit of the extension must not commit an unfinished
row of the host. Nothing is retried after a commit was sent, because its outcome may be unknown.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    Connection,
    Dialect,
    Engine,
    SelectBase,
    Table,
    bindparam,
    text,
)
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.compiler import SQLCompiler

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.adapters.sqlalchemy.dialects import dialect_of
from flask_otpauth.adapters.sqlalchemy.in_memory import is_in_memory
from flask_otpauth.adapters.sqlalchemy.statements import Change, Deletion, Row, Statement, Upsert
from flask_otpauth.adapters.sqlalchemy.tables import Tables
from flask_otpauth.core.errors import StorageUnavailable

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIModule
    from sqlalchemy.pool import PoolProxiedConnection

T = TypeVar("T")

Parameters = dict[str, object] | tuple[object, ...]
#: The rows of a statement, and how many rows it wrote.
Done = tuple[list[Row], int]

#: How often an operation is tried whose row others keep changing.
MAX_TRIES = 10


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
_MISSING_SCHEMA = "3F000"  # PostgreSQL: invalid_schema_name
_NO_COLUMN = ("no such column", "has no column named")  # SQLite
_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")

#: The caller's mistakes (PEP 249). All other errors are an outage: a server that is gone, is shutting
#: down or is read-only (25006), too many clients (53300), a statement that took too long (57014), a
#: full disk, and a damaged file, for which SQLite raises the bare base class.
_MISTAKES = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


class _Open(threading.local):
    """The connection whose transaction is open in this thread."""

    connection: Connection | None = None


class _Undone(Exception):
    """Ends an attempt that did nothing."""


def new_value(table: Table, name: str) -> BindParameter[Any]:
    """Return the parameter of a statement for the new value of a column."""
    return bindparam(f"new_{name}", type_=table.c[name].type)


def new_values(columns: Mapping[str, object]) -> dict[str, object]:
    """Return the values of such parameters, from the values of the columns by name."""
    return {f"new_{name}": value for name, value in columns.items()}


class Prepared:
    """
    A statement that is compiled once, for all requests.

    SQLAlchemy would look up the compiled statement and make a result object for each execution. Both
    take longer than the database needs for one row.
    """

    def __init__(self, database: Database, statement: ClauseElement, is_read: bool) -> None:
        dialect = database.engine.dialect
        compiled = cast("SQLCompiler", statement.compile(dialect=dialect))
        self._database = database
        #: Whether the statement changes nothing, so that it needs no commit.
        self.is_read = is_read
        self.sql = str(compiled)
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._constants = {name: bind.effective_value for name, bind in binds.items() if not bind.required}
        kinds = {name: bind.type.dialect_impl(dialect) for name, bind in binds.items()}
        processors = {name: kind.bind_processor(dialect) for name, kind in kinds.items()}
        self._converted = [(name, convert) for name, convert in processors.items() if convert]
        self._order = compiled.positiontup
        columns = getattr(statement, "exported_columns", ())
        results = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        #: Asked of the statement, because psycopg would make an object for each column to say so.
        self.returns_rows = bool(results)
        self._results = [(place, convert) for place, convert in enumerate(results) if convert]

    def rows(self, **values: object) -> list[Row]:
        """Execute it. Return the rows, each with its columns in the order of the statement."""
        found, _ = self._database.execute(self, self._parameters(values))
        return [self._row(row) for row in found] if self._results else found

    def count(self, **values: object) -> int:
        """Execute it. Return how many rows were written."""
        return self._database.execute(self, self._parameters(values))[1]

    def _parameters(self, values: dict[str, object]) -> Parameters:
        given = {**self._constants, **values}
        try:
            for name, convert in self._converted:
                given[name] = convert(given[name])
        except Exception as error:
            # As SQLAlchemy does: a type of the host's may not take every value.
            raise StatementError(type(error).__name__, self.sql, None, error, hide_parameters=True) from error
        return given if self._order is None else tuple(given[name] for name in self._order)

    def _row(self, row: Row) -> Row:
        columns = list(row)
        for place, convert in self._results:
            columns[place] = convert(columns[place])
        return tuple(columns)


class Database:
    """
    Transactions and statements on an engine. Every outage is a ``StorageUnavailable``.

    ``describe_lock_holder`` returns which transaction of the host is open, for the message about a
    locked SQLite file. No message and no log line contains the values of a statement.
    """

    def __init__(self, engine: Engine, describe_lock_holder: Callable[[], str] = lambda: "") -> None:
        self.engine = engine
        self._dialect = dialect_of(engine.dialect.name)
        self._outages = ErrorTranslation(describe_lock_holder)
        self._single = _quiet(engine)
        self._writer = with_isolation(engine)
        begin = self._dialect.begin
        self._beginning = None if begin is None else self.prepare(text(begin))
        if begin is not None:
            self._writer = self._single
        self._forget()
        in_child(self, Database._forget)

    def prepare(self, statement: ClauseElement, *, writes: bool = False) -> Prepared:
        """Compile a statement for this database. A query ``writes`` if a part of it does."""
        return Prepared(self, statement, isinstance(statement, SelectBase) and not writes)

    def change(self, change: Change) -> Statement:
        """Return an update as a statement for this database."""
        return self._dialect.change(self, change)

    def upsert(self, upsert: Upsert) -> Statement:
        """Return an upsert as a statement for this database."""
        return self._dialect.upsert(self, upsert)

    def delete(self, deletion: Deletion) -> Statement:
        """Return a deletion as a statement for this database."""
        return self._dialect.delete(self, deletion)

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction is open in this thread."""
        return self._open.connection is not None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Open a transaction, or take part in the one that is open in this thread."""
        if self._open.connection is not None:
            yield
            return
        with self._outages:
            connection = self._writer.connect()
        try:
            with self._outages:
                connection.begin()
                if self._beginning is not None and not _is_in_transaction(connection):
                    _sent(connection, self._beginning, ())
            self._open.connection = connection
            yield
            with self._outages:
                connection.commit()
        except BaseException:
            # If a COMMIT met a reader, SQLite keeps the transaction open, but SQLAlchemy takes it for ended.
            # The connection would go back to the pool with it, and the next transaction would commit it.
            _roll_back(connection)
            raise
        finally:
            self._open.connection = None
            with self._outages:
                connection.close()

    def attempt(self, step: Callable[[], T | None]) -> T | None:
        """Return what ``step`` returns. If that is ``None``, undo all that it did, and nothing else."""
        try:
            with self._undoable():
                done = step()
                if done is None:
                    raise _Undone
        except _Undone:
            return None
        return done

    def execute(self, prepared: Prepared, parameters: Parameters) -> Done:
        """
        Return the rows and the number of rows of a statement.

        In a transaction, the statement is a part of it. Otherwise it is a transaction by itself, which
        the database begins and commits without being told to.
        """
        with self._outages:
            if self._open.connection is not None:
                return _sent(self._open.connection, prepared, parameters)
            done = self._sent_alone(prepared, parameters)
        if done is not None:
            return done
        with self.transaction():
            return self.execute(prepared, parameters)

    def create(self, tables: Tables) -> None:
        """Create those of ``tables`` that are missing."""
        try:
            self._create(tables)
        except (IntegrityError, ProgrammingError):
            # Another process was creating them at the same moment, and has done so by now.
            self._create(tables)

    def _forget(self) -> None:
        # A transaction that is open in the thread that forks belongs to the parent process.
        self._open = _Open()

    def _create(self, tables: Tables) -> None:
        with self.transaction(), self._outages:
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
            with self._outages, self._open.connection.begin_nested():
                yield

    def _commits_alone(self) -> bool:
        """Return whether a single statement runs at our isolation level without a ``BEGIN`` that names it."""
        return self.engine.dialect.default_isolation_level == self._dialect.isolation_level

    def _sent_alone(self, prepared: Prepared, parameters: Parameters) -> Done | None:
        """Execute a statement that is a transaction by itself. Return ``None`` if it has to begin one."""
        if _is_watched(self._single):
            with self._single.connect() as connection, _Autocommit(connection.connection, connection.dialect):
                if not (prepared.is_read or self._commits_alone()):
                    return None
                done = _sent(connection, prepared, parameters)
                if not prepared.is_read:
                    _commit(connection)
                return done
        pooled = self._pooled()
        try:
            with _Autocommit(pooled, self.engine.dialect):
                if not (prepared.is_read or self._commits_alone()):
                    return None
                return _driven(pooled, prepared, parameters, lambda: Connection(self._single, pooled))
        finally:
            pooled.close()

    def _pooled(self) -> PoolProxiedConnection:
        """Return a connection of the pool. An object of SQLAlchemy around it would cost as much again."""
        dialect = self.engine.dialect
        try:
            return self.engine.raw_connection()
        except dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(None, None, error, dialect.loaded_dbapi.Error, True) from error


def _sent(connection: Connection, prepared: Prepared, parameters: Parameters) -> Done:
    """Execute a statement through the driver, or through SQLAlchemy if the host watches the engine."""
    if not _is_watched(connection.engine):
        return _driven(connection.connection, prepared, parameters, lambda: connection)
    result = connection.exec_driver_sql(prepared.sql, parameters)
    rows = [tuple(row) for row in result] if result.returns_rows else []
    return rows, result.rowcount


def _driven(
    pooled: PoolProxiedConnection,
    prepared: Prepared,
    parameters: Parameters,
    connection_of: Callable[[], Connection],
) -> Done:
    """Execute a statement through the driver. ``connection_of`` is only called after a failure."""
    cursor = pooled.cursor()
    try:
        cursor.execute(prepared.sql, parameters)
        return list(cursor.fetchall()) if prepared.returns_rows else [], cursor.rowcount
    except Exception as error:
        connection = connection_of()
        if isinstance(error, connection.dialect.loaded_dbapi.Error):
            raise _wrap(connection, prepared, error) from error
        raise
    except BaseException:
        # The process, thread or greenlet ends while the database answers, so the rest of the answer
        # would be taken for that of the next statement.
        connection_of().invalidate()
        raise
    finally:
        cursor.close()


def retry_until_explained(attempt: Callable[[], T | None], explain: Callable[[], T | None]) -> T:
    """
    Return the result of ``attempt``, or of ``explain``, which says why the attempt did nothing.

    Both return ``None`` if another request changed the row between them. Then they are called again. An
    attempt that returns ``None`` must have changed nothing.

    :raises StorageUnavailable: if both have returned ``None`` for ``MAX_TRIES`` times.
    """
    for _ in range(MAX_TRIES):
        for step in (attempt, explain):
            result = step()
            if result is not None:
                return result
    raise StorageUnavailable("gave up because of too many concurrent updates")


def with_isolation(engine: Engine) -> Engine:
    """
    Return ``engine`` with the isolation level of the extension, whatever level the host has chosen.

    If the database is none on which codes can be kept, the level stays. A forked process opens its own
    connections, because those of ``engine`` belong to its parent.
    """
    in_child(engine, _leave_connections)
    level = dialect_of(engine.dialect.name).isolation_level
    return engine if level is None else _quiet(engine, isolation_level=level)


def _leave_connections(engine: Engine) -> None:
    """Leave the connections to the parent process, and begin with new ones and new locks."""
    # A database in memory is already a copy, and it is complete unless a thread was using it.
    if not is_in_memory(engine.url) or (isinstance(engine.pool, QueuePool) and engine.pool.checkedout()):
        engine.dispose(close=False)


def _quiet(engine: Engine, **options: str) -> Engine:
    """Return ``engine`` with these options. Its errors and its echo do not contain digests and addresses."""
    quiet = engine.execution_options(**options)
    quiet.hide_parameters = True
    return quiet


def _is_watched(engine: Engine) -> bool:
    """Return whether the host listens to the engine's events, such as an APM does, or reads its log."""
    # SQLAlchemy asks the same before it calls a listener, and has no public name for it.
    has_listeners = engine._has_events or engine.dialect._has_events  # noqa: SLF001
    return has_listeners or engine.logger.isEnabledFor(logging.INFO)


class _Autocommit:
    """
    Lets the database commit each statement by itself.

    SQLAlchemy has an option for this, which costs as much as the statement. This changes an attribute of the
    driver's connection, and asks no server to change it.
    """

    __slots__ = ("_attribute", "_before", "_dialect", "_driver", "_pooled")

    def __init__(self, pooled: PoolProxiedConnection, dialect: Dialect) -> None:
        self._pooled, self._dialect, self._driver = pooled, dialect, pooled.dbapi_connection
        base = dialect.loaded_dbapi.Error
        try:
            # A host can connect to SQLite with ``autocommit=False`` (Python 3.12), and then the older
            # attribute has no effect.
            has_newer = getattr(self._driver, "autocommit", None) is False
            new = ("autocommit", True) if has_newer else dialect_of(dialect.name).autocommit
            self._attribute, value = new
            if self._attribute:
                self._before = getattr(self._driver, self._attribute)
                setattr(self._driver, self._attribute, value)
        except base as error:
            # Somebody has closed the connection. The pool must not hand it out again.
            pooled.invalidate()
            raise DBAPIError.instance(None, None, error, base, True, True, dialect) from error

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        if self._attribute and self._pooled.is_valid:
            try:
                setattr(self._driver, self._attribute, self._before)
            except self._dialect.loaded_dbapi.Error:
                # The host must never get a connection that commits by itself.
                self._pooled.invalidate()


def _wrap(connection: Connection, prepared: Prepared, error: DBAPIModule.Error) -> BaseException:
    """Return SQLAlchemy's exception for an error of the driver, without the values of the statement."""
    dialect = connection.dialect
    is_cut = dialect.is_disconnect(error, connection.connection, None)
    if is_cut:
        # SQLAlchemy notices it with its next statement, and renews all connections of its pool.
        with suppress(DBAPIError):
            connection.exec_driver_sql("SELECT 1")
    base = dialect.loaded_dbapi.Error
    return DBAPIError.instance(prepared.sql, None, error, base, True, is_cut, dialect)


def with_write_lock(connection: Connection) -> Connection:
    """
    Let the transaction of ``connection`` take the write lock of a SQLite file now, and return ``connection``.

    SQLite waits for this lock only if the transaction holds no lock yet. The driver would begin the
    transaction at its first write, and not at a query or a savepoint before it.
    """
    begin = dialect_of(connection.dialect.name).begin
    if begin is not None and not _is_in_transaction(connection):
        connection.exec_driver_sql(begin)
    return connection


def _is_in_transaction(connection: Connection) -> bool:
    """Return whether SQLite has a transaction: the host may begin each one in its own way."""
    return bool(getattr(connection.connection.driver_connection, "in_transaction", False))


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except DBAPIError:
        _roll_back(connection)
        raise


def _roll_back(connection: Connection) -> None:
    """Roll back through the driver. SQLAlchemy does not if the host has chosen that for its autocommit."""
    if not (connection.closed or connection.invalidated):
        with suppress(connection.dialect.loaded_dbapi.Error):
            connection.connection.rollback()


class ErrorTranslation:
    """
    Raises ``StorageUnavailable`` in place of an error that is an outage.

    ``describe_lock_holder`` returns which transaction of the host is open, for the message about a locked
    SQLite file.
    """

    def __init__(self, describe_lock_holder: Callable[[], str] = lambda: "") -> None:
        self._describe_lock_holder = describe_lock_holder

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, PoolTimeout):
            raise StorageUnavailable("no database connection became free in time") from error
        if isinstance(error, DBAPIError):
            reason = _reason(error, self._describe_lock_holder)
            if reason is not None:
                raise StorageUnavailable(reason) from error


def _reason(error: DBAPIError, describe_lock_holder: Callable[[], str]) -> str | None:
    """What is wrong with the database; ``None`` if the error is not an outage."""
    said = str(error.orig)
    first_line = said.partition("\n")[0]
    if said.startswith("no such table") or error_code(error) in _MISSING_TABLE:
        return f"a table is missing: run `flask otpauth init-db`, or your migrations ({first_line})"
    if error_code(error) == _MISSING_SCHEMA:
        return f"a schema is missing: create it ({first_line})"
    if any(each in said for each in _NO_COLUMN) or error_code(error) in _MISSING_COLUMN:
        return f"a column is missing: run `flask otpauth upgrade`, or your migrations ({first_line})"
    if getattr(error.orig, "sqlite_errorname", "").startswith(_LOCKED):
        return f"the database is locked by another transaction. {describe_lock_holder()}".rstrip()
    if error.connection_invalidated or not isinstance(error, _MISTAKES):
        return f"database error: {first_line}"
    return None


def error_code(error: BaseException | None) -> object:
    """Return the driver's code of an error of SQLAlchemy: the SQLSTATE, or MariaDB's number."""
    raised = getattr(error, "orig", None)
    code: object = getattr(raised, "sqlstate", None)
    return code or next(iter(raised.args if raised else ()), None)
