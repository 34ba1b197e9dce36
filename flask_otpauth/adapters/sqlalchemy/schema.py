"""Compares the tables in a database with those that the package needs."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Table, inspect

from flask_otpauth.adapters.sqlalchemy.database import ErrorTranslation
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage


def schema_problems(storage: object, directory: object) -> list[str]:
    """
    Return a sentence about missing tables, and one about missing columns.

    A storage or a directory that is not in a database of SQLAlchemy is not examined.

    :raises StorageUnavailable: if a database cannot be read.
    """
    tables, columns = [], []
    for connection, table in _tables(storage, directory):
        inspector = inspect(connection)
        if not inspector.has_table(table.name, table.schema):
            tables.append(table.fullname)
            continue
        # SQLite and MariaDB do not distinguish the case of a column's name.
        present = {column["name"].lower() for column in inspector.get_columns(table.name, table.schema)}
        columns += [f"{table.fullname}.{each.name}" for each in table.c if each.name.lower() not in present]
    return [
        *_sentence(tables, ("a table is", "tables are"), "run `flask otpauth init-db`, or your migrations"),
        *_sentence(columns, ("a column is", "columns are"), "run your migrations"),
    ]


def _tables(storage: object, directory: object) -> Iterator[tuple[Connection, Table]]:
    """Yield each table, with a connection to its database."""
    if isinstance(storage, SqlAlchemyStorage):
        with ErrorTranslation(), storage.database.engine.connect() as connection:
            yield from ((connection, table) for table in storage.tables.all())
    if isinstance(directory, ModelDirectory):
        with directory.session(False) as session:
            tables = (table for table in directory.mapper.tables if isinstance(table, Table))
            yield from ((session.connection(), table) for table in tables)


def _sentence(names: list[str], number: tuple[str, str], remedy: str) -> list[str]:
    if not names:
        return []
    return [f"{number[len(names) > 1]} missing: {remedy} ({', '.join(names)})."]
