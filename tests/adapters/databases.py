"""Databases to test on: each test process has its own, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import URL, Connection, Engine, Select, create_engine, make_url, text

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from tests.services import MARIADB_ADDRESS, MARIADB_URL, POSTGRESQL_ADDRESS, POSTGRESQL_URL, listens, need

#: A racing writer may wait for its turn longer than the five seconds that are usual.
PATIENCE_SECONDS = 60
PATIENTLY = {"timeout": PATIENCE_SECONDS}


@contextmanager
def postgresql_schema() -> Iterator[str]:
    """A schema of its own, as the URL of an engine that sees nothing else."""
    need("PostgreSQL", listens(POSTGRESQL_ADDRESS))
    schema = f"otpauth_test_{uuid4().hex}"
    server = create_engine(POSTGRESQL_URL)
    with server.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        url: URL = make_url(POSTGRESQL_URL).update_query_dict({"options": f"-csearch_path={schema}"})
        yield url.render_as_string(hide_password=False)
    finally:
        with server.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        server.dispose()


@contextmanager
def mariadb_database() -> Iterator[str]:
    """A database of its own, as its URL."""
    need("MariaDB", listens(MARIADB_ADDRESS))
    database = f"otpauth_test_{uuid4().hex}"
    server = create_engine(MARIADB_URL)
    with server.begin() as connection:
        connection.execute(text(f"CREATE DATABASE {database}"))
    try:
        yield make_url(MARIADB_URL).set(database=database).render_as_string(hide_password=False)
    finally:
        with server.begin() as connection:
            connection.execute(text(f"DROP DATABASE {database}"))
        server.dispose()


@contextmanager
def database_of(kind: str, folder: Path) -> Iterator[str]:
    """Return the URL of an unused database: in memory, in a file in ``folder``, or on a server."""
    if kind == "memory":
        yield "sqlite://"
    elif kind == "sqlite":
        yield f"sqlite:///{folder / 'test.sqlite'}"
    else:
        with {"postgresql": postgresql_schema, "mariadb": mariadb_database}[kind]() as url:
            yield url


@contextmanager
def schema_of(kind: str, folder: Path) -> Iterator[str]:
    """An empty schema of a database of that kind, which is not the default one of the connection."""
    with database_of(kind, folder) as uri:
        url = make_url(uri)
        yield str(url.query["options"]).partition("=")[2] if "options" in url.query else str(url.database)


def sqlite_engine(path: object) -> Engine:
    """An engine on a SQLite file."""
    return create_engine(f"sqlite:///{path}", connect_args=PATIENTLY)


def emptied(storage: SqlAlchemyStorage) -> None:
    """Create the tables, and delete what is in them."""
    storage.create_all()
    delete_rows(storage)


def delete_rows(storage: SqlAlchemyStorage) -> None:
    """Delete what is in the tables."""
    with storage.database.transaction():
        for table in storage.tables.all():
            storage.database.prepare(table.delete()).count()


def read(storage: SqlAlchemyStorage, query: Select[Any]) -> list[dict[str, Any]]:
    """The rows of a query, each with its columns by name."""
    names = [column.name for column in query.selected_columns]
    return [dict(zip(names, row, strict=True)) for row in storage.database.prepare(query).rows()]


def wait_for_a_waiter(engine: Engine, connection: Connection) -> None:
    """Return when a lock of ``connection`` keeps another one waiting."""
    waiters = text("SELECT count(*) FROM pg_stat_activity WHERE :pid = ANY(pg_blocking_pids(pid))")
    pid = connection.scalar(text("SELECT pg_backend_pid()"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as administrator:
        deadline = monotonic() + PATIENCE_SECONDS
        while not administrator.scalar(waiters, {"pid": pid}):
            assert monotonic() < deadline, "nobody waits for the lock"


def let_go(storage: SqlAlchemyStorage) -> None:
    """Close the connections of a storage."""
    storage.database.engine.dispose()


class OnServer:
    """
    What the contract of storage needs on the server that the fixture ``url`` of a subclass names.

    All tests share one storage, because looking for its tables and compiling its statements takes long. Each
    test finds it empty.
    """

    @staticmethod
    def open_storage(where: str) -> SqlAlchemyStorage:
        return SqlAlchemyStorage(create_engine(where, pool_size=10, max_overflow=0))

    @staticmethod
    def close_storage(storage: SqlAlchemyStorage) -> None:
        let_go(storage)

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, url: str) -> Iterator[SqlAlchemyStorage]:
        storage = cls.open_storage(url)
        storage.create_all()
        yield storage
        let_go(storage)

    @pytest.fixture
    def where(self, url: str, opened: SqlAlchemyStorage) -> str:
        delete_rows(opened)
        return url

    @pytest.fixture
    def storage(self, where: str, opened: SqlAlchemyStorage) -> SqlAlchemyStorage:
        return opened
