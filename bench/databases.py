"""The databases of a run. Each app that is measured gets a new one, which is dropped at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

#: Where the servers are, with a user who can create databases.
SERVERS = {
    "postgresql": "postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
    "mariadb": "mysql+pymysql://root@127.0.0.1:3306/mysql",
}
#: Files of SQLite, by the mode of their journal. A new file has the first one.
FILES = {"sqlite": "DELETE", "sqlite-wal": "WAL"}
KINDS = (*SERVERS, *FILES)


class Unavailable(Exception):
    """The database cannot be measured here. The text is the reason."""


@contextmanager
def new_database(kind: str) -> Iterator[str]:
    """
    Create an empty database, and drop it at the end. Return its URL.

    :raises Unavailable: if its server does not answer.
    """
    if kind in FILES:
        with TemporaryDirectory(prefix="otpauth-bench-") as folder:
            file = Path(folder, "bench.sqlite")
            # The file keeps this mode, so that it is the same for all apps.
            with closing(sqlite3.connect(file)) as connection:
                connection.execute(f"PRAGMA journal_mode = {FILES[kind]}")
            yield f"sqlite:///{file}"
        return
    name = f"otpauth_bench_{uuid4().hex}"
    with engine_of(SERVERS[kind]) as server:
        try:
            _run(server, f"CREATE DATABASE {name}")
        except OperationalError as error:
            raise Unavailable(f"no server answers at {server.url}") from error
        try:
            yield server.url.set(database=name).render_as_string(hide_password=False)
        finally:
            _run(server, f"DROP DATABASE {name}" + (" WITH (FORCE)" if kind == "postgresql" else ""))


@contextmanager
def engine_of(url: str, **options: Any) -> Iterator[Engine]:
    """Create an engine, and close its connections at the end."""
    engine = create_engine(url, **options)
    try:
        yield engine
    finally:
        engine.dispose()


def settle(*urls: str) -> None:
    """
    Let PostgreSQL do now what it would do at some time in a measurement.

    Without statistics it would also keep plans that it made for empty tables.
    """
    for url in urls:
        if url.startswith("postgresql"):
            with engine_of(url) as engine:
                _run(engine, "VACUUM ANALYZE")
                _run(engine, "CHECKPOINT")


def server_process(url: str) -> int | None:
    """Return the id of the server's process, or ``None`` if it has none on this machine."""
    try:
        with engine_of(url) as engine, engine.connect() as connection:
            if url.startswith("postgresql"):
                backend = connection.scalar(text("SELECT pg_backend_pid()"))
                parent = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1]
                return _if_named("postgres", int(parent))
            if url.startswith("mysql"):
                file = Path(str(connection.scalar(text("SELECT @@pid_file"))))
                return _if_named("mariadb", int(file.read_text()))
    except OSError:
        pass
    return None


def _run(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(statement))


def _if_named(name: str, process: int) -> int | None:
    # A server in a container gives the number that its process has there.
    return process if name in Path(f"/proc/{process}/comm").read_text() else None
