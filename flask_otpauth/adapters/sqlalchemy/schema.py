"""Compares the tables in a database with those that the package needs, and adds what is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, cast

from sqlalchemy import Column, Connection, Engine, Index, Table, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable, ExecutableDDLElement
from sqlalchemy.sql.compiler import DDLCompiler

from flask_otpauth.adapters.sqlalchemy.database import ErrorTranslation, with_isolation, with_write_lock
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory
from flask_otpauth.adapters.sqlalchemy.prepared import compiled_for
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.adapters.sqlalchemy.tables import is_packaged
from flask_otpauth.core.record import frozen

#: What a database can lack.
Part: TypeAlias = Table | Column[Any] | Index


@frozen
class _Kind:
    """A kind of part, and the words of the sentences about it."""

    kind: type[Part]
    one: str
    several: str
    #: The command that adds it to a packaged table.
    command: str


_KINDS = (
    _Kind(Table, "a table is", "tables are", "init-db"),
    _Kind(Column, "a column is", "columns are", "upgrade"),
    _Kind(Index, "an index is", "indexes are", "upgrade"),
)


@frozen
class Addition:
    """A part that was missing, by its name, and the statements that add it."""

    name: str
    statements: tuple[str, ...]


class _AddColumn(ExecutableDDLElement):
    """``ALTER TABLE … ADD COLUMN``, for which SQLAlchemy has no class."""

    def __init__(self, column: Column[Any]) -> None:
        self.column = column


@compiles(_AddColumn)
def _add_column(element: _AddColumn, compiler: DDLCompiler, **_: object) -> str:
    table = compiler.preparer.format_table(element.column.table)
    return f"ALTER TABLE {table} ADD COLUMN {compiler.process(CreateColumn(element.column))}"


def schema_problems(storage: object, directory: object) -> list[str]:
    """
    Return a sentence for each kind of part that is missing, and says what adds it.

    A storage or a directory that is not in a database of SQLAlchemy is not examined. Of a users table of
    the host, only the columns are.

    :raises StorageUnavailable: if a database cannot be read.
    """
    parts: list[Part] = []
    if isinstance(storage, SqlAlchemyStorage):
        with ErrorTranslation(), storage.database.engine.connect() as connection:
            parts += _missing(connection, storage.tables.all())
    if isinstance(directory, ModelDirectory):
        with directory.session(False) as session:
            tables = (table for table in directory.mapper.tables if isinstance(table, Table))
            parts += _missing(session.connection(), tables)
    return [*_sentences(parts, of_host=False), *_sentences(parts, of_host=True)]


def upgrade(storage: object, directory: object, *, dry_run: bool) -> list[Addition]:
    """
    Add what the packaged tables lack, and return it. A ``dry_run`` only returns it.

    Nothing is changed or dropped. So all that a newer version needs must be a new part, and a new column
    must be nullable or have a default in the database.

    :raises StorageUnavailable: if a database cannot be read or changed.
    """
    added = []
    with ErrorTranslation():
        for engine, tables in _packaged(storage, directory).items():
            with engine.connect() as connection:
                missing = list(_missing(connection, tables))
            for part in missing:
                if dry_run or _add(engine, part):
                    texts = (str(compiled_for(engine, each)).strip() for each in _statements(part))
                    added.append(Addition(_name(part), tuple(texts)))
    return added


def _add(engine: Engine, part: Part) -> bool:
    """Add a part. Return ``False`` if another process was adding it at the same moment."""
    try:
        with with_isolation(engine).begin() as connection:
            for statement in _statements(part):
                with_write_lock(connection).execute(statement)
    except DBAPIError:
        with engine.connect() as connection:
            if any(each is part for each in _missing(connection, [_table(part)])):
                raise
        return False
    return True


def _packaged(storage: object, directory: object) -> dict[Engine, list[Table]]:
    """Return the packaged tables on each engine."""
    found: dict[Engine, list[Table]] = defaultdict(list)
    if isinstance(storage, SqlAlchemyStorage):
        found[storage.database.engine] += storage.tables.all()
    if isinstance(directory, ModelDirectory) and directory.database and is_packaged(directory.table):
        found[directory.database.engine].append(directory.table)
    return found


def _missing(connection: Connection, tables: Iterable[Table]) -> Iterator[Part]:
    """Yield what the database lacks."""
    inspector, preparer = inspect(connection), connection.dialect.identifier_preparer
    translated = connection.get_execution_options().get("schema_translate_map", {})
    for table in tables:
        schema = translated.get(table.schema, table.schema)
        if not inspector.has_table(table.name, schema):
            yield table
            continue
        # SQLite and MariaDB do not distinguish the case of a column's name.
        columns = {column["name"].lower() for column in inspector.get_columns(table.name, schema)}
        yield from (column for column in table.c if column.name.lower() not in columns)
        if not is_packaged(table):
            continue  # The host can have given its indexes other names.
        # Both in the form that is in a statement: a long name is cut off there.
        indexes = {preparer.quote(str(each["name"])) for each in inspector.get_indexes(table.name, schema)}
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            if preparer.format_index(index) not in indexes:
                yield index


def _statements(part: Part) -> Iterator[ExecutableDDLElement]:
    """Yield the statements that add a part."""
    if isinstance(part, Table):
        yield CreateTable(part)
        yield from (CreateIndex(index) for index in part.indexes)
    else:
        yield _AddColumn(part) if isinstance(part, Column) else CreateIndex(part)


def _sentences(parts: Iterable[Part], *, of_host: bool) -> Iterator[str]:
    for each in _KINDS:
        names = [
            _name(part)
            for part in parts
            if isinstance(part, each.kind) and is_packaged(_table(part)) != of_host
        ]
        remedy = (
            "run your migrations" if of_host else f"run `flask otpauth {each.command}`, or your migrations"
        )
        if names:
            number = each.one if len(names) == 1 else each.several
            yield f"{number} missing: {remedy} ({', '.join(names)})."


def _table(part: Part) -> Table:
    return part if isinstance(part, Table) else cast("Table", part.table)


def _name(part: Part) -> str:
    if isinstance(part, Column):
        return f"{part.table.fullname}.{part.name}"
    return part.fullname if isinstance(part, Table) else str(part.name)
