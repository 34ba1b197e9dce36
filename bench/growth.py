"""The requests of a login with few and with many rows in the tables, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from statistics import median

from sqlalchemy import inspect, text

from bench import load
from bench.apps import APPS
from bench.databases import engine_of, new_database, server_process, settle
from bench.load import log_in_and_read
from bench.people import USERS
from bench.rounds import Plan, Sample, Side, disturbances, progress, ratios, spread, take_turns
from bench.servers import Server, gunicorn

#: The tables that have rows for each user, and what differs between row n and the others. Every second
#: session is a closed one of a user who logs in while this is measured.
TABLES = {
    "otpauth_users": {
        "email": "'other' || n || '@example.com'",
        "email_key": "'other' || n || '@example.com'",
        "person_key": "md5(n::text)",
    },
    "otpauth_challenges": {"key": "sha256(n::text::bytea)"},
    "otpauth_sessions": {
        "id": "md5('session' || n)",
        "user_id": f"CASE n % 2 WHEN 0 THEN (n / 2 % {USERS} + 1)::text ELSE 'other' || n END",
        "alone_for": "CASE n % 2 WHEN 1 THEN 'other' || n END",
        "closed_at": "CASE n % 2 WHEN 0 THEN one.rotated_at END",
        "person_key": "md5(n::text)",
    },
}


REQUESTS = ("request-otp", "verify-otp", "protected")


def measure(sizes: Sequence[int], plan: Plan) -> Iterator[str]:
    """
    Measure one client with each number of rows, in turns. Yield a table.

    :raises Unavailable: if the server does not answer.
    """
    # With several clients, a request would also wait for the others.
    plan = replace(plan, clients=(1,))
    with ExitStack() as stack:
        servers: dict[str, Server] = {}
        urls = [stack.enter_context(new_database("postgresql")) for _ in sizes]
        for size, url in zip(sizes, urls, strict=True):
            progress(f"growth: {size:,} rows")
            APPS["product"].set_up(url)
            server = stack.enter_context(gunicorn("product", url, 2, 8))
            load.run(server.port, log_in_and_read, clients=1, seconds=0)
            add_rows(url, size)
            servers[f"{size:,} rows"] = server
        sides = [Side(name, server, log_in_and_read) for name, server in servers.items()]
        samples = take_turns(sides, plan, server_process(urls[0]), lambda: settle(*urls))
    yield _table(samples)


def _table(samples: Sequence[Sample]) -> str:
    sides = list(dict.fromkeys(sample.side for sample in samples))
    columns = [
        *(f"{name}, of {sides[0]} | median" for name in REQUESTS),
        f"CPU of all three, of {sides[0]} | median",
    ]
    rows = [
        f"| {side} | {' | '.join(_cell(samples, side, sides[0], value) for value in VALUES)} |"
        for side in sides
    ]
    head = [f"| | {' | '.join(columns)} |", "| --- " * (2 * len(columns) + 1) + "|"]
    return "\n".join([*head, *rows, *disturbances(samples)])


#: What is compared: the time of each request, and the CPU time of the server and the database.
VALUES: tuple[Callable[[Sample], float], ...] = (
    lambda sample: sample.request_ms[0],
    lambda sample: sample.request_ms[1],
    lambda sample: sample.request_ms[2],
    lambda sample: sample.cpu_ms,
)


def _cell(samples: Sequence[Sample], side: str, first: str, value: Callable[[Sample], float]) -> str:
    found = median(value(sample) for sample in samples if sample.side == side)
    return f"{spread(ratios(samples, side, first, 1, value))} | {found:.2f} ms"


def add_rows(url: str, rows: int) -> None:
    """Add so many rows to each table, as copies of those of the one user who has logged in."""
    with engine_of(url) as engine, engine.begin() as connection:
        for name, different in TABLES.items():
            columns = [column["name"] for column in inspect(connection).get_columns(name)]
            if name == "otpauth_users":
                columns.remove("id")
            values = [different.get(column, f"one.{column}") for column in columns]
            connection.execute(
                text(
                    f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(values)} "  # noqa: S608 - ours
                    f"FROM (SELECT * FROM {name} LIMIT 1) AS one, generate_series(1, :rows) AS n"
                ),
                {"rows": rows},
            )
