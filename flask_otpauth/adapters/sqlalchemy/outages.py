"""Which errors of a database are an outage, and which are mistakes of the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flask_otpauth.core.errors import StorageUnavailable

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
