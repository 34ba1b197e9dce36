"""The page on operations: its commands are run on an app, and its SQL on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import create_engine, text

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.testing import MovableClock, Outbox
from tests.adapters.databases import postgresql_schema
from tests.docs.page_host import PageHost
from tests.docs.shell import DOCS, blocks
from tests.hosts import MakeApp

PAGE = "operations.md"


def test_the_commands_of_the_page_print_what_it_shows(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    host = PageHost(make_app, {}, outbox, clock)

    host.replay(DOCS / PAGE)

    assert host.commands == len(blocks(PAGE, "console")) > 0


def test_the_sql_of_the_page_runs_on_postgresql() -> None:
    with postgresql_schema() as url:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        SqlAlchemyStorage(engine).create_all()
        with engine.connect() as connection:
            results = [
                connection.execute(text(statement))
                for block in blocks(PAGE, "sql")
                for statement in block.split(";")
                if statement.strip()
            ]
        engine.dispose()

    assert len(results) >= 3
    assert {row.table for row in results[0]} >= {"otpauth_challenges", "otpauth_sessions"}
