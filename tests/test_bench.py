"""``python -m bench``: each part runs in a small size, and figures come out. What they are is not tested."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from bench import costs, databases, floor
from bench.__main__ import main
from bench.wire import Cost, counted
from tests.services import MARIADB_ADDRESS, POSTGRESQL_ADDRESS, listens, need

NUMBER = re.compile(r"\d")
SERVERS = {"postgresql": POSTGRESQL_ADDRESS, "mariadb": MARIADB_ADDRESS}
TINY = "--rounds 1 --seconds 0.1 --clients 2 --rows 10 20 --starts 1"


def need_server(kind: str) -> None:
    if kind in SERVERS:
        need(kind, listens(SERVERS[kind]))


def figures(output: str) -> dict[str, list[str]]:
    """The cells of each row of the first table, by the row's name."""
    rows = [re.split(r" *\| *", line)[1:-1] for line in output.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows if row[0] not in ("", "---")}


@pytest.mark.parametrize(
    ("part", "database", "names"),
    [
        ("costs", "sqlite", ["floor", "product"]),
        ("logins", "sqlite", ["floor", "product"]),
        ("logins", "sqlite-wal", ["floor", "product"]),
        ("logins", "postgresql", ["floor", "product"]),
        ("costs", "mariadb", ["floor", "product"]),
        ("protected", "sqlite", ["floor", "product"]),
        ("growth", "postgresql", ["10 rows", "20 rows"]),
        (
            "cold-start",
            "sqlite",
            [
                "import of the required dependencies",
                "import of `OtpAuth`",
                "a host with Flask-SQLAlchemy, PostgreSQL",
                "`init_app` with five flows there",
                "`init_app` with five flows there, SQLite",
            ],
        ),
    ],
)
def test_a_part_shows_figures_for_everything_that_it_measures(
    part: str, database: str, names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    need_server(database)

    main(f"--parts {part} --databases {database} {TINY}".split())

    shown = figures(capsys.readouterr().out)
    assert list(shown) == names
    assert all(NUMBER.match(cell) for cells in shown.values() for cell in cells)


def test_a_server_that_does_not_answer_is_named_and_the_others_are_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(databases.SERVERS, "postgresql", "postgresql+psycopg://nobody@127.0.0.1:9/none")

    main(["--parts", "costs", "--databases", "postgresql", "sqlite"])

    output = capsys.readouterr().out
    assert "Not measured: no server answers at postgresql+psycopg://nobody@127.0.0.1:9/none" in output
    assert list(figures(output)) == ["floor", "product"]


@pytest.mark.parametrize("kind", databases.KINDS)
def test_a_request_of_the_floor_is_one_transaction_with_two_statements(kind: str) -> None:
    need_server(kind)

    cost = costs.count(floor, kind)

    # PyMySQL sends no BEGIN: the database begins a transaction with the first statement.
    statements = 3 if kind == "mariadb" else 4
    round_trips = 0 if kind in databases.FILES else statements
    assert cost.request_otp == cost.verify_otp == Cost(statements, commits=1, round_trips=round_trips)
    assert cost.protected == Cost(1, commits=0, round_trips=min(1, round_trips))


WRITE = "INSERT INTO things VALUES (1)"
READ = "SELECT * FROM things"


def commit(connection: Connection) -> None:
    connection.execute(text(WRITE))
    connection.execute(text(READ))
    connection.commit()


def commit_nothing(connection: Connection) -> None:
    connection.execute(text(READ))
    connection.commit()


def roll_back(connection: Connection) -> None:
    connection.execute(text(WRITE))
    connection.rollback()


def write_alone(connection: Connection) -> None:
    connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(WRITE))
    connection.rollback()  # it is SQLAlchemy alone that takes this for a transaction


@pytest.mark.parametrize(
    ("work", "prepare_threshold", "cost"),
    [
        (commit, None, Cost(4, 1, 4)),
        (commit, 0, Cost(4, 1, 4)),
        (commit_nothing, None, Cost(3, 0, 3)),
        (roll_back, None, Cost(3, 0, 3)),
        (write_alone, None, Cost(1, 1, 1)),
        (write_alone, 0, Cost(1, 1, 1)),
    ],
)
def test_statements_commits_and_round_trips_are_counted_on_the_wire(
    work: Callable[[Connection], None], prepare_threshold: int | None, cost: Cost
) -> None:
    need_server("postgresql")
    options = {"connect_args": {"prepare_threshold": prepare_threshold}}
    with (
        databases.new_database("postgresql") as direct,
        counted(direct) as (url, counter),
        databases.engine_of(url, **options) as engine,
        engine.connect() as connection,
    ):
        connection.execute(text("CREATE TABLE things (id integer)"))
        connection.commit()
        # psycopg waits for the server when it prepares a statement, which it does once.
        work(connection)
        counter.take()

        work(connection)

        assert counter.take() == cost
