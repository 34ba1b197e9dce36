"""The stores that are tested, and what can be done to each of them while it runs. A store is data."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from flask_otpauth.adapters.sqlalchemy.dialects import SUPPORTED
from tests.faults.app import Place
from tests.faults.proxy import Proxy, proxy_to
from tests.faults.servers import MARIADB, POSTGRESQL, START_SECONDS, Disk, Kind, Server, disk, running

#: How long a statement may take, or wait for another one.
PATIENCE_MS = 700
#: The database of the app on a server.
DATABASE = "shop"
#: How long each answer takes if the store is slow.
DELAY_SECONDS = 0.04

#: A table is full if so many inserts in a row have failed. Some of its pages may have room after the first.
_IN_VAIN = 30

#: Keeps what it does until the block ends.
Doing = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Running:
    """A store that runs."""

    #: Where the harness reads what is in it.
    url: str
    #: Where the app finds it.
    url_of_app: str
    connect_args: dict[str, Any]
    disk: Disk
    #: Keeps all writers waiting.
    blocked: Doing
    #: Makes all that is done take long.
    slow: Doing
    #: Leaves no space.
    full: Doing
    #: Refuses all writes; ``None``: the app does that itself, by a control.
    read_only: Doing | None = None
    server: Server | None = None
    proxy: Proxy | None = None

    def place(self, folder: str, planted: str, ahead_seconds: float) -> Place:
        """What the workers of an app in ``folder`` need to know."""
        options = {
            "pool_size": 4,
            "max_overflow": 2,
            "pool_timeout": PATIENCE_MS / 1000,
            "connect_args": self.connect_args,
        }
        return Place(folder, self.url_of_app, options, planted, ahead_seconds)


# -- SQLite -------------------------------------------------------------------------------------


@contextmanager
def sqlite() -> Iterator[Running]:
    """A file."""
    with disk(16, "root") as own:
        file = own.folder / "shop.sqlite"
        url = f"sqlite:///{file}"
        yield Running(
            url=url,
            url_of_app=url,
            connect_args={"timeout": PATIENCE_MS / 1000},
            disk=own,
            blocked=partial(_write_lock, file),
            slow=partial(_locked_again_and_again, file),
            full=own.filled,
        )


@contextmanager
def _write_lock(file: Path) -> Iterator[None]:
    connection = sqlite3.connect(file, isolation_level=None, timeout=10)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


@contextmanager
def _locked_again_and_again(file: Path) -> Iterator[None]:
    over = threading.Event()

    def lock() -> None:
        while not over.wait(DELAY_SECONDS / 4):
            with _write_lock(file):
                over.wait(DELAY_SECONDS)

    with ThreadPoolExecutor(1) as pool:
        locking = pool.submit(lock)
        yield
        over.set()
    locking.result()


# -- servers ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ServerStore:
    """What differs between the stores that are servers."""

    kind: Kind
    #: The driver, and the names of the administrator and of the app.
    driver: str
    admin: str
    app: str
    #: A database that is there from the start.
    first_database: str
    connect_args: dict[str, Any]
    #: Statements that make the database of the app.
    creating: tuple[str, ...]
    #: Statements before and after writers wait, in one connection.
    blocking: tuple[str, str]
    #: Statements before and after the server only reads.
    reading_only: tuple[tuple[str, ...], tuple[str, ...]]
    #: Statements that use up, by a row smaller than ours, and give back the space that a table has reserved.
    filling: str
    emptying: str = "DELETE FROM otpauth_challenges WHERE nonce = 'filler'"

    @contextmanager
    def open(self) -> Iterator[Running]:
        """Run a server, with a proxy in front of it."""
        with running(self.kind) as server, proxy_to(server.port) as proxy:
            url = self._url(self.admin, server.port)
            first = url.set(database=self.first_database)
            admin = create_engine(first, pool_pre_ping=True, isolation_level="AUTOCOMMIT")
            _execute(admin, "SELECT 1", within_seconds=START_SECONDS)
            _execute(admin, *self.creating)
            actions = _Actions(self, admin, create_engine(url, pool_pre_ping=True), proxy)
            try:
                yield Running(
                    url=url.render_as_string(),
                    url_of_app=self._url(self.app, proxy.port).render_as_string(),
                    connect_args=self.connect_args,
                    disk=server.disk,
                    blocked=actions.blocked,
                    slow=actions.slow,
                    full=partial(actions.full, server),
                    read_only=actions.read_only,
                    server=server,
                    proxy=proxy,
                )
            finally:
                actions.admin.dispose()
                actions.tables.dispose()

    def _url(self, user: str, port: int) -> URL:
        return URL.create(self.driver, user, host="127.0.0.1", port=port, database=DATABASE)


@dataclass(frozen=True)
class _Actions:
    """What can be done to a server while it runs."""

    store: ServerStore
    #: The administrator, in the database of the server's own tables and in that of the app.
    admin: Engine
    tables: Engine
    proxy: Proxy

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """Keep all writers waiting."""
        begin, end = self.store.blocking
        with self.tables.connect() as connection:
            connection.execute(text(begin))
            yield
            connection.execute(text(end))

    @contextmanager
    def full(self, server: Server) -> Iterator[None]:
        """Leave no space on the disk, and none in the table. A server that it ends is started again."""
        tables = self.tables.execution_options(isolation_level="AUTOCOMMIT")
        with server.disk.filled():
            in_vain = 0
            while in_vain < _IN_VAIN:
                in_vain = 0 if _succeeds(tables, self.store.filling) else in_vain + 1
            yield
        deadline = monotonic() + START_SECONDS
        while not _succeeds(tables, self.store.emptying):
            assert monotonic() < deadline, server.log
            server.start_again()
            sleep(0.05)

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Delay all answers."""
        self.proxy.delay_seconds = DELAY_SECONDS
        yield
        self.proxy.delay_seconds = 0.0

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Refuse all writes."""
        before, after = self.store.reading_only
        _execute(self.admin, *before)
        yield
        _execute(self.admin, *after)


def _succeeds(engine: Engine, statement: str) -> bool:
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    except (DBAPIError, engine.dialect.loaded_dbapi.Error):
        # SQLAlchemy leaves an error as it is while a connection goes back to its pool.
        return False
    return True


def _execute(engine: Engine, *statements: str, within_seconds: float = 0.0) -> None:
    """Execute statements, which a server that has just started may not do at once."""
    deadline = monotonic() + within_seconds
    while True:
        try:
            with engine.connect() as connection:
                for statement in statements:
                    connection.execute(text(statement))
        except Exception:
            if monotonic() > deadline:
                raise
            sleep(0.05)
        else:
            return


_POSTGRESQL = ServerStore(
    POSTGRESQL,
    driver="postgresql+psycopg",
    admin="postgres",
    app="postgres",
    first_database="postgres",
    connect_args={"options": f"-cstatement_timeout={PATIENCE_MS}", "connect_timeout": 2},
    creating=(f"CREATE DATABASE {DATABASE}",),
    blocking=("LOCK TABLE otpauth_challenges IN ACCESS EXCLUSIVE MODE", "ROLLBACK"),
    reading_only=(
        ("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"),
        ("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"),
    ),
    filling="""
        INSERT INTO otpauth_challenges
        VALUES (sha256(random()::text::bytea), '', '', 'filler', NULL, 0, 0, 0, NULL, '', false, false,
                false, 0, 0, 0)
        """,
)

_MARIADB = ServerStore(
    MARIADB,
    driver="mysql+pymysql",
    admin="root",
    app="shop",
    first_database="mysql",
    connect_args={
        "init_command": f"SET SESSION max_statement_time = {PATIENCE_MS / 1000}",
        "connect_timeout": 2,
        "read_timeout": 5,
    },
    creating=(
        f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4",
        "CREATE USER shop@'127.0.0.1'",
        f"GRANT ALL ON {DATABASE}.* TO shop@'127.0.0.1'",
    ),
    blocking=("LOCK TABLES otpauth_challenges WRITE", "UNLOCK TABLES"),
    reading_only=(("SET GLOBAL read_only = 1",), ("SET GLOBAL read_only = 0",)),
    filling="""
        INSERT INTO otpauth_challenges
        VALUES (UNHEX(SHA2(UUID(), 256)), '', '', 'filler', NULL, 0, 0, 0, NULL, '', 0, 0, 0, 0, 0, 0)
        """,
)


@dataclass(frozen=True)
class Store:
    """A store that can be tested."""

    name: str
    dialect: str
    open: Callable[[], AbstractContextManager[Running]]
    #: Whether its server is on this machine.
    is_here: bool = True


_ALL = (
    Store("SQLite", "sqlite", sqlite),
    Store("PostgreSQL", "postgresql", _POSTGRESQL.open, POSTGRESQL.is_here),
    Store("MariaDB", "mysql", _MARIADB.open, MARIADB.is_here),
)
STORES = tuple(store for store in _ALL if store.dialect in SUPPORTED)
