"""Compares the tables in a database with those that the package needs."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, FromClause, Table, inspect

from flask_otpauth.adapters.sqlalchemy.database import ErrorTranslation
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage


def schema_problems(storage: object, directory: object) -> list[str]:
    """
    Return a sentence about missing tables, and one about missing columns.

    A storage or a directory that is not in a database of SQLAlchemy is not examined.

    :raises StorageUnavailable: if a database cannot be read.
    """
    missing: list[str] = []
    if isinstance(storage, SqlAlchemyStorage):
        with ErrorTranslation(), storage.database.engine.connect() as connection:
            missing += _missing(connection, storage.tables.all())
    if isinstance(directory, ModelDirectory):
        with directory.session(False) as session:
            missing += _missing(session.connection(), directory.mapper.tables)
    tables = [name for name in missing if "." not in name]
    columns = [name for name in missing if "." in name]
    return [
        *_sentence(tables, ("a table is", "tables are"), "run `flask otpauth init-db`, or your migrations"),
        *_sentence(columns, ("a column is", "columns are"), "run your migrations"),
    ]


def _missing(connection: Connection, tables: Iterable[FromClause]) -> list[str]:
    """Return the names of the tables that the database lacks, and of columns as ``table.column``."""
    inspector = inspect(connection)
    missing = []
    for table in tables:
        if not isinstance(table, Table):
            continue
        if not inspector.has_table(table.name, table.schema):
            missing.append(table.name)
            continue
        # SQLite and MariaDB do not distinguish the case of a column's name.
        present = {column["name"].lower() for column in inspector.get_columns(table.name, table.schema)}
        missing += [f"{table.name}.{column.name}" for column in table.c if column.name.lower() not in present]
    return missing


def _sentence(names: list[str], number: tuple[str, str], remedy: str) -> list[str]:
    if not names:
        return []
    return [f"{number[len(names) > 1]} missing: {remedy} ({', '.join(names)})."]
