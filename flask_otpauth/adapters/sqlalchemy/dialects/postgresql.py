"""PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert

from flask_otpauth.adapters.sqlalchemy.dialects.base import Dialect


class Postgresql(Dialect):
    """PostgreSQL."""

    isolation_level = "READ COMMITTED"

    def insert(self, table: Table) -> Insert:
        """See the base class."""
        return Insert(table)


DIALECT = Postgresql()
