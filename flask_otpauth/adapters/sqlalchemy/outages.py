"""
Errors of a database: which of them are an outage, and after which a transaction can be tried again.

All other errors stay as SQLAlchemy raised them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flask_otpauth.core.errors import StorageUnavailable

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
        if isinstance(error, PoolTimeout):
            raise StorageUnavailable("no database connection became free in time") from error
        if isinstance(error, DBAPIError):
            if error_code(error) in self._lost:
                raise TransactionLost(str(error.orig)) from error
            reason = _reason(error, self._describe_lock_holder)
            if reason is not None:
                raise StorageUnavailable(reason) from error


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
