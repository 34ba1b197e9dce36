"""
The two kinds of connections on which statements are executed: by the driver alone, or by SQLAlchemy.

What they need is here too: the isolation level, autocommit, the statements that begin and end a transaction,
and SQLAlchemy's exceptions for the driver's errors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Dialect, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.adapters.sqlalchemy.dialects import dialect_of
from flask_otpauth.adapters.sqlalchemy.in_memory import is_in_memory
from flask_otpauth.adapters.sqlalchemy.outages import TransactionLost
from flask_otpauth.adapters.sqlalchemy.prepared import Done, Parameters, Prepared, PreparedExecutor
from flask_otpauth.core.errors import StorageUnavailable

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIModule
    from sqlalchemy.pool import PoolProxiedConnection


class Control:
    """The statements that begin and end a transaction, and a savepoint in it."""

    def __init__(self, database: PreparedExecutor) -> None:
        def prepared(sql: str | None) -> Prepared | None:
            return None if sql is None else Prepared(database, text(sql), is_read=False)

        dialect = dialect_of(database.engine.dialect.name)
        #: What begins a transaction, if the driver and SQLAlchemy do not, and what sets its level before.
        self.begin, self.level = prepared(dialect.begin), prepared(dialect.level_of_next)
        self.commit = Prepared(database, text("COMMIT"), is_read=False)
        self.roll_back = Prepared(database, text("ROLLBACK"), is_read=False)
        self.save = Prepared(database, text("SAVEPOINT otpauth"), is_read=False)
        self.release = Prepared(database, text("RELEASE SAVEPOINT otpauth"), is_read=False)
        self.undo = Prepared(database, text("ROLLBACK TO SAVEPOINT otpauth"), is_read=False)


class DriverConnection:
    """
    A connection of the pool, used by the driver alone: SQLAlchemy's object would cost as much again.

    The database commits each statement by itself, unless it was told to begin a transaction.
    """

    __slots__ = ("_autocommit", "_control", "_engine", "_is_reset", "_pooled")

    def __init__(self, engine: Engine, control: Control) -> None:
        self._engine, self._control = engine, control
        self._autocommit: Autocommit | None = None
        #: Whether it certainly has no open transaction, so that the pool need not roll back.
        self._is_reset = False
        base = engine.dialect.loaded_dbapi.Error
        try:
            self._pooled = engine.raw_connection()
        except base as error:
            raise DBAPIError.instance(None, None, error, base, True) from error

    def execute(self, prepared: Prepared, parameters: Parameters = ()) -> Done:
        """Execute a statement."""
        if not self._pooled.is_valid:
            raise StorageUnavailable("the transaction was lost with its connection")
        if self._autocommit is None:
            self._autocommit = Autocommit(self._pooled, self._engine.dialect)
        return _driven(self._pooled, prepared, parameters, self._as_connection)

    def execute_on_server(self, prepared: Prepared, parameters: Parameters) -> Done | None:
        """
        Execute a statement that the server prepares, as a transaction of its own.

        ``None``: nothing was done, because it has to be executed by the driver's cursor.
        """
        if prepared.on_server is None or not isinstance(parameters, dict):
            return None
        with _DriverErrors(prepared, self._as_connection):
            done = prepared.on_server.execute(self._pooled, parameters)
        self._is_reset = done is not None
        return done

    @property
    def driver(self) -> object:
        """The driver's connection."""
        return self._pooled.driver_connection

    def begin(self) -> None:
        """Begin a transaction, which statements do here."""

    def commit(self) -> None:
        """Commit."""
        self.execute(self._control.commit)

    def roll_back(self) -> None:
        """Roll back, unless SQLite has done so or the connection is lost."""
        with suppress(DBAPIError, StorageUnavailable):
            self.execute(self._control.roll_back)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo all that is done inside if it fails."""
        self.execute(self._control.save)
        try:
            yield
        except TransactionLost:
            raise
        except BaseException:
            # If a statement was interrupted, the connection is gone, and the exception must end the thread.
            with suppress(StorageUnavailable):
                self.execute(self._control.undo)
            raise
        self.execute(self._control.release)

    def close(self) -> None:
        """Give the connection back to the pool, as it was."""
        if self._is_reset:
            # As SQLAlchemy's connection does it, which has ended its own transaction.
            cast("Any", self._pooled)._close_special(transaction_reset=True)  # noqa: SLF001
            return
        try:
            if self._autocommit is not None:
                self._autocommit.restore()
        finally:
            self._pooled.close()

    def _as_connection(self) -> Connection:
        return Connection(self._engine, self._pooled)


class SqlAlchemyConnection:
    """
    A connection of SQLAlchemy. It tells the host's listeners and its log what is done on it.

    It is used where the host listens, and where SQLAlchemy has to set the isolation level.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def driver(self) -> object:
        """The driver's connection."""
        return self._connection.connection.driver_connection

    def execute(self, prepared: Prepared, parameters: Parameters = ()) -> Done:
        """Execute a statement."""
        return execute_on(self._connection, prepared, parameters)

    def begin(self) -> None:
        """Begin a transaction, as far as SQLAlchemy and the driver do."""
        self._connection.begin()

    def commit(self) -> None:
        """Commit."""
        if _leaves_commits_to_statements(self.driver):
            self._connection.exec_driver_sql("COMMIT")
        self._connection.commit()

    def roll_back(self) -> None:
        """Roll back by the driver: SQLAlchemy takes a transaction for ended if its commit failed."""
        _roll_back(self._connection)

    def savepoint(self) -> AbstractContextManager[object]:
        """Undo all that is done inside if it fails."""
        return self._connection.begin_nested()

    def close(self) -> None:
        """Give the connection back to the pool."""
        self._connection.close()


def execute_on(connection: Connection, prepared: Prepared, parameters: Parameters) -> Done:
    """Execute a statement through the driver, or through SQLAlchemy if the host watches the engine."""
    if not is_watched(connection.engine):
        return _driven(connection.connection, prepared, parameters, lambda: connection)
    result = connection.exec_driver_sql(prepared.sql, parameters)
    rows = [tuple(row) for row in result] if result.returns_rows else []
    return rows, getattr(result, prepared.counts)


def _driven(
    pooled: PoolProxiedConnection,
    prepared: Prepared,
    parameters: Parameters,
    connection_of: Callable[[], Connection],
) -> Done:
    """Execute a statement through the driver's cursor. ``connection_of`` is only called after a failure."""
    cursor = pooled.cursor()
    try:
        with _DriverErrors(prepared, connection_of):
            cursor.execute(prepared.sql, parameters)
            rows = list(cursor.fetchall()) if prepared.returns_rows else []
            count: int = getattr(cursor, prepared.counts)
    except Exception:
        cursor.close()
        raise
    cursor.close()
    return rows, count


class _DriverErrors:
    """
    Raises SQLAlchemy's exception for an error of the driver.

    ``connection_of`` is only called after a failure.
    """

    __slots__ = ("_connection_of", "_prepared")

    def __init__(self, prepared: Prepared, connection_of: Callable[[], Connection]) -> None:
        self._prepared, self._connection_of = prepared, connection_of

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None:
            return
        connection = self._connection_of()
        if not isinstance(error, Exception):
            # The process, thread or greenlet ends while the database answers, so the rest of the answer
            # would be taken for that of the next statement.
            connection.invalidate()
        elif isinstance(error, connection.dialect.loaded_dbapi.Error):
            raise _wrap(connection, self._prepared, error) from error


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


class Autocommit:
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
        self.restore()

    def restore(self) -> None:
        """Let the driver begin transactions as before."""
        if self._attribute and self._pooled.is_valid:
            try:
                setattr(self._driver, self._attribute, self._before)
            except self._dialect.loaded_dbapi.Error:
                # The host must never get a connection that commits by itself.
                self._pooled.invalidate()


def with_isolation(engine: Engine) -> Engine:
    """
    Return ``engine`` with the isolation level of the extension, whatever level the host has chosen.

    If the database is none on which codes can be kept, the level stays. A forked process opens its own
    connections, because those of ``engine`` belong to its parent.
    """
    in_child(engine, _leave_connections)
    level = dialect_of(engine.dialect.name).isolation_level
    return engine if level is None else quiet(engine, isolation_level=level)


def _leave_connections(engine: Engine) -> None:
    """Leave the connections to the parent process, and begin with new ones and new locks."""
    # A database in memory is already a copy, and it is complete unless a thread was using it.
    if not is_in_memory(engine.url) or (isinstance(engine.pool, QueuePool) and engine.pool.checkedout()):
        engine.dispose(close=False)


def quiet(engine: Engine, **options: str) -> Engine:
    """Return ``engine`` with these options. Its errors and its echo do not contain digests and addresses."""
    quiet = engine.execution_options(**options)
    quiet.hide_parameters = True
    return quiet


def is_watched(engine: Engine) -> bool:
    """Return whether the host listens to the engine's events, such as an APM does, or reads its log."""
    # SQLAlchemy asks the same before it calls a listener, and has no public name for it.
    has_listeners = engine._has_events or engine.dialect._has_events  # noqa: SLF001
    return has_listeners or engine.logger.isEnabledFor(logging.INFO)


def with_write_lock(connection: Connection) -> Connection:
    """
    Let the transaction of ``connection`` take the write lock of a SQLite file now, and return ``connection``.

    SQLite waits for this lock only if the transaction holds no lock yet. The driver would begin the
    transaction at its first write, and not at a query or a savepoint before it.
    """
    begin, driver = dialect_of(connection.dialect.name).begin, connection.connection.driver_connection
    if begin is not None and not (has_begun(driver) or _leaves_commits_to_statements(driver)):
        connection.exec_driver_sql(begin)
    return connection


def _leaves_commits_to_statements(driver: object) -> bool:
    """Return whether SQLAlchemy cannot commit or roll back: SQLite with ``autocommit=True`` (Python 3.12)."""
    return getattr(driver, "autocommit", None) is True and hasattr(driver, "in_transaction")


def has_begun(driver: object) -> bool:
    """Return whether the driver has begun a transaction, or will with the next statement."""
    # SQLite: the host may begin each one in its own way. MariaDB: unless the host has chosen AUTOCOMMIT.
    commits_alone = getattr(driver, "get_autocommit", lambda: True)()
    return getattr(driver, "in_transaction", False) or not commits_alone


def commit_or_roll_back(connection: Connection) -> None:
    """Commit. If that fails, roll back."""
    try:
        connection.commit()
    except DBAPIError:
        _roll_back(connection)
        raise


def _roll_back(connection: Connection) -> None:
    """Roll back through the driver. SQLAlchemy does not if the host has chosen that for its autocommit."""
    if not (connection.closed or connection.invalidated):
        with suppress(connection.dialect.loaded_dbapi.Error):
            if _leaves_commits_to_statements(connection.connection.driver_connection):
                connection.connection.cursor().execute("ROLLBACK")
            connection.connection.rollback()
