"""
No statement of a request or of a purge reads a table as a whole, however many rows it has.

The statements are those that an app executes while it answers the calls of all API pages. So a statement
of a new call is examined, too. PostgreSQL plans by its statistics, so it gets those of a million rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Boolean, Column, Connection, Engine, Integer, LargeBinary, event, text

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.core.circuits import KEPT_MS, CircuitPolicy, Evidence, SendAttempt
from flask_otpauth.core.instants import DAY
from flask_otpauth.flows import FLOWS
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.testing.storage_contract.deliveries import LEASE, delivery
from flask_otpauth.testing.storage_contract.samples import NOON, cap_of, fresh_key, two_rows
from tests.adapters.databases import database_of
from tests.docs.page_host import PageHost
from tests.docs.test_api_pages import API, with_profile
from tests.hosts import MakeApp

ROWS = 1_000_000
#: How many rows are really there. The table has fewer pages than with all rows, which makes it cheaper to
#: read as a whole, and so the test is a little stricter.
WRITTEN = 20_000
#: The id of the first user who is created by a command, where the page has shown others before.
NEXT_ID = {"account": 124}

#: The values of a statement, by its SQL.
Statements = dict[str, Any]


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass
class Recorder:
    """Keeps the statements of apps."""

    statements: Statements = field(default_factory=dict)
    engines: list[Engine] = field(default_factory=list)

    def listen_to(self, app: Flask) -> Flask:
        """Keep what the app executes from now on."""
        engine = app.extensions["otpauth"].services.upkeep.storage.database.engine
        event.listen(engine, "before_cursor_execute", self._note)
        self.engines.append(engine)
        return app

    def _note(self, _connection: object, _cursor: object, sql: str, values: object, *_: object) -> None:
        if re.match("SELECT|INSERT|UPDATE|DELETE|WITH", sql):
            # The newest values, because the first of a purge are those of the beginning of a table.
            self.statements[sql] = values


@pytest.fixture
def statements(
    kind: str, make_app: MakeApp, outbox: Outbox, clock: MovableClock, tmp_path: Path
) -> Iterator[Statements]:
    """The statements of all calls and of a purge, each with the values of one execution."""
    recorder, start = Recorder(), clock()

    def listened(flow: str, **settings: Any) -> Flask:
        app = recorder.listen_to(with_profile(make_app(**settings)))
        if kind == "postgresql":
            # A page may write users with ids of their own, which a sequence does not notice.
            with recorder.engines[-1].begin() as connection:
                restart = f"ALTER SEQUENCE otpauth_users_id_seq RESTART WITH {NEXT_ID.get(flow, 1)}"
                connection.execute(text(restart))
        return app

    for flow in FLOWS:
        (tmp_path / flow).mkdir()
        with database_of(kind, tmp_path / flow) as url:
            host = PageHost(partial(listened, flow), {"flows": (flow,), "database_uri": url}, outbox, clock)
            host.replay(API / f"{flow}.md")
            upkeep = host.app.extensions["otpauth"].services.upkeep
            upkeep.storage.challenges.issue(two_rows().issue(cap=cap_of(1)))
            deliver(upkeep.storage)
            probe(upkeep.storage)
            clock.tick(days=400)
            list(upkeep.purge(DAY, 1000, dry_run=False))
        clock.tick((start - clock()).total_seconds())
    yield recorder.statements
    for engine in recorder.engines:
        engine.dispose()


def deliver(storage: SqlAlchemyStorage) -> None:
    """Execute the statements about messages on their way."""
    row = delivery(challenge_key=fresh_key())
    storage.deliveries.add(row)
    storage.deliveries.due(NOON, 10)
    storage.deliveries.claim(row.id, NOON, LEASE)
    storage.deliveries.find_sent("twilio", "SM1")


def probe(storage: SqlAlchemyStorage) -> None:
    """Execute the statements about a sender that failed."""
    attempt = SendAttempt("acme", "nonce", CircuitPolicy(limit=1), NOON)
    storage.circuits.note(attempt, Evidence.FAILS, NOON)
    storage.circuits.admit(replace(attempt, now_ms=NOON + KEPT_MS))


def test_each_statement_finds_its_rows_by_an_index(
    kind: str, statements: Statements, make_app: MakeApp, tmp_path: Path
) -> None:
    assert len(statements) >= 50
    with database_of(kind, tmp_path) as url:
        storage = make_app(database_uri=url).extensions["otpauth"].services.upkeep.storage
        with storage.database.engine.connect() as connection:
            grow, whole_reads = DATABASES[kind]
            grow(connection, storage)
            read_whole = {sql: whole_reads(connection, sql, statements[sql]) for sql in statements}
        storage.database.engine.dispose()

    assert {sql: plan for sql, plan in read_whole.items() if plan} == {}


# -- SQLite -----------------------------------------------------------------------------------


def leave(connection: Connection, storage: SqlAlchemyStorage) -> None:
    """Do nothing: SQLite takes each table for a large one, as long as nobody calls ``ANALYZE``."""


def scans_of_sqlite(connection: Connection, sql: str, values: Any) -> list[str]:
    """Return what SQLite says about tables that it reads as a whole."""
    plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    made = {line.split()[1] for line in plan if line.startswith(("CO-ROUTINE", "MATERIALIZE"))}
    return [line for line in plan if line.startswith("SCAN ") and line.split()[1] not in {*made, "CONSTANT"}]


# -- PostgreSQL -------------------------------------------------------------------------------


def fill_postgresql(connection: Connection, storage: SqlAlchemyStorage) -> None:
    """Write rows, each with other values, and tell the planner that there are a million of them."""
    for table in storage.tables.metadata.sorted_tables:
        columns, values = (
            ", ".join(f'"{column.name}"' for column in table.c),
            ", ".join(map(value_in_postgresql, table.c)),
        )
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM generate_series(1, {WRITTEN}) AS n"
        )
        connection.exec_driver_sql(f"ANALYZE {table}")
        connection.exec_driver_sql(f"UPDATE pg_class SET reltuples = {ROWS} WHERE oid = '{table}'::regclass")


def value_in_postgresql(column: Column[Any]) -> str:
    """Return the value of a column in row n, which is another one in each row."""
    if isinstance(column.type, Boolean):
        return "false"
    if isinstance(column.type, Integer):
        return "n"
    digits = "lpad(n::text, 16, '0')"
    return f"sha256({digits}::bytea)" if isinstance(column.type, LargeBinary) else digits


def scans_of_postgresql(connection: Connection, sql: str, values: Any) -> list[str]:
    """Return the parts of a plan that read a whole table, for these values and for any."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    numbered = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", sql)
    # As psycopg does, say the types that PostgreSQL would not guess.
    types = ", ".join({bytes: "bytea", bool: "boolean"}.get(type(values[name]), "unknown") for name in names)
    nulls = ", ".join("NULL" for _ in names)
    connection.exec_driver_sql(f"PREPARE statement ({types}) AS {numbered}")
    connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
    explained = [f"EXECUTE statement ({nulls})"]
    if "last_0" not in values:
        # With its values, a purge of the few rows of a page would read most of the million.
        explained.append(sql)
    plans = [connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {each}", values) for each in explained]
    connection.exec_driver_sql("DEALLOCATE statement")
    return [line for plan in plans for line in whole_parts(plan.scalar_one()[0]["Plan"])]


def whole_parts(plan: dict[str, Any]) -> Iterator[str]:
    """Yield the parts of a plan that read a table, or an index, from its beginning to its end."""
    kind = plan["Node Type"]
    is_index = kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan")
    if kind == "Seq Scan" or (is_index and "Index Cond" not in plan):
        yield f"{kind} on {plan.get('Relation Name', plan.get('Index Name'))}"
    for part in plan.get("Plans", ()):
        yield from whole_parts(part)


# -- MariaDB ----------------------------------------------------------------------------------


def fill_mariadb(connection: Connection, storage: SqlAlchemyStorage) -> None:
    """Write rows, each with other values, and tell the planner that there are a million of them."""
    for table in storage.tables.metadata.sorted_tables:
        names, values = (
            ", ".join(f"`{column.name}`" for column in table.c),
            ", ".join(map(value_in_mariadb, table.c)),
        )
        connection.exec_driver_sql(f"INSERT INTO {table} ({names}) SELECT {values} FROM seq_1_to_{WRITTEN}")
    rows = f"UPDATE mysql.innodb_table_stats SET n_rows = {ROWS} WHERE database_name = DATABASE()"
    connection.exec_driver_sql(rows)
    connection.commit()
    connection.exec_driver_sql("FLUSH TABLES")


def value_in_mariadb(column: Column[Any]) -> str:
    """Return the value of a column in the row of ``seq``, which is another one in each row."""
    if isinstance(column.type, Boolean):
        return "false"
    if isinstance(column.type, Integer):
        return "seq"
    digits = "lpad(seq, 16, '0')"
    return f"unhex(sha2({digits}, 256))" if isinstance(column.type, LargeBinary) else digits


def scans_of_mariadb(connection: Connection, sql: str, values: Any) -> list[str]:
    """Return the tables that MariaDB reads from the beginning to the end of the table or of an index."""
    plan = connection.exec_driver_sql(f"EXPLAIN {sql}", values)
    return [str(row) for row in plan if row.type in ("ALL", "index") and row.rows is not None]


#: How a table of a database gets its rows, and how its plans are read.
DATABASES = {
    "sqlite": (leave, scans_of_sqlite),
    "postgresql": (fill_postgresql, scans_of_postgresql),
    "mariadb": (fill_mariadb, scans_of_mariadb),
}
