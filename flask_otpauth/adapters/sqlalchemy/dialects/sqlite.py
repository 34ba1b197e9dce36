"""SQLite."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import LargeBinary, Table, and_
from sqlalchemy.dialects.sqlite import Insert

from flask_otpauth.adapters.sqlalchemy.dialects.base import Dialect
from flask_otpauth.adapters.sqlalchemy.statements import Change, Executor, Statement


class Sqlite(Dialect):
    """SQLite. A transaction that writes locks the whole file."""

    #: SQLite's only level. To name it undoes a host's AUTOCOMMIT.
    isolation_level = "SERIALIZABLE"
    has_schemas = False
    has_one_writer = True
    # SQLAlchemy sets a level for the whole connection. Then SQLite compiles all statements anew.
    begin = "BEGIN IMMEDIATE"
    autocommit = ("isolation_level", None)
    # For each ``bytes`` the driver looks for an adapter, and makes an exception when there is none.
    prefers_bytearray = True

    def complete(self, table: Table) -> None:
        """See the base class."""
        is_long = any(isinstance(column.type, LargeBinary) and not column.type.length for column in table.c)
        if table.autoincrement_column is None and not is_long:
            # The rows are in the index of the primary key. A commit would otherwise write a page of the index
            # and a page of the table.
            table.dialect_options["sqlite"]["with_rowid"] = False

    def change(self, database: Executor, change: Change) -> Statement:
        """See the base class. There are no locks of rows, so nothing has to be locked in an order."""
        if change.locked is not None and change.locked.whereclause is not None:
            which = and_(change.locked.whereclause, change.which)
            change = replace(change, which=which, locked=None)
        return super().change(database, change)

    def insert(self, table: Table) -> Insert:
        """See the base class."""
        return Insert(table)


DIALECT = Sqlite()
