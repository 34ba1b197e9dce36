"""On the engine of a host, whatever its options and its driver are, codes are exact and its rows its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import connect
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import make_url
from sqlalchemy.pool import NullPool

from flask_otpauth import OtpAuth
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.cli import otpauth as otpauth_command
from flask_otpauth.testing import Outbox
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.code_races import CodeRaces
from tests.adapters.databases import database_of, let_go, sqlite_engine
from tests.flows.email_caller import EmailCaller, bearer
from tests.hosts import SECRET_KEY

THREADS, ROUNDS = 8, 4

ENGINES: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "AUTOCOMMIT": {"isolation_level": "AUTOCOMMIT"},
    "SERIALIZABLE": {"isolation_level": "SERIALIZABLE"},
    "REPEATABLE READ": {"isolation_level": "REPEATABLE READ"},
    "NullPool": {"poolclass": NullPool},
    "what changes no rule": {
        "pool_pre_ping": True,
        "pool_recycle": 280,
        "echo": True,
        "echo_pool": True,
        "query_cache_size": 0,
    },
}
#: Each kind of database, with the driver.
DATABASES = {
    "sqlite": "sqlite",
    "sqlite in WAL": "sqlite",
    "psycopg": "postgresql+psycopg",
    "psycopg2": "postgresql+psycopg2",
    "PyMySQL": "mysql+pymysql",
}
#: Levels that a database has not.
UNKNOWN = {("sqlite", "REPEATABLE READ"), ("sqlite in WAL", "REPEATABLE READ")}
CELLS = [
    (database, engine) for database in DATABASES for engine in ENGINES if (database, engine) not in UNKNOWN
]


#: How a driver says whether it commits each statement.
_COMMITS_ALONE: dict[str, Callable[[Any], object]] = {
    "pysqlite": lambda driver: driver.isolation_level,
    "psycopg": lambda driver: driver.autocommit,
    "psycopg2": lambda driver: driver.autocommit,
    "pymysql": lambda driver: driver.get_autocommit(),
}


@contextmanager
def uri_of(database: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database, with its driver."""
    kind = DATABASES[database].partition("+")[0].replace("mysql", "mariadb")
    with database_of(kind, folder) as uri:
        if database == "sqlite in WAL":
            with closing(connect(make_url(uri).database or "")) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
        yield make_url(uri).set(drivername=DATABASES[database]).render_as_string(hide_password=False)


@dataclass
class Host:
    """An app with notes of its own, beside the tables of the extension."""

    app: Flask
    db: SQLAlchemy
    note: type[Any]
    caller: EmailCaller
    #: Whether the host has chosen that each of its statements is committed by itself.
    commits_alone: bool

    def notes(self) -> int:
        """How many notes another connection sees."""
        with self.app.app_context(), self.db.engine.connect() as connection:
            query = self.db.select(self.db.func.count()).select_from(self.note)
            return int(connection.scalar(query) or 0)

    def level(self) -> tuple[object, object]:
        """The isolation level of a connection of the host, and what its driver says of commits."""
        with self.app.app_context():
            connection = self.db.session.connection()
            driver = connection.connection.driver_connection
            # The level means nothing to a statement that is committed by itself, and is not put back then.
            level = "AUTOCOMMIT" if self.commits_alone else connection.get_isolation_level()
            return level, _COMMITS_ALONE[connection.dialect.driver](driver)


@pytest.fixture(scope="module", params=CELLS, ids=" ".join)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    database, engine = request.param
    with uri_of(database, tmp_path_factory.mktemp("host")) as uri:
        app, db, outbox = Flask("host"), SQLAlchemy(), Outbox()

        class Note(db.Model):  # type: ignore[name-defined, misc]
            id = db.Column(db.Integer, primary_key=True)

        app.config.update(
            SECRET_KEY=SECRET_KEY,
            TESTING=True,
            SQLALCHEMY_DATABASE_URI=uri,
            SQLALCHEMY_ENGINE_OPTIONS=ENGINES[engine],
            OTPAUTH_SENDERS=outbox.senders,
            OTPAUTH_EMAIL_SEND_QUOTAS=(),
            OTPAUTH_IP_LIMITS=None,
        )
        db.init_app(app)
        otpauth = OtpAuth(app)
        app.add_url_rule("/me", "me", otpauth.token_required(lambda: str(otpauth.current_user.email)))
        app.extensions["test_otpauth"] = otpauth
        with app.app_context():
            db.create_all()
            otpauth.create_all()
        yield Host(app, db, Note, EmailCaller(app, outbox), "AUTOCOMMIT" in engine)
        with app.app_context():
            db.engine.dispose()


def test_a_login_and_what_follows_it(host: Host) -> None:
    tokens = host.caller.login()

    seen = host.app.test_client().get("/me", headers=bearer(tokens["accessToken"])).text
    refreshed = host.caller.refresh(tokens["refreshToken"]).json
    left = host.caller.logout(refreshed["data"]["accessToken"]).json["code"]

    assert (seen, refreshed["code"], left) == ("user@example.com", 0, 0)


def test_a_code_opens_once(host: Host) -> None:
    start = Barrier(THREADS)

    def submit(code: str) -> str:
        start.wait()
        return str(host.caller.verify(code).json["message"])

    with ThreadPoolExecutor(THREADS) as pool:
        answers = Counter(
            answer
            for _ in range(ROUNDS)
            for answer in list(pool.map(submit, [host.caller.fresh_code()] * THREADS))
        )

    assert answers == {"Login successful": ROUNDS, "OTP has already been used": ROUNDS * (THREADS - 1)}


def test_the_transaction_of_the_host_is_its_own(host: Host) -> None:
    db, level = host.db, host.level()
    before = host.notes()
    with host.app.app_context():
        db.session.add(host.note())
        code = host.caller.fresh_code()
        pending = host.notes() - before
        db.session.flush()
        db.session.rollback()

    assert pending == 0
    assert host.notes() - before == host.commits_alone
    assert host.caller.verify(code).json["message"] == "Login successful"
    assert host.level() == level


@pytest.mark.parametrize("database", DATABASES)
def test_a_missing_table_is_told_whatever_the_driver(database: str, tmp_path: Path, outbox: Outbox) -> None:
    with uri_of(database, tmp_path) as uri:
        app = Flask("host")
        app.config.update(SECRET_KEY=SECRET_KEY, OTPAUTH_SENDERS=outbox.senders, OTPAUTH_DATABASE_URI=uri)
        OtpAuth(app)
        shown = app.test_cli_runner().invoke(otpauth_command, ["users", "show", "ann@example.com"])
        app.extensions["otpauth"].services.storage.database.engine.dispose()

    assert shown.output.startswith(
        "Error: a table is missing: run `flask otpauth init-db`, or your migrations"
    )


class TestSqliteInWal(ContractBase):
    """With several processes. The whole contract runs on a file in rollback mode."""

    race_on = ("processes",)
    test_guesses = CodeRaces.test_of_50_right_guesses_one_is_accepted
    test_requests = CodeRaces.test_of_50_requests_under_a_quota_of_3_exactly_3_are_issued

    @staticmethod
    def open_storage(where: str) -> SqlAlchemyStorage:
        return SqlAlchemyStorage(sqlite_engine(where))

    @staticmethod
    def close_storage(storage: SqlAlchemyStorage) -> None:
        let_go(storage)

    @pytest.fixture
    def where(self, tmp_path: Path) -> Iterator[str]:
        file = tmp_path / "otpauth.sqlite"
        with closing(connect(file)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            yield str(file)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
