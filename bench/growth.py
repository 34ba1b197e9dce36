"""Logins of flask_otpauth with few and with many rows of other users, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from sqlalchemy import inspect, text

from bench import load
from bench.apps import APPS, set_up
from bench.databases import engine_of, new_database, server_process, settle
from bench.load import log_in
from bench.rounds import Plan, Side, progress, table, take_turns
from bench.servers import Server, gunicorn

#: The tables that have rows for each user, and what differs between the rows of user n and of others.
TABLES = {
    "otpauth_users": {
        "email": "'other' || n || '@example.com'",
        "email_key": "'other' || n || '@example.com'",
        "person_key": "md5(n::text)",
    },
    "otpauth_challenges": {"key": "sha256(n::text::bytea)"},
    "otpauth_sessions": {
        "id": "md5('session' || n)",
        "user_id": "'other' || n",
        "alone_for": "'other' || n",
        "person_key": "md5(n::text)",
    },
}


def measure(sizes: Sequence[int], plan: Plan) -> Iterator[str]:
    """
    Measure logins with each number of other users, in turns. Yield a table.

    :raises Unavailable: if the server does not answer.
    """
    with ExitStack() as stack:
        servers: dict[str, Server] = {}
        urls = [stack.enter_context(new_database("postgresql")) for _ in sizes]
        for size, url in zip(sizes, urls, strict=True):
            progress(f"growth: {size:,} other users")
            set_up(APPS["product"], url)
            server = stack.enter_context(gunicorn("product", url, 2, 8))
            load.run(server.port, log_in, clients=1, seconds=0)
            add_users(url, size)
            servers[f"{size:,} other users"] = server
        sides = [Side(name, server, log_in) for name, server in servers.items()]
        samples = take_turns(sides, plan, server_process(urls[0]), lambda: settle(*urls))
    yield table(samples, "logins")


def add_users(url: str, users: int) -> None:
    """Add users who have logged in once, as copies of the rows of the one who has."""
    with engine_of(url) as engine, engine.begin() as connection:
        for name, different in TABLES.items():
            columns = [column["name"] for column in inspect(connection).get_columns(name)]
            if name == "otpauth_users":
                columns.remove("id")
            values = [different.get(column, f"one.{column}") for column in columns]
            connection.execute(
                text(
                    f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(values)} "  # noqa: S608 - ours
                    f"FROM (SELECT * FROM {name} LIMIT 1) AS one, generate_series(1, :users) AS n"
                ),
                {"users": users},
            )
