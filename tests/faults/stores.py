"""The stores that are tested, and what can be done to each of them while it runs. A store is data."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Engine, create_engine, make_url, text

from flask_otpauth.adapters.sqlalchemy.dialects import SUPPORTED
from tests.faults.app import Place
from tests.faults.proxy import Proxy, proxy_to
from tests.faults.servers import MARIADB, POSTGRESQL, Disk, Kind, Server, disk, running

#: How long a statement may take, or wait for another one.
PATIENCE_MS = 700
#: How long each answer takes if the store is slow.
DELAY_SECONDS = 0.04

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
    #: Refuses all writes; ``None``: the app does that itself, by a control.
    read_only: Doing | None = None
    server: Server | None = None
    proxy: Proxy | None = None

    def place(self, folder: str, planted: str, ahead_seconds: float) -> Place:
        """What the workers of an app in ``folder`` need to know."""
        options = {"pool_size": 4, "max_overflow": 2, "pool_timeout": PATIENCE_MS / 1000}
        options["connect_args"] = self.connect_args
        return Place(folder, self.url_of_app, options, planted, ahead_seconds)


# -- SQLite -------------------------------------------------------------------------------------


@contextmanager
def sqlite() -> Iterator[Running]:
    """A file."""
    with disk(16, "root") as own:
        file = own.folder / "shop.sqlite"

        @contextmanager
        def blocked() -> Iterator[None]:
            with _write_lock(str(file)):
                yield

        @contextmanager
        def slow() -> Iterator[None]:
            over = threading.Event()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(_lock_again_and_again, str(file), over)
                yield
                over.set()

        url = f"sqlite:///{file}"
        yield Running(url, url, {"timeout": PATIENCE_MS / 1000}, own, blocked, slow)


@contextmanager
def _write_lock(file: str) -> Iterator[None]:
    connection = sqlite3.connect(file, isolation_level=None, timeout=10)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _lock_again_and_again(file: str, over: threading.Event) -> None:
    while not over.wait(DELAY_SECONDS / 4):
        with _write_lock(file):
            over.wait(DELAY_SECONDS)


# -- servers ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ServerStore:
    """What differs between the stores that are servers."""

    kind: Kind
    #: The URLs of the administrator and of the app, but for the port.
    admin_url: str
    app_url: str
    connect_args: dict[str, Any]
    #: Statements that make the database of the app.
    creating: tuple[str, ...]
    #: Statements before and after writers wait, in one connection.
    blocking: tuple[str, str]
    #: Statements before and after the server only reads.
    reading_only: tuple[tuple[str, ...], tuple[str, ...]]

    @contextmanager
    def open(self) -> Iterator[Running]:
        """Run a server, with a proxy in front of it."""
        with running(self.kind) as server, proxy_to(server.port) as proxy:
            url = _with_port(self.admin_url, server.port)
            admin = create_engine(url, pool_pre_ping=True, isolation_level="AUTOCOMMIT")
            _execute(admin, "SELECT 1", within_seconds=60)
            _execute(admin, *self.creating)
            actions = _Actions(self, admin, proxy)
            database = make_url(self.app_url).database
            try:
                yield Running(
                    make_url(url).set(database=database).render_as_string(hide_password=False),
                    _with_port(self.app_url, proxy.port),
                    self.connect_args,
                    server.disk,
                    actions.blocked,
                    actions.slow,
                    actions.read_only,
                    server,
                    proxy,
                )
            finally:
                admin.dispose()


@dataclass(frozen=True)
class _Actions:
    """What can be done to a server while it runs."""

    store: ServerStore
    admin: Engine
    proxy: Proxy

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """Keep all writers waiting."""
        database = make_url(self.store.app_url).database
        engine = create_engine(self.admin.url.set(database=database))
        begin, end = self.store.blocking
        with engine.connect() as connection:
            connection.execute(text(begin))
            yield
            connection.execute(text(end))
        engine.dispose()

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


def _with_port(url: str, port: int) -> str:
    return make_url(url).set(port=port).render_as_string(hide_password=False)


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
    "postgresql+psycopg://postgres@127.0.0.1/postgres",
    "postgresql+psycopg://postgres@127.0.0.1/shop",
    {"options": f"-cstatement_timeout={PATIENCE_MS}", "connect_timeout": 2},
    ("CREATE DATABASE shop",),
    ("LOCK TABLE otpauth_challenges IN ACCESS EXCLUSIVE MODE", "ROLLBACK"),
    (
        ("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"),
        ("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"),
    ),
)

_MARIADB = ServerStore(
    MARIADB,
    "mysql+pymysql://root@127.0.0.1/mysql",
    "mysql+pymysql://shop@127.0.0.1/shop",
    {
        "init_command": f"SET SESSION max_statement_time = {PATIENCE_MS / 1000}",
        "connect_timeout": 2,
        "read_timeout": 5,
    },
    (
        "CREATE DATABASE shop CHARACTER SET utf8mb4",
        "CREATE USER shop@'127.0.0.1'",
        "GRANT ALL ON shop.* TO shop@'127.0.0.1'",
    ),
    ("LOCK TABLES otpauth_challenges WRITE", "UNLOCK TABLES"),
    (("SET GLOBAL read_only = 1",), ("SET GLOBAL read_only = 0",)),
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
