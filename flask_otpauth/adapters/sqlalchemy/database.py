"""
The extension's own statements and short transactions on an engine, apart from the host's session.

A rollback of the host must not undo a count, and a commit of the extension must not commit an unfinished
row of the host. Nothing is retried after a commit was sent, because its outcome may be unknown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TypeVar

from sqlalchemy import ClauseElement, Engine, SelectBase
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.pool import reset_none

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.adapters.sqlalchemy.connections import (
    Autocommit,
    Control,
    DriverConnection,
    SqlAlchemyConnection,
    commit_or_roll_back,
    execute_on,
    has_begun,
    is_watched,
    quiet,
    with_isolation,
    with_write_lock,
)
from flask_otpauth.adapters.sqlalchemy.dialects import dialect_of
from flask_otpauth.adapters.sqlalchemy.outages import ErrorTranslation, TransactionLost
from flask_otpauth.adapters.sqlalchemy.prepared import Done, Parameters, Prepared
from flask_otpauth.adapters.sqlalchemy.statements import Change, CountAttribute, Deletion, Statement, Upsert
from flask_otpauth.adapters.sqlalchemy.tables import Tables
from flask_otpauth.core.errors import StorageUnavailable

T = TypeVar("T")


#: How often an operation is tried whose row others keep changing.
MAX_TRIES = 10
#: For how long an operation is tried that the database undoes. It is as long as SQLite waits for a lock.
PATIENCE_SECONDS = 5


class _Open(threading.local):
    """The connection whose transaction is open in this thread."""

    connection: DriverConnection | SqlAlchemyConnection | None = None
    #: Whether the database has undone it.
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
        self._single = quiet(engine)
        self._writer = with_isolation(engine)
        self._control = Control(self)
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
            connection = self._connect()
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
            with self._outages:
                connection.close()

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
        try:
            with self._outages:
                if self._open.connection is not None:
                    return self._open.connection.execute(prepared, parameters)
                done = self._sent_alone(prepared, parameters)
        except TransactionLost:
            if self._open.connection is not None:
                self._open.is_lost = True
                raise
            done = None
        if done is not None:
            return done
        return self.atomically(lambda: self.execute(prepared, parameters))

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

    def _connect(self) -> DriverConnection | SqlAlchemyConnection:
        """Take a connection for a transaction."""
        if self.dialect.begin is None or is_watched(self._single):
            return SqlAlchemyConnection(self._writer.connect())
        return DriverConnection(self._single, self._control)

    def _begin(self, connection: DriverConnection | SqlAlchemyConnection) -> None:
        """Begin a transaction by statements, as far as SQLAlchemy and the driver do not."""
        if self._control.level is not None and not self._has_our_level():
            connection.execute(self._control.level)
        if self._control.begin is not None and not has_begun(connection.driver):
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
        if is_watched(self._single):
            return self._sent_alone_by_sqlalchemy(prepared, parameters)
        plain = DriverConnection(self._single, self._control)
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
            plain.close()

    def _sent_alone_by_sqlalchemy(self, prepared: Prepared, parameters: Parameters) -> Done | None:
        with self._single.connect() as connection, Autocommit(connection.connection, connection.dialect):
            if self._must_begin(prepared):
                return None
            done = execute_on(connection, prepared, parameters)
            if not prepared.is_read:
                with self._commits:
                    commit_or_roll_back(connection)
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
