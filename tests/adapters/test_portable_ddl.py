"""The tables can be made on every database that the row was designed for."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Column, Dialect, Integer, MetaData, Table, inspect, make_url
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from flask_otpauth.adapters.sqlalchemy.directory.model import packaged_model
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage, define, memory_engine

TABLES = define(MetaData())
MYSQL_LIKE = ["mysql+pymysql://", "mariadb+pymysql://"]
# A digest is looked up, compared or a key.
DIGESTS = {"key", "digest", "secret_digest", "previous_digest"}


def dialect_of(url: str) -> Dialect:
    return make_url(url).get_dialect()()


def kinds(table: Table, url: str) -> dict[str, str]:
    dialect = dialect_of(url)
    return {column.name: column.type.compile(dialect=dialect) for column in table.columns}


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+psycopg://", *MYSQL_LIKE])
@pytest.mark.parametrize("table", TABLES.all(), ids=lambda table: table.name)
def test_the_tables_compile(table: Table, url: str) -> None:
    dialect = dialect_of(url)

    statements: list[ExecutableDDLElement] = [CreateTable(table), *map(CreateIndex, table.indexes)]

    assert all(str(statement.compile(dialect=dialect)) for statement in statements)


@pytest.mark.parametrize("url", MYSQL_LIKE)
@pytest.mark.parametrize("table", TABLES.all(), ids=lambda table: table.name)
def test_keys_and_names_compare_byte_by_byte_on_mysql_and_mariadb(table: Table, url: str) -> None:
    compared = {
        column.name
        for column in table.columns
        if column.primary_key
        or column.name in DIGESTS
        or any(column.name in index.c for index in table.indexes)
    }
    found = kinds(table, url)

    exact = {"BINARY(32)", "VARCHAR(255) COLLATE utf8mb4_bin", "BIGINT"}
    assert {name: found[name] for name in compared if found[name] not in exact} == {}


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+psycopg://", *MYSQL_LIKE])
def test_instants_are_64_bits_wide_and_logs_have_no_short_limit(url: str) -> None:
    found = kinds(TABLES.challenges, url)

    assert {found[name] for name in ("issued_at", "expires_at", "consumed_at", "needed_until")} == {"BIGINT"}
    assert {found[name].split()[0] for name in ("sends", "misses")} == {"TEXT"}


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+psycopg://"])
def test_the_index_of_doubtful_keys_has_only_their_rows_and_so_has_a_copy(url: str) -> None:
    model: Any = packaged_model(MetaData())
    tables = (model.__table__, model.__table__.to_metadata(MetaData()))

    statements = [
        str(CreateIndex(index).compile(dialect=dialect_of(url)))
        for table in tables
        for index in table.indexes
        if index.name == "ix_otpauth_users_email_doubtful"
    ]

    assert [" WHERE email IS NOT NULL AND" in each for each in statements] == [True, True]


def test_every_name_has_the_prefix() -> None:
    names = [table.name for table in TABLES.all()]
    names += [str(index.name).removeprefix("ix_") for table in TABLES.all() for index in table.indexes]

    assert all(name.startswith("otpauth_") for name in names)


def test_one_metadata_holds_the_tables_once_however_often_they_are_defined() -> None:
    metadata = MetaData()

    first, second = define(metadata), define(metadata)

    assert first == second
    assert len(metadata.tables) == len(first.all())


def test_our_tables_live_in_the_hosts_metadata_and_only_ours_are_created() -> None:
    metadata = MetaData()
    Table("invoice", metadata, Column("id", Integer, primary_key=True))
    engine = memory_engine()

    storage = SqlAlchemyStorage(engine, metadata)
    storage.create_all()

    created = set(inspect(engine).get_table_names())
    engine.dispose()
    assert created == {table.name for table in storage.tables.all()}
    assert created < set(metadata.tables)
