"""
The extension's own statements and short transactions on an engine, apart from the host's session.

A rollback of the host must not undo a count, and a commit of the extension must not commit an unfinished
row of the host. Nothing is retried after a commit was sent, because its outcome may be unknown.

A statement is executed on one of two kinds of connections: by the driver alone, or by SQLAlchemy.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import ClauseElement, Connection, Dialect, Engine, SelectBase, text
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool, reset_none

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.adapters.sqlalchemy.dialects import dialect_of
from flask_otpauth.adapters.sqlalchemy.in_memory import is_in_memory
from flask_otpauth.adapters.sqlalchemy.prepared import Done, Parameters, Prepared, PreparedExecutor
from flask_otpauth.adapters.sqlalchemy.statements import Change, CountAttribute, Deletion, Statement, Upsert
from flask_otpauth.adapters.sqlalchemy.tables import Tables
from flask_otpauth.core.errors import StorageUnavailable

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPIModule
    from sqlalchemy.pool import PoolProxiedConnection

T = TypeVar("T")

#: How often an operation is tried whose row others keep changing.
MAX_TRIES = 10
#: For how long an operation is tried that the database undoes. It is as long as SQLite waits for a lock.
PATIENCE_SECONDS = 5

# The codes of PostgreSQL, and the numbers of MariaDB and MySQL.
_MISSING_TABLE = ("42P01", 1146)
_MISSING_COLUMN = ("42703", 1054)
_ALREADY_THERE = (1050, 1061)  # MariaDB and MySQL: a table, an index
_MISSING_SCHEMA = ("3F000", 1049)
_NO_COLUMN = ("no such column", "has no column named")  # SQLite
_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")

#: The caller's mistakes (PEP 249). All other errors are an outage: a server that is gone, is shutting
#: down or is read-only (25006), too many clients (53300), a statement that took too long (57014), a
#: full disk, and a damaged file, for which SQLite raises the bare base class.
_MISTAKES = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


class TransactionLost(Exception):
    """The database has undone a transaction that was in the way of others. It can be tried again."""


class _Open(threading.local):
    """The connections that this thread has."""

    #: The one whose transaction is open.
    connection: _ByDriver | _BySqlAlchemy | None = None
    #: The one for all statements: see :meth:`Database.one_connection`.
    reserved: _ByDriver | None = None
    #: Whether the database has undone the open transaction.
    is_lost = False


class _Undone(Exception):
    """Ends an attempt that did nothing."""


class Database:
    """
    Transactions and statements on an engine. Every outage is a ``StorageUnavailable``.

    ``describe_lock_holder`` returns which transaction of the host is open, for the message about a
    locked SQLite file. No message and no log line contains the values of a statement.
    """

    def __init__(self, engine: Engine, describe_lock_holder: Callable[[], str] = lambda: "") -> None:
        self.engine = engine
        #: What differs between the databases.
        self.dialect = dialect_of(engine.dialect.name)
        self._knows_version = not self.dialect.depends_on_version
        self._outages = ErrorTranslation(describe_lock_holder, self.dialect.lost)
        #: Whatever the error is, the outcome of a commit that was sent may be unknown.
        self._commits = ErrorTranslation(describe_lock_holder)
        self._single = _quiet(engine)
        self._writer = with_isolation(engine)
        self._control = _Control(self)
        if self.dialect.begin is not None:
            self._writer = self._single
        self._forget()
        in_child(self, Database._forget)

    def prepare(
        self, statement: ClauseElement, *, writes: bool = False, counts: CountAttribute = "rowcount"
    ) -> Prepared:
        """
        Compile a statement for this database.

        A query ``writes`` if a part of it does. ``counts`` is the attribute of the driver's cursor that is
        returned as the count.
        """
        if not self._knows_version:
            self._learn_version()
        return Prepared(self, statement, isinstance(statement, SelectBase) and not writes, counts)

    def _learn_version(self) -> None:
        """
        Let SQLAlchemy ask the server for its version.

        :raises StorageUnavailable: if the server does not answer, or is too old.
        """
        with self._outages:
            # In a transaction it has been asked, and the pool may have no other connection.
            if not self.is_in_transaction:
                self.engine.connect().close()
        problem = self.dialect.why_too_old(self.engine.dialect)
        if problem is not None:
            raise StorageUnavailable(problem)
        self._knows_version = True

    def change(self, change: Change) -> Statement:
        """Return an update as a statement for this database."""
        return self.dialect.change(self, change)

    def upsert(self, upsert: Upsert) -> Statement:
        """Return an upsert as a statement for this database."""
        return self.dialect.upsert(self, upsert)

    def delete(self, deletion: Deletion) -> Statement:
        """Return a deletion as a statement for this database."""
        return self.dialect.delete(self, deletion)

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction is open in this thread."""
        return self._open.connection is not None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Open a transaction, or take part in the one that is open in this thread."""
        if self._open.connection is not None:
            self._demand_kept()
            yield
            return
        with self._outages:
            connection = self._open.reserved or self._connect()
        try:
            with self._outages:
                connection.begin()
                self._begin(connection)
            self._open.connection = connection
            yield
            self._demand_kept()
            with self._commits:
                connection.commit()
        except BaseException:
            # If a COMMIT met a reader, SQLite keeps the transaction open. The connection would go back to the
            # pool with it, and the next transaction would commit it.
            connection.roll_back()
            raise
        finally:
            self._open.connection, self._open.is_lost = None, False
            self._give_back(connection)

    def atomically(self, work: Callable[[], T]) -> T:
        """
        Return what ``work`` returns. All that it does is one transaction, or a part of the one that is open.

        The whole transaction is tried again if the database undoes it because it was in the way of others.
        """
        if self._open.connection is not None:
            return work()
        give_up_at, lost = monotonic() + PATIENCE_SECONDS, None
        for _ in range(MAX_TRIES):
            try:
                with self.transaction():
                    return work()
            except TransactionLost as error:
                lost = error
                if monotonic() > give_up_at:
                    break
        raise StorageUnavailable(f"gave up because of other transactions: {lost}") from lost

    def attempt(self, step: Callable[[], T | None]) -> T | None:
        """Return what ``step`` returns. If that is ``None``, undo all that it did, and nothing else."""

        def demanded() -> T:
            done = step()
            if done is None:
                raise _Undone
            return done

        try:
            if self._open.connection is None:
                return self.atomically(demanded)
            with self._outages, self._open.connection.savepoint():
                return demanded()
        except _Undone:
            return None

    def execute(self, prepared: Prepared, parameters: Parameters) -> Done:
        """
        Return the rows and the number of rows of a statement.

        In a transaction, the statement is a part of it. Otherwise it is a transaction by itself, which
        the database begins and commits without being told to.
        """
        connection = self._open.connection
        try:
            if connection is not None:
                return connection.execute(prepared, parameters)
            done = self._sent_alone(prepared, parameters)
        except Exception as error:
            lost = self._outages.lost(error)
            if lost is None:
                raise
            if connection is not None:
                self._open.is_lost = True
                raise lost from error
            done = None
        if done is not None:
            return done
        return self.atomically(lambda: self.execute(prepared, parameters))

    @contextmanager
    def one_connection(self) -> Iterator[None]:
        """
        Take one connection for all statements that this thread executes meanwhile.

        Each of them stays a transaction by itself. To take a connection from the pool and to give it back
        takes longer than to read a row of a SQLite file.
        """
        if self.is_in_transaction or self._open.reserved is not None or _is_watched(self._single):
            yield
            return
        with self._outages:
            connection = _ByDriver(self._single, self._control)
        self._open.reserved = connection
        try:
            yield
        finally:
            self._open.reserved = None
            self._give_back(connection)

    def create(self, tables: Tables) -> None:
        """Create those of ``tables`` that are missing."""
        # Another process may create them at the same moment. On MariaDB, it may be ahead at each table.
        for _ in tables.all():
            with suppress(IntegrityError, OperationalError, ProgrammingError):
                self._create(tables)
                return
        self._create(tables)

    def _forget(self) -> None:
        # A transaction that is open in the thread that forks belongs to the parent process.
        self._open = _Open()

    def _create(self, tables: Tables) -> None:
        # Not as a transaction that can be tried again: MariaDB commits each table by itself.
        with self._commits, self._writer.begin() as connection:
            tables.metadata.create_all(with_write_lock(connection), tables.all())

    def _give_back(self, connection: _ByDriver | _BySqlAlchemy) -> None:
        if connection is not self._open.reserved:
            with self._outages:
                connection.close()

    def _connect(self) -> _ByDriver | _BySqlAlchemy:
        """Take a connection for a transaction."""
        if self.dialect.begin is None or _is_watched(self._single):
            return _BySqlAlchemy(self._writer.connect())
        return _ByDriver(self._single, self._control)

    def _begin(self, connection: _ByDriver | _BySqlAlchemy) -> None:
        """Begin a transaction by statements, as far as SQLAlchemy and the driver do not."""
        if self._control.level is not None and not self._has_our_level():
            connection.execute(self._control.level)
        if self._control.begin is not None and not _is_in_transaction(connection.driver):
            connection.execute(self._control.begin)

    def _demand_kept(self) -> None:
        """:raises TransactionLost: if the database has undone the open transaction, whoever noticed it."""
        if self._open.is_lost:
            raise TransactionLost("the database has undone the transaction")

    def _has_our_level(self) -> bool:
        """Return whether a connection is at our isolation level without a statement that names it."""
        return self.engine.dialect.default_isolation_level == self.dialect.isolation_level

    def _must_begin(self, prepared: Prepared) -> bool:
        """Return whether a single statement needs a ``BEGIN`` that names our isolation level."""
        return not prepared.is_read and self.dialect.level_matters_alone and not self._has_our_level()

    def _must_commit(self, prepared: Prepared) -> bool:
        """Return whether a single statement has begun a transaction that nobody else ends."""
        if self.dialect.commits_alone:
            return False
        # A pool rolls back when a connection returns to it. The host can have turned that off, and then the
        # next read would see what this one saw. SQLAlchemy has no public name for it.
        return not prepared.is_read or self._single.pool._reset_on_return is reset_none  # noqa: SLF001

    def _sent_alone(self, prepared: Prepared, parameters: Parameters) -> Done | None:
        """Execute a statement that is a transaction by itself. Return ``None`` if it has to begin one."""
        plain = self._open.reserved
        if plain is None:
            if _is_watched(self._single):
                return self._sent_alone_by_sqlalchemy(prepared, parameters)
            plain = _ByDriver(self._single, self._control)
        try:
            if self._must_begin(prepared):
                return None
            done = plain.execute_on_server(prepared, parameters) or plain.execute(prepared, parameters)
            if self._must_commit(prepared):
                with self._commits:
                    plain.commit()
        except BaseException:
            if not self.dialect.commits_alone:
                plain.roll_back()
            raise
        else:
            return done
        finally:
            self._give_back(plain)

    def _sent_alone_by_sqlalchemy(self, prepared: Prepared, parameters: Parameters) -> Done | None:
        with self._single.connect() as connection, _Autocommit(connection.connection, connection.dialect):
            if self._must_begin(prepared):
                return None
            done = _sent(connection, prepared, parameters)
            if not prepared.is_read:
                with self._commits:
                    _commit(connection)
            return done


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


class _Control:
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


class _ByDriver:
    """
    A connection of the pool, used by the driver alone: SQLAlchemy's object would cost as much again.

    The database commits each statement by itself, unless it was told to begin a transaction.
    """

    __slots__ = ("_autocommit", "_control", "_engine", "_is_reset", "_pooled")

    def __init__(self, engine: Engine, control: _Control) -> None:
        self._engine, self._control = engine, control
        self._autocommit: _Autocommit | None = None
        #: Whether it certainly has no open transaction, so that the pool need not roll back.
        self._is_reset = False
        base = engine.dialect.loaded_dbapi.Error
        try:
            self._pooled = engine.raw_connection()
        except base as error:
            raise DBAPIError.instance(None, None, error, base, True) from error

    def execute(self, prepared: Prepared, parameters: Parameters = ()) -> Done:
        """Execute a statement."""
        driver = self._pooled.dbapi_connection
        if driver is None:
            raise StorageUnavailable("the transaction was lost with its connection")
        if self._autocommit is None:
            self._let_statements_commit()
        return _driven(driver, prepared, parameters, self._as_connection)

    def execute_on_server(self, prepared: Prepared, parameters: Parameters) -> Done | None:
        """
        Execute a statement that the server prepares, as a transaction of its own.

        ``None``: nothing was done, because it has to be executed by the driver's cursor.
        """
        if prepared.on_server is None or not isinstance(parameters, dict):
            return None
        try:
            done = prepared.on_server.execute(self._pooled, parameters)
        except BaseException as error:
            _raise_translated(error, prepared, self._as_connection())
            raise
        self._is_reset = done is not None
        return done

    @property
    def driver(self) -> object:
        """The driver's connection."""
        return self._pooled.dbapi_connection

    def begin(self) -> None:
        """Let statements begin and end transactions, which the driver may do otherwise."""
        self._let_statements_commit()

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
        try:
            if self._autocommit is not None:
                self._autocommit.restore()
        finally:
            # SQLite's driver says whether a transaction is open.
            if self._is_reset or getattr(self._pooled.dbapi_connection, "in_transaction", True) is False:
                # As SQLAlchemy's connection does it, which has ended its own transaction.
                cast("Any", self._pooled)._close_special(transaction_reset=True)  # noqa: SLF001
            else:
                self._pooled.close()

    def _let_statements_commit(self) -> None:
        if self._autocommit is None:
            self._autocommit = _Autocommit(self._pooled, self._engine.dialect)

    def _as_connection(self) -> Connection:
        return Connection(self._engine, self._pooled)


class _BySqlAlchemy:
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
        return _sent(self._connection, prepared, parameters)

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


def _sent(connection: Connection, prepared: Prepared, parameters: Parameters) -> Done:
    """Execute a statement through the driver, or through SQLAlchemy if the host watches the engine."""
    if not _is_watched(connection.engine):
        return _driven(connection.connection, prepared, parameters, lambda: connection)
    result = connection.exec_driver_sql(prepared.sql, parameters)
    rows = [tuple(row) for row in result] if result.returns_rows else []
    return rows, getattr(result, prepared.counts)


def _driven(
    driver: DBAPIConnection | PoolProxiedConnection,
    prepared: Prepared,
    parameters: Parameters,
    connection_of: Callable[[], Connection],
) -> Done:
    """Execute a statement through the driver's cursor. ``connection_of`` is only called after a failure."""
    cursor = driver.cursor()
    try:
        cursor.execute(prepared.sql, parameters)
        rows = list(cursor.fetchall()) if prepared.returns_rows else []
        count: int = getattr(cursor, prepared.counts)
    except BaseException as error:
        try:
            _raise_translated(error, prepared, connection_of())
        finally:
            if isinstance(error, Exception):
                cursor.close()
        raise
    cursor.close()
    return rows, count


def _raise_translated(error: BaseException, prepared: Prepared, connection: Connection) -> None:
    """Raise SQLAlchemy's exception if ``error`` is one of the driver."""
    if not isinstance(error, Exception):
        # The process, thread or greenlet ends while the database answers, so the rest of the answer
        # would be taken for that of the next statement.
        connection.invalidate()
    elif isinstance(error, connection.dialect.loaded_dbapi.Error):
        raise _wrap(connection, prepared, error) from error


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


def with_write_lock(connection: Connection) -> Connection:
    """
    Let the transaction of ``connection`` take the write lock of a SQLite file now, and return ``connection``.

    SQLite waits for this lock only if the transaction holds no lock yet. The driver would begin the
    transaction at its first write, and not at a query or a savepoint before it.
    """
    begin, driver = dialect_of(connection.dialect.name).begin, connection.connection.driver_connection
    if begin is not None and not (_is_in_transaction(driver) or _leaves_commits_to_statements(driver)):
        connection.exec_driver_sql(begin)
    return connection


def _leaves_commits_to_statements(driver: object) -> bool:
    """Return whether SQLAlchemy cannot commit or roll back: SQLite with ``autocommit=True`` (Python 3.12)."""
    return getattr(driver, "autocommit", None) is True and hasattr(driver, "in_transaction")


def _is_in_transaction(driver: object) -> bool:
    """Return whether the driver has begun a transaction, or will with the next statement."""
    # SQLite: the host may begin each one in its own way. MariaDB: unless the host has chosen AUTOCOMMIT.
    commits_alone = getattr(driver, "get_autocommit", lambda: True)()
    return getattr(driver, "in_transaction", False) or not commits_alone


def _commit(connection: Connection) -> None:
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


class ErrorTranslation:
    """
    Raises ``StorageUnavailable`` in place of an error that is an outage.

    ``describe_lock_holder`` returns which transaction of the host is open, for the message about a locked
    SQLite file. An error with one of the codes ``lost`` is a ``TransactionLost``.
    """

    def __init__(
        self, describe_lock_holder: Callable[[], str] = lambda: "", lost: frozenset[object] = frozenset()
    ) -> None:
        self._describe_lock_holder = describe_lock_holder
        self._lost = lost

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        lost = None if error is None else self.lost(error)
        if lost is not None:
            raise lost from error

    def lost(self, error: BaseException) -> TransactionLost | None:
        """
        Return the error to raise if the database has undone the transaction.

        :raises StorageUnavailable: if ``error`` is another outage.
        """
        if isinstance(error, PoolTimeout):
            raise StorageUnavailable("no database connection became free in time") from error
        if isinstance(error, DBAPIError):
            if error_code(error) in self._lost:
                return TransactionLost(str(error.orig))
            reason = _reason(error, self._describe_lock_holder)
            if reason is not None:
                raise StorageUnavailable(reason) from error
        return None


def _reason(error: DBAPIError, describe_lock_holder: Callable[[], str]) -> str | None:
    """What is wrong with the database; ``None`` if the error is not an outage."""
    said = str(error.orig)
    first_line = said.partition("\n")[0]
    if said.startswith("no such table") or error_code(error) in _MISSING_TABLE:
        return f"a table is missing: run `flask otpauth init-db`, or your migrations ({first_line})"
    if error_code(error) in _MISSING_SCHEMA:
        return f"a schema is missing: create it ({first_line})"
    if any(each in said for each in _NO_COLUMN) or error_code(error) in _MISSING_COLUMN:
        return f"a column is missing: run `flask otpauth upgrade`, or your migrations ({first_line})"
    if getattr(error.orig, "sqlite_errorname", "").startswith(_LOCKED):
        return f"the database is locked by another transaction. {describe_lock_holder()}".rstrip()
    if error_code(error) in _ALREADY_THERE:
        return None
    if error.connection_invalidated or not isinstance(error, _MISTAKES):
        return f"database error: {first_line}"
    return None


def error_code(error: BaseException | None) -> object:
    """Return the driver's code of an error of SQLAlchemy: MariaDB's number, or the SQLSTATE."""
    raised = getattr(error, "orig", None)
    first: object = next(iter(raised.args), None) if raised else None
    if isinstance(first, int):
        return first
    # psycopg2 calls it ``pgcode``.
    return getattr(raised, "sqlstate", None) or getattr(raised, "pgcode", None)


@contextmanager
def errors_of_sqlalchemy(engine: Engine) -> Iterator[None]:
    """
    Raise SQLAlchemy's exception for an error of the driver.

    SQLAlchemy does not do that while a connection goes back to its pool, where it resets the isolation level.
    On MariaDB, this takes a statement, and the connection may be lost.
    """
    dialect = engine.dialect
    base = dialect.loaded_dbapi.Error
    try:
        yield
    except base as error:
        raise DBAPIError.instance(None, None, error, base, True, True, dialect) from error
