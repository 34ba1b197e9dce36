"""SQLite."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects.sqlite import Insert

from flask_otpauth.adapters.sqlalchemy.dialects.base import Dialect


class Sqlite(Dialect):
    """SQLite. A transaction that writes locks the whole file."""

    #: SQLite's only level. To name it undoes a host's AUTOCOMMIT.
    isolation_level = "SERIALIZABLE"
    has_schemas = False
    # SQLAlchemy sets a level for the whole connection. Then SQLite compiles all statements anew.
    begin = "BEGIN IMMEDIATE"
    autocommit = ("isolation_level", None)

    def insert(self, table: Table) -> Insert:
        """See the base class."""
        return Insert(table)


DIALECT = Sqlite()
