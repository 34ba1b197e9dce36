"""Our transactions: ours alone, at our level, and outages that say what to do."""

from __future__ import annotations

import contextvars
import logging
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any, Self, cast

import psycopg
import pytest
from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    create_mock_engine,
    event,
    func,
    literal,
    make_url,
    select,
    text,
)
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import QueuePool

from bench.wire import counted
from flask_otpauth.adapters.sqlalchemy.database import MAX_TRIES, retry_until_explained
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage, memory_engine
from flask_otpauth.core.challenges import GuessState
from flask_otpauth.core.errors import ConfigurationError, StorageUnavailable
from flask_otpauth.testing.storage_contract.code_races import CodeRaces
from flask_otpauth.testing.storage_contract.races import race_on_threads
from flask_otpauth.testing.storage_contract.samples import (
    NOON,
    Subject,
    digest_of,
    fresh_key,
    one_row,
    purged,
    two_rows,
)
from flask_otpauth.testing.storage_contract.sessions import session_of
from tests.adapters.databases import emptied, sqlite_engine, wait_for_a_waiter


@contextmanager
def disposing(engine: Engine) -> Iterator[Engine]:
    """The engine, whose connections are closed in the end."""
    try:
        yield engine
    finally:
        engine.dispose()


class GaveUp(Exception):
    """Leaves a transaction."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with disposing(sqlite_engine(tmp_path / "otpauth.sqlite")) as engine:
        yield engine


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[Engine]:
    with disposing(create_engine(postgresql_url)) as engine:
        yield engine


@pytest.fixture
def storage(engine: Engine) -> SqlAlchemyStorage:
    storage = SqlAlchemyStorage(engine)
    storage.create_all()
    return storage


# -- whose transaction, and at which level ------------------------------------------------------


def test_the_hosts_transaction_neither_commits_nor_undoes_ours(postgresql: Engine) -> None:
    storage = SqlAlchemyStorage(postgresql)
    emptied(storage)
    subject = one_row()

    with postgresql.connect() as host:
        host.execute(text("CREATE TABLE invoice (id INTEGER)"))
        storage.challenges.issue(subject.issue("111111"))
        host.rollback()

        assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED
        assert host.scalar(text("SELECT to_regclass('invoice')")) is None


def level_of(engine: Engine) -> tuple[str, bool]:
    """Isolation level and autocommit of a connection that the host takes."""
    with engine.connect() as host:
        return host.get_isolation_level(), cast("Any", host.connection.driver_connection).autocommit


@pytest.mark.parametrize("of_host", ["AUTOCOMMIT", "SERIALIZABLE", "REPEATABLE READ", "of the server"])
def test_on_postgresql_we_race_at_read_committed_whatever_the_hosts_level(
    postgresql_url: str, of_host: Any
) -> None:
    options: dict[str, Any] = {"isolation_level": of_host}
    if of_host == "of the server":
        options = {}
        postgresql_url += "%20-cdefault_transaction_isolation%3Dserializable"
    with disposing(create_engine(postgresql_url, pool_size=1, **options)) as engine:
        storage = SqlAlchemyStorage(engine)
        emptied(storage)
        before = level_of(engine)

        level = storage.database.prepare(select(func.current_setting("transaction_isolation")), writes=True)
        levels = level.rows()
        with storage.database.transaction():
            levels += level.rows()
        for subject in (one_row(), two_rows()):
            CodeRaces().test_of_50_right_guesses_one_is_accepted(
                storage, subject, partial(race_on_threads, storage)
            )

        assert levels == [("read committed",)] * 2
        assert level_of(engine) == before, "the host's own connections are as they were"


@pytest.fixture(params=[False, True], ids=["not watched", "watched"])
def serializable(request: pytest.FixtureRequest, postgresql_url: str) -> Iterator[Engine]:
    """An engine on a server with another level than ours. The host may listen to its events."""
    url = f"{postgresql_url}%20-cdefault_transaction_isolation%3Dserializable"
    with disposing(create_engine(url)) as engine:
        if request.param:
            event.listen(engine, "before_cursor_execute", lambda *_: None)
        yield engine


def test_a_single_read_begins_no_transaction_whatever_the_servers_level(serializable: Engine) -> None:
    level = select(func.current_setting("transaction_isolation"))

    # In a transaction of ours it would be "read committed".
    assert SqlAlchemyStorage(serializable).database.prepare(level).rows() == [("serializable",)]


@pytest.mark.parametrize("is_watched", [False, True])
def test_a_single_write_begins_no_transaction_if_the_server_has_our_level(
    postgresql_url: str, is_watched: bool
) -> None:
    with counted(postgresql_url) as (url, counter), disposing(create_engine(url)) as engine:
        if is_watched:
            event.listen(engine, "before_cursor_execute", lambda *_: None)
        one = SqlAlchemyStorage(engine).database.prepare(select(literal(1)), writes=True)
        one.rows()
        counter.take()

        assert one.rows() == [(1,)]
        assert counter.take().statements == 1


def test_a_single_write_has_our_level_whatever_the_servers_level(serializable: Engine) -> None:
    level = select(func.current_setting("transaction_isolation"))
    written = SqlAlchemyStorage(serializable).database.prepare(level, writes=True)

    assert written.rows() == [("read committed",)]


@pytest.mark.parametrize("end_all", ["close_all", "delete_all"])
def test_the_sessions_of_a_user_are_locked_in_the_order_of_their_ids(
    postgresql: Engine, end_all: str
) -> None:
    storage = SqlAlchemyStorage(postgresql)
    emptied(storage)
    for session_id in ("b", "a"):
        storage.sessions.open(replace(session_of("user"), id=session_id), closing_others=False)
    locking = "SELECT id FROM otpauth_sessions WHERE id = :id FOR UPDATE"

    with ThreadPoolExecutor(1) as pool, postgresql.connect() as other:
        other.execute(text(locking), {"id": "a"})
        arguments = ("user", NOON) if end_all == "close_all" else ("user",)
        ending = pool.submit(getattr(storage.sessions, end_all), *arguments)
        wait_for_a_waiter(postgresql, other)
        other.execute(text(f"{locking} NOWAIT"), {"id": "b"})
        other.rollback()

        assert ending.result(60) == 2


def begin_as_the_manual_says(engine: Engine) -> None:
    """SQLAlchemy's recipe for SQLite, which hosts use that want real savepoints."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")


@pytest.mark.parametrize(
    "host",
    [
        "as it comes",
        "autocommit",
        pytest.param(
            "no rollbacks",
            marks=pytest.mark.skipif(
                "skip_autocommit_rollback" not in signature(DefaultDialect).parameters,
                reason="older versions of SQLAlchemy have no such option",
            ),
        ),
        "its own BEGIN",
    ],
)
def test_on_sqlite_what_is_one_transaction_stays_one_whatever_the_hosts_engine_does(
    tmp_path: Path, host: str
) -> None:
    autocommit: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
    options = {
        "autocommit": autocommit,
        # SQLAlchemy rolls nothing back on a connection that commits by itself.
        "no rollbacks": {**autocommit, "skip_autocommit_rollback": True},
    }.get(host, {})
    with disposing(create_engine(f"sqlite:///{tmp_path}/otpauth.sqlite", **options)) as engine:
        if host == "its own BEGIN":
            begin_as_the_manual_says(engine)
        storage = SqlAlchemyStorage(engine)
        storage.create_all()
        pins = [fresh_key(), fresh_key()]

        with pytest.raises(GaveUp):
            _set_and_give_up(storage, pins)

        assert [storage.secrets.read(pin).hash for pin in pins] == [None, None]


def _set_and_give_up(storage: SqlAlchemyStorage, pins: list[bytes]) -> None:
    with storage.database.transaction():
        for pin in pins:
            storage.secrets.read(pin)
            storage.secrets.put(pin, "h1", replacing=None)
        raise GaveUp


def test_a_transaction_belongs_to_its_thread_even_where_the_context_is_handed_on(
    postgresql: Engine,
) -> None:
    storage = SqlAlchemyStorage(postgresql)
    emptied(storage)
    pin, other = fresh_key(), fresh_key()

    def give_up_halfway() -> None:
        with storage.database.transaction():
            storage.secrets.put(pin, "h1", replacing=None)
            context = contextvars.copy_context()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(context.run, lambda: storage.secrets.put(other, "h2", replacing=None)).result()
            raise GaveUp

    with pytest.raises(GaveUp):
        give_up_halfway()

    assert [storage.secrets.read(key).hash for key in (pin, other)] == [None, "h2"]


def test_a_single_write_commits_without_a_transaction(engine: Engine, storage: SqlAlchemyStorage) -> None:
    pin = fresh_key()
    storage.secrets.put(pin, "h1", replacing=None)

    assert storage.database.prepare(storage.tables.secrets.delete()).count() == 1

    assert SqlAlchemyStorage(engine).secrets.read(pin).hash is None


def test_a_host_that_listens_to_how_statements_are_executed_sees_ours(
    engine: Engine, storage: SqlAlchemyStorage
) -> None:
    executed: list[str] = []

    @event.listens_for(engine, "do_execute")
    def do_execute(_cursor: object, sql: str, *_: object) -> None:
        executed.append(sql.split(maxsplit=1)[0])

    storage.sessions.find("s")
    with storage.database.transaction():
        storage.sessions.find("s")

    assert executed == ["SELECT", "BEGIN", "SELECT"]


def test_opening_the_only_session_closes_no_other_if_it_fails(storage: SqlAlchemyStorage) -> None:
    session, of_another = session_of("user"), session_of("another")
    for each in (session, of_another):
        storage.sessions.open(each, closing_others=False)

    with pytest.raises(IntegrityError):
        storage.sessions.open(replace(session_of("user"), id=of_another.id), closing_others=True)

    assert storage.sessions.find(session.id) == session


def test_closing_all_sessions_starts_no_generation_if_it_fails(
    engine: Engine, storage: SqlAlchemyStorage
) -> None:
    storage.sessions.open(session_of("user"), closing_others=False)
    with engine.begin() as connection:
        fails = "CREATE TRIGGER fails BEFORE UPDATE ON otpauth_sessions BEGIN SELECT RAISE(ABORT, 'no'); END"
        connection.execute(text(fails))

    with pytest.raises(IntegrityError):
        storage.sessions.close_all("user", NOON)

    assert storage.sessions.generation("user") == 0


@pytest.mark.parametrize("database", ["engine", "postgresql"])
def test_tables_may_be_created_by_several_at_once(request: pytest.FixtureRequest, database: str) -> None:
    engine: Engine = request.getfixturevalue(database)
    storage = SqlAlchemyStorage(engine)
    storage.tables.metadata.drop_all(engine)
    barrier = threading.Barrier(4)

    def create() -> None:
        with engine.connect():
            barrier.wait(60)
        SqlAlchemyStorage(engine).create_all()

    with ThreadPoolExecutor(4) as pool:
        for created in [pool.submit(create) for _ in range(4)]:
            created.result(60)

    assert storage.challenges.issue(one_row().issue()).issued


def test_tables_that_cannot_be_created_are_an_error(postgresql_url: str) -> None:
    url = make_url(postgresql_url).update_query_dict({"options": "-csearch_path=nowhere"})
    with disposing(create_engine(url)) as engine, pytest.raises(StorageUnavailable, match="schema"):
        SqlAlchemyStorage(engine).create_all()


def test_a_single_write_is_committed_where_the_host_begins_each_transaction(tmp_path: Path) -> None:
    with disposing(create_engine(f"sqlite:///{tmp_path}/otpauth.sqlite")) as engine:

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        storage, pin = SqlAlchemyStorage(engine), fresh_key()
        storage.create_all()

        storage.secrets.put(pin, "h1", replacing=None)

        assert storage.secrets.read(pin).hash == "h1"


def test_a_connection_that_cannot_be_given_back_as_it_was_is_not_used_again(postgresql_url: str) -> None:
    with disposing(create_engine(postgresql_url, pool_size=1)) as engine:
        # The driver changes no connection with an open transaction.
        SqlAlchemyStorage(engine).database.prepare(text("BEGIN")).count()

        assert level_of(engine) == ("READ COMMITTED", False)


# -- outages ------------------------------------------------------------------------------------


def test_a_statement_that_failed_gives_its_connection_back_at_once(
    engine: Engine, storage: SqlAlchemyStorage
) -> None:
    storage.tables.metadata.drop_all(engine)
    busy = create_engine(engine.url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.05)
    with disposing(busy):
        sessions = SqlAlchemyStorage(busy).sessions

        with pytest.raises(StorageUnavailable) as caught:
            sessions.find("s")
        # The error may be kept, and what was on the stack with it.
        storage.create_all()

        assert sessions.find("s") is None
    assert "init-db" in str(caught.value)


@pytest.mark.parametrize("database", ["engine", "postgresql"])
def test_a_missing_table_is_told_with_the_command_that_makes_it(
    request: pytest.FixtureRequest, database: str
) -> None:
    storage = SqlAlchemyStorage(request.getfixturevalue(database))
    storage.tables.metadata.drop_all(storage.database.engine)

    with pytest.raises(StorageUnavailable, match="flask otpauth init-db"):
        storage.challenges.issue(one_row().issue())
    with pytest.raises(StorageUnavailable, match="flask otpauth init-db"):
        storage.sessions.find("s")


@pytest.mark.parametrize("database", ["engine", "postgresql"])
def test_a_missing_column_is_told_with_what_adds_it(request: pytest.FixtureRequest, database: str) -> None:
    storage = SqlAlchemyStorage(request.getfixturevalue(database))
    storage.tables.metadata.drop_all(storage.database.engine)
    storage.create_all()
    with storage.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE otpauth_sessions RENAME COLUMN person_key TO other"))

    with pytest.raises(StorageUnavailable, match="or your migrations"):
        storage.sessions.find("s")
    with pytest.raises(StorageUnavailable, match="or your migrations"):
        storage.sessions.open(session_of("user"), closing_others=False)
    storage.tables.metadata.drop_all(storage.database.engine)


def test_a_server_that_is_down_is_an_outage() -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        storage = SqlAlchemyStorage(create_engine(f"postgresql+psycopg://u:p4ssword@127.0.0.1:{port}/d"))

        with pytest.raises(StorageUnavailable) as writing:
            storage.challenges.issue(one_row().issue())
        with pytest.raises(StorageUnavailable) as reading:
            storage.sessions.find("s")

    assert "p4ssword" not in f"{writing.value} {reading.value}"


@pytest.mark.parametrize("subject", [one_row(), two_rows()])
def test_a_connection_that_is_cut_undoes_the_transaction_and_the_next_one_works(
    postgresql: Engine, subject: Subject
) -> None:
    storage = SqlAlchemyStorage(postgresql)
    emptied(storage)
    pin = fresh_key()

    def cut_halfway() -> None:
        with storage.database.transaction():
            storage.secrets.put(pin, "h1", replacing=None)
            [(pid,)] = storage.database.prepare(select(func.pg_backend_pid())).rows()
            with postgresql.connect() as administrator:
                administrator.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            storage.challenges.issue(subject.issue())

    with pytest.raises(StorageUnavailable):
        cut_halfway()

    assert storage.secrets.read(pin).hash is None
    assert storage.secrets.put(pin, "h3", replacing=None)


class ClosedCursor(psycopg.Cursor[Any]):
    """A cursor that finds its connection closed and calls it a mistake of the caller, as SQLite does."""

    def execute(self, *_: object, **__: object) -> Self:
        self.connection.close()
        raise psycopg.ProgrammingError("the connection was closed")


def test_a_connection_that_was_closed_is_an_outage_whatever_the_driver_calls_it(postgresql: Engine) -> None:
    storage = SqlAlchemyStorage(postgresql)
    emptied(storage)
    with postgresql.connect() as connection:
        cast("Any", connection.connection.driver_connection).cursor_factory = ClosedCursor

    with pytest.raises(StorageUnavailable, match="was closed"):
        storage.sessions.find("s")

    assert storage.sessions.find("s") is None


class InterruptedCursor(psycopg.Cursor[Any]):
    """A cursor whose thread is ended while it reads the answer."""

    def fetchall(self) -> list[Any]:
        self.connection.cursor_factory = psycopg.Cursor
        raise SystemExit


@pytest.mark.parametrize("is_watched", [False, True])
@pytest.mark.parametrize("database", ["engine", "postgresql"])
def test_a_connection_that_somebody_closed_is_an_outage_and_the_next_one_works(
    request: pytest.FixtureRequest, database: str, is_watched: bool
) -> None:
    engine: Engine = request.getfixturevalue(database)
    storage = SqlAlchemyStorage(engine)
    emptied(storage)
    if is_watched:
        event.listen(engine, "before_cursor_execute", lambda *_: None)
    engine.dispose()
    with engine.connect() as host:
        driver = cast("Any", host.connection.driver_connection)
    driver.close()

    with pytest.raises(StorageUnavailable, match="closed"):
        storage.challenges.redeem(one_row().guess("111111"))

    assert storage.challenges.redeem(one_row().guess("111111")).state is GuessState.NONE


def test_a_connection_whose_statement_was_interrupted_is_not_used_again(postgresql_url: str) -> None:
    with disposing(create_engine(postgresql_url, pool_size=1)) as engine:
        storage = SqlAlchemyStorage(engine)
        emptied(storage)
        who = storage.database.prepare(select(func.pg_backend_pid()))
        [before] = who.rows()
        with engine.connect() as connection:
            cast("Any", connection.connection.driver_connection).cursor_factory = InterruptedCursor

        with pytest.raises(SystemExit):
            who.rows()

        [after] = who.rows()
        assert after != before


@pytest.mark.parametrize("prepare_threshold", [0, 5], ids=["prepared", "by cursor"])
def test_after_a_cut_between_two_single_statements_the_whole_pool_is_renewed(
    postgresql_url: str, prepare_threshold: int
) -> None:
    pid, options = text("SELECT pg_backend_pid()"), {"prepare_threshold": prepare_threshold}
    with (
        disposing(create_engine(postgresql_url, connect_args=options)) as engine,
        disposing(create_engine(postgresql_url)) as other,
    ):
        storage = SqlAlchemyStorage(engine)
        emptied(storage)
        with engine.connect() as one, engine.connect() as two:
            pids = [one.scalar(pid), two.scalar(pid)]
        with other.connect() as administrator:
            for each in pids:
                administrator.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": each})

        with pytest.raises(StorageUnavailable):
            storage.sessions.find("s")

        assert [storage.sessions.find("s") for _ in range(2)] == [None, None]


class InterruptedSqlite(sqlite3.Connection):
    """A connection whose thread is ended in the midst of a statement, once."""

    is_ending = False

    def cursor(self, *given: Any) -> sqlite3.Cursor:
        if InterruptedSqlite.is_ending:
            InterruptedSqlite.is_ending = False
            return super().cursor(InterruptedSqliteCursor)
        return super().cursor(*given)


class InterruptedSqliteCursor(sqlite3.Cursor):
    """A cursor whose thread is ended while it executes a statement."""

    def execute(self, *_: object) -> Self:
        raise SystemExit


def test_a_transaction_that_was_interrupted_cannot_go_on(tmp_path: Path) -> None:
    options = {"connect_args": {"factory": InterruptedSqlite}}
    with disposing(create_engine(f"sqlite:///{tmp_path}/otpauth.sqlite", **options)) as engine:
        storage, pin = SqlAlchemyStorage(engine), fresh_key()
        storage.create_all()

        def go_on() -> None:
            with storage.database.transaction():
                storage.secrets.put(pin, "h1", replacing=None)
                InterruptedSqlite.is_ending = True
                with suppress(SystemExit):
                    storage.secrets.read(pin)
                storage.secrets.put(pin, "h2", replacing="any")

        with pytest.raises(StorageUnavailable, match="lost"):
            go_on()

        assert storage.secrets.read(pin).hash is None


@pytest.mark.parametrize("is_watched", [False, True])
def test_an_attempt_that_did_nothing_undoes_itself_alone(
    engine: Engine, storage: SqlAlchemyStorage, is_watched: bool
) -> None:
    if is_watched:
        event.listen(engine, "before_cursor_execute", lambda *_: None)
    kept, undone = fresh_key(), fresh_key()

    with storage.database.transaction():
        storage.secrets.put(kept, "h1", replacing=None)
        storage.database.attempt(lambda: storage.secrets.put(undone, "h2", replacing=None) and None)

    assert [storage.secrets.read(key).hash for key in (kept, undone)] == ["h1", None]


def test_the_exception_that_ends_a_thread_leaves_an_attempt_as_it_is(tmp_path: Path) -> None:
    options = {"connect_args": {"factory": InterruptedSqlite}}
    with disposing(create_engine(f"sqlite:///{tmp_path}/otpauth.sqlite", **options)) as engine:
        storage, pin = SqlAlchemyStorage(engine), fresh_key()
        storage.create_all()

        def interrupted() -> None:
            InterruptedSqlite.is_ending = True
            storage.secrets.put(pin, "h1", replacing=None)

        with pytest.raises(SystemExit):
            storage.atomically(lambda: storage.database.attempt(interrupted))

        assert storage.secrets.read(pin).hash is None


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sqlite3 has no such connections here")
@pytest.mark.parametrize("is_watched", [False, True])
@pytest.mark.parametrize("autocommit", [False, True])
def test_a_sqlite_connection_of_the_newer_kind_commits_and_rolls_back(
    tmp_path: Path, autocommit: bool, is_watched: bool
) -> None:
    options = {"connect_args": {"autocommit": autocommit}}
    with disposing(create_engine(f"sqlite:///{tmp_path}/otpauth.sqlite", **options)) as engine:
        if is_watched:
            event.listen(engine, "before_cursor_execute", lambda *arguments: None)
        storage = SqlAlchemyStorage(engine)
        storage.create_all()
        single, whole, undone = fresh_key(), fresh_key(), fresh_key()

        def fail() -> None:
            storage.secrets.put(undone, "h1", replacing=None)
            raise LookupError

        storage.secrets.put(single, "h1", replacing=None)
        storage.atomically(lambda: storage.secrets.put(whole, "h1", replacing=None))
        with pytest.raises(LookupError):
            storage.atomically(fail)

        with disposing(create_engine(engine.url)) as other:
            seen = SqlAlchemyStorage(other).secrets
            assert [seen.read(key).hash for key in (single, whole, undone)] == ["h1", "h1", None]


def test_a_connection_that_is_cut_before_the_commit_is_an_outage(postgresql: Engine) -> None:
    storage = SqlAlchemyStorage(postgresql)
    emptied(storage)
    pin = fresh_key()

    def cut_at_the_end() -> None:
        with storage.database.transaction():
            storage.secrets.put(pin, "h1", replacing=None)
            [(pid,)] = storage.database.prepare(select(func.pg_backend_pid())).rows()
            with postgresql.connect() as administrator:
                administrator.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    with pytest.raises(StorageUnavailable):
        cut_at_the_end()

    assert storage.secrets.read(pin).hash is None


def test_a_full_disk_is_an_outage_and_nothing_was_decided(engine: Engine, storage: SqlAlchemyStorage) -> None:
    subject = one_row()
    storage.challenges.issue(subject.issue("111111", references=("", "small")))
    engine.dispose()

    @event.listens_for(engine, "connect")
    def fill(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    with pytest.raises(StorageUnavailable, match="full"):
        storage.challenges.issue(subject.issue("222222", references=("", "large" * 10_000)))

    assert storage.challenges.reference(subject.challenge_key) == "small"


def test_a_pool_without_a_free_connection_is_an_outage(engine: Engine, storage: SqlAlchemyStorage) -> None:
    busy = create_engine(engine.url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.05)
    with disposing(busy), busy.connect(), pytest.raises(StorageUnavailable, match="free"):
        SqlAlchemyStorage(busy).sessions.find("s")


def test_a_mistake_of_the_caller_is_no_outage(storage: SqlAlchemyStorage) -> None:
    session = session_of("u")
    storage.sessions.open(session, closing_others=False)

    with pytest.raises(IntegrityError) as caught:
        storage.sessions.open(session, closing_others=False)

    assert session.id not in str(caught.value)


def test_a_value_that_is_too_large_for_the_driver_is_no_outage(storage: SqlAlchemyStorage) -> None:
    with pytest.raises(OverflowError):
        storage.sessions.close("s", 2**70)


def test_no_digest_reaches_the_engines_echo(
    engine: Engine, storage: SqlAlchemyStorage, caplog: pytest.LogCaptureFixture
) -> None:
    subject = one_row()
    with caplog.at_level(logging.DEBUG, "sqlalchemy.engine"):
        storage.challenges.issue(subject.issue("111111"))
        storage.sessions.find("a session's id")

    assert "INSERT INTO otpauth_challenges" in caplog.text
    assert repr(digest_of("111111")) not in caplog.text
    assert "a session's id" not in caplog.text


@pytest.mark.parametrize("url", ["oracle+oracledb://", "mssql+pyodbc://"])
def test_an_unsupported_database_is_refused_at_start(url: str) -> None:
    engine = cast("Engine", create_mock_engine(url, lambda *_: None))

    with pytest.raises(ConfigurationError, match="use postgresql, mysql, mariadb or sqlite"):
        SqlAlchemyStorage(engine)


# -- an operation whose row others keep changing --------------------------------------------------


def test_what_nothing_explains_any_more_is_tried_again() -> None:
    attempts = iter([None, None, "done"])
    explanations: list[None] = []

    result = retry_until_explained(lambda: next(attempts), lambda: explanations.append(None))

    assert result == "done"
    assert len(explanations) == 2


def test_it_is_not_tried_for_ever() -> None:
    attempts: list[None] = []

    with pytest.raises(StorageUnavailable):
        retry_until_explained(lambda: attempts.append(None), lambda: None)

    assert len(attempts) == MAX_TRIES


def test_threads_take_turns_on_a_database_in_memory() -> None:
    inside = threading.Event()
    pin = fresh_key()

    with disposing(memory_engine()) as engine, ThreadPoolExecutor(1) as pool:
        storage = SqlAlchemyStorage(engine)
        storage.create_all()

        def read_meanwhile() -> str | None:
            inside.wait(60)
            return storage.secrets.read(pin).hash

        reading = pool.submit(read_meanwhile)
        with storage.database.transaction():
            storage.secrets.put(pin, "h1", replacing=None)
            inside.set()
            storage.secrets.put(pin, "h2", replacing="h1")

        assert reading.result(60) == "h2"


def test_a_purge_counts_what_it_deleted(storage: SqlAlchemyStorage) -> None:
    storage.challenges.issue(two_rows().issue())

    assert [purged(storage, NOON * 2), purged(storage, NOON * 2)] == [2, 0]
