"""Statements that psycopg prepares on the server: what they return, and when the host's own way is taken."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from enum import Enum
from time import monotonic
from typing import Any, TypeVar, cast

import psycopg
import pytest
from psycopg.types.string import TextLoader
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.exc import DataError

from flask_otpauth.adapters.sqlalchemy.database import Database
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared
from flask_otpauth.core.errors import StorageUnavailable

T = TypeVar("T")
THINGS = Table(
    "things",
    MetaData(),
    Column("name", String),
    Column("number", Integer),
    Column("is_new", Boolean),
    Column("raw", LargeBinary),
    Column("added_on", Date),
)
NAMES = [column.name for column in THINGS.columns]
ROW: dict[str, Any] = {
    "name": "Đỗ %s '",
    "number": -5,
    "is_new": False,
    "raw": b"\0\xff'\\",
    "added_on": None,
}


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    """An engine with one connection, which prepares a statement at its first use, and an empty table."""
    engine = create_engine(postgresql_url, pool_size=1, max_overflow=0)
    with engine.begin() as connection:
        THINGS.drop(connection, checkfirst=True)
        THINGS.create(connection)
    # At once. Before that, psycopg has prepared nothing, which it would deallocate later because of the DROP.
    connection_of(engine).prepare_threshold = 0
    yield engine
    engine.dispose()


def inserting(engine: Engine) -> Prepared:
    values = {name: bindparam(f"new_{name}", type_=THINGS.c[name].type) for name in NAMES}
    return Database(engine).prepare(THINGS.insert().values(values).returning(THINGS))


def insert(statement: Prepared, **changes: object) -> list[Any]:
    return statement.rows(**{f"new_{name}": value for name, value in {**ROW, **changes}.items()})


def prepared_by_us(engine: Engine, what: str = "count(*)") -> int:
    """How many statements the connection has prepared in this way, or what else is known of them."""
    with engine.connect() as connection:
        query = f"SELECT {what} FROM pg_prepared_statements WHERE name LIKE 'otpauth~_%' ESCAPE '~'"
        return cast("int", connection.scalar(text(query)))


def connection_of(engine: Engine) -> Any:
    """The driver's only connection."""
    with engine.connect() as connection:
        return connection.connection.driver_connection


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": "", "number": 2**31 - 1, "is_new": True, "raw": b""},
        {"name": None, "number": None, "is_new": None, "raw": None},
    ],
)
def test_values_come_back_as_they_were_sent(engine: Engine, changes: dict[str, object]) -> None:
    statement = inserting(engine)

    for _ in range(2):
        assert insert(statement, **changes) == [tuple({**ROW, **changes}.values())]
    assert prepared_by_us(engine) == 1


def test_rows_are_counted_and_committed(engine: Engine) -> None:
    insert(inserting(engine))
    insert(inserting(engine))
    doubling = Database(engine).prepare(THINGS.update().values(number=THINGS.c.number * 2))

    assert [doubling.count(), doubling.count()] == [2, 2]
    with engine.connect() as connection:
        assert connection.scalar(select(func.sum(THINGS.c.number))) == -40


class Size(Enum):
    LARGE = "l"


class Name(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"added_on": date(2026, 11, 30)}, {"added_on": date(2026, 11, 30)}),
        ({"name": Name("of a host's type")}, {"name": "of a host's type"}),
        ({"name": Size.LARGE}, {"name": "LARGE"}),
    ],
)
def test_a_value_of_another_type_is_left_to_the_cursor(
    engine: Engine, given: dict[str, object], stored: dict[str, object]
) -> None:
    assert insert(inserting(engine), **given) == [tuple({**ROW, **stored}.values())]
    assert prepared_by_us(engine) == 0


def test_a_connection_of_the_host_has_its_own_ways_to_convert_columns(postgresql_url: str) -> None:
    engine = create_engine(postgresql_url, pool_size=1, max_overflow=0, connect_args={"prepare_threshold": 0})

    @event.listens_for(engine, "connect")
    def read_numbers_as_texts(connection: psycopg.Connection, *_: object) -> None:
        connection.adapters.register_loader("int4", TextLoader)

    statement = Database(engine).prepare(select(literal_column("1::integer"), literal_column("'x'::text")))

    assert [statement.rows() for _ in range(3)] == [[("1", "x")]] * 3
    assert prepared_by_us(engine) == 1
    engine.dispose()


@pytest.mark.parametrize(("name", "error"), [("before\0after", DataError), ("\ud800", UnicodeEncodeError)])
def test_a_text_that_cannot_be_stored_is_refused_and_not_cut_off(
    engine: Engine, name: str, error: type[Exception]
) -> None:
    statement = inserting(engine)

    with pytest.raises(error):
        insert(statement, name=name)

    assert Database(engine).prepare(select(THINGS)).rows() == []


def test_an_error_of_the_server_is_the_one_that_the_cursor_raises(engine: Engine) -> None:
    statement = Database(engine).prepare(select(1 // THINGS.c.number))
    insert(inserting(engine), number=0)

    with pytest.raises(DataError, match="division by zero") as raised:
        statement.rows()

    assert isinstance(raised.value.__cause__, psycopg.errors.DivisionByZero)
    assert connection_of(engine).info.transaction_status.name == "IDLE"


def test_a_missing_table_is_an_outage_that_says_what_to_do(engine: Engine) -> None:
    statement = Database(engine).prepare(select(THINGS))
    with engine.begin() as connection:
        THINGS.drop(connection)

    with pytest.raises(StorageUnavailable, match="flask otpauth init-db"):
        statement.rows()


@pytest.mark.parametrize(
    "between",
    ["DISCARD ALL", "DEALLOCATE ALL", "SET search_path TO {}"],
)
def test_what_happens_on_the_connection_in_between_does_no_harm(engine: Engine, between: str) -> None:
    statement = inserting(engine)
    insert(statement)
    connection = connection_of(engine)
    # A rollback would do too much: after it, psycopg deallocates all statements.
    connection.autocommit = True
    path = connection.execute("SHOW search_path").fetchone()[0]
    connection.execute(between.format(path))
    connection.execute(f"SET search_path TO {path}")
    connection.autocommit = False

    for number in (2**31 - 1, 5, 6):
        assert insert(statement, number=number)[0][1] == number
    with engine.connect() as host:
        assert host.scalar(select(func.count()).select_from(THINGS)) == 4


def test_after_a_rollback_of_the_host_a_statement_is_prepared_again(engine: Engine) -> None:
    statement = inserting(engine)
    for _ in range(2):
        insert(statement)
        with engine.connect() as host:
            host.execute(text("SELECT 1"))
            host.rollback()

    assert [insert(statement)[0][1] for _ in range(3)] == [-5] * 3
    assert prepared_by_us(engine) == 1


def test_a_migration_may_change_the_type_of_a_column(engine: Engine, postgresql_url: str) -> None:
    statement = inserting(engine)
    insert(statement)
    other = create_engine(postgresql_url)
    with other.begin() as connection:
        connection.execute(text("ALTER TABLE things ALTER number TYPE bigint"))
    other.dispose()

    for number in (2**31 - 1, 5, 6):
        assert insert(statement, number=number)[0][1] == number
    # After the first of these it was prepared anew, and executed twice.
    assert prepared_by_us(engine, "sum(generic_plans + custom_plans)") == 2


def test_a_host_that_wants_nothing_prepared_gets_nothing_prepared(engine: Engine) -> None:
    connection_of(engine).prepare_threshold = None

    for _ in range(8):
        insert(inserting(engine))

    assert prepared_by_us(engine) == 0


@pytest.mark.parametrize("threshold", [1, 5])
def test_a_connection_prepares_a_statement_when_it_executes_it_again(engine: Engine, threshold: int) -> None:
    connection_of(engine).prepare_threshold = threshold
    seen = []

    for _ in range(3):
        insert(inserting(engine))
        seen.append(prepared_by_us(engine))

    assert seen == [0, 1, 1]


def test_a_plan_that_was_made_for_an_empty_table_is_not_kept(engine: Engine) -> None:
    connection_of(engine).prepare_threshold = 5
    query = select(THINGS.c.number).where(THINGS.c.name == bindparam("name", type_=THINGS.c.name.type))
    statement = Database(engine).prepare(query)

    def plan() -> str:
        name = prepared_by_us(engine, "max(name)")
        with engine.connect() as connection:
            return "\n".join(connection.scalars(text(f"EXPLAIN EXECUTE {name}('any')")))

    with engine.begin() as connection:
        connection.execute(text("CREATE INDEX by_name ON things (name)"))
        connection.execute(text("ALTER TABLE things SET (autovacuum_enabled = off)"))
    # Analyzed while it is empty, or else PostgreSQL expects ten pages.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE things"))
    for _ in range(12):
        statement.rows(name="any")
    assert "Seq Scan" in plan()
    with engine.begin() as connection:
        rows = "SELECT n, 'name ' || n FROM generate_series(1, 10000) AS n"
        connection.execute(text(f"INSERT INTO things (number, name) {rows}"))

    assert "Seq Scan" in plan()
    for _ in range(8):
        statement.rows(name="any")
    assert "by_name" in plan()


def test_a_statement_of_which_the_connection_only_seems_to_know_is_executed(engine: Engine) -> None:
    connection_of(engine).prepare_threshold = 5
    insert(inserting(engine))
    connection_of(engine).prepare_threshold = 0

    assert insert(inserting(engine)) == [tuple(ROW.values())]


def test_the_cursors_of_the_host_are_used(engine: Engine) -> None:
    seen = []

    class Watched(psycopg.Cursor[Any]):
        def execute(self, query: Any, *given: Any, **options: Any) -> Any:
            seen.append(query)
            return super().execute(query, *given, **options)

    connection_of(engine).cursor_factory = Watched

    insert(inserting(engine))

    assert len(seen) == 1
    assert prepared_by_us(engine) == 0


def test_another_encoding_of_the_connection_is_respected(engine: Engine) -> None:
    connection_of(engine).execute("SET client_encoding TO latin1")
    connection_of(engine).commit()

    assert insert(inserting(engine), name="é") == [tuple({**ROW, "name": "é"}.values())]
    connection_of(engine).execute("SET client_encoding TO utf8")
    connection_of(engine).commit()
    assert Database(engine).prepare(select(THINGS.c.name)).rows() == [("é",)]


def test_a_transaction_that_the_host_left_open_is_not_joined(engine: Engine) -> None:
    """Otherwise the pool would undo what the statement did, after it was reported as done."""
    statement, driver = inserting(engine), connection_of(engine)
    driver.execute("SELECT 1")

    with pytest.raises(StorageUnavailable):
        insert(statement)

    assert insert(statement) == [tuple(ROW.values())]


def in_a_thread(work: Callable[[], T]) -> T:
    """Do ``work`` as a server with threads does. No interrupt reaches it there, so it waits in libpq."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


def test_a_thread_gets_the_same_answers_and_errors(engine: Engine) -> None:
    statement = inserting(engine)
    dividing = Database(engine).prepare(select(1 // THINGS.c.number))

    assert [in_a_thread(lambda: insert(statement)) for _ in range(2)] == [[tuple(ROW.values())]] * 2
    insert(statement, number=0)
    with pytest.raises(DataError, match="division by zero"):
        in_a_thread(dividing.rows)
    assert prepared_by_us(engine) == 2


def test_a_thread_that_waits_lets_the_others_run(engine: Engine, postgresql_url: str) -> None:
    other = create_engine(postgresql_url)
    locking = Database(engine).prepare(select(literal_column("pg_advisory_xact_lock(42)::text")))
    in_a_thread(locking.rows)
    with other.connect() as holder, ThreadPoolExecutor(1) as threads:
        holder.execute(text("SELECT pg_advisory_xact_lock(42)"))
        waiting = threads.submit(locking.rows)
        blocked = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        give_up_at = monotonic() + 30
        while not holder.scalar(blocked) and monotonic() < give_up_at:
            pass
        assert not waiting.done()
        holder.rollback()
        assert waiting.result() == [("",)]
    other.dispose()


def test_a_thread_whose_connection_is_cut_reports_an_outage_and_gets_another(
    engine: Engine, postgresql_url: str
) -> None:
    ending = Database(engine).prepare(select(literal_column("pg_terminate_backend(pg_backend_pid())::text")))
    insert(inserting(engine))

    with pytest.raises(StorageUnavailable, match="database error"):
        in_a_thread(ending.rows)

    assert in_a_thread(lambda: insert(inserting(engine))) == [tuple(ROW.values())]


def test_a_thread_on_a_connection_that_was_cut_before_reports_an_outage(
    engine: Engine, postgresql_url: str
) -> None:
    statement = inserting(engine)
    insert(statement)
    cut(postgresql_url, connection_of(engine).info.backend_pid)

    with pytest.raises(StorageUnavailable, match="database error"):
        in_a_thread(lambda: insert(statement))

    assert in_a_thread(lambda: insert(statement)) == [tuple(ROW.values())]


def test_a_greenlet_lets_others_run_by_the_wait_of_psycopg(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = []

    def wait(*given: Any, **options: Any) -> Any:
        waits.append(1)
        return psycopg.waiting.wait_poll(*given, **options)

    monkeypatch.setattr(psycopg.waiting, "wait", wait)
    statement = inserting(engine)
    insert(statement)
    waits.clear()

    in_a_thread(lambda: insert(statement))

    assert waits


def cut(url: str, pid: int) -> None:
    other = create_engine(url)
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    other.dispose()


def test_an_interrupted_statement_ends_with_its_connection(engine: Engine, postgresql_url: str) -> None:
    who = Database(engine).prepare(select(func.pg_backend_pid()))
    [(before,)] = who.rows()
    waiting = Database(engine).prepare(select(func.pg_sleep(60)))

    def end(*_: object) -> None:
        raise SystemExit

    previous = signal.signal(signal.SIGUSR1, end)
    interrupting = threading.Thread(target=_interrupt, args=(postgresql_url, before))
    interrupting.start()
    try:
        with pytest.raises(SystemExit):
            waiting.rows()
    finally:
        interrupting.join()
        signal.signal(signal.SIGUSR1, previous)

    assert who.rows() != [(before,)]


def _interrupt(url: str, pid: int) -> None:
    """Send a signal to the main thread as soon as the server works on its statement."""
    working = text("SELECT 1 FROM pg_stat_activity WHERE pid = :pid AND wait_event = 'PgSleep'")
    other = create_engine(url)
    give_up_at = monotonic() + 30
    while monotonic() < give_up_at:
        with other.connect() as connection:
            if connection.scalar(working, {"pid": pid}):
                break
    other.dispose()
    signal.raise_signal(signal.SIGUSR1)
