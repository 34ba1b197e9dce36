"""Requests to a route for logged-in users: flask_otpauth beside a route that reads one row by raw SQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench import load
from bench.logins import served
from bench.rounds import Plan, Side, progress, table, take_turns


def measure(kind: str, plan: Plan) -> Iterator[str]:
    """
    Measure one kind of database. Yield a table.

    :raises Unavailable: if its server does not answer.
    """
    plan = replace(plan, clients=plan.clients[:1])
    with served(kind) as apps:
        progress(f"{kind}: requests of a logged-in user")
        sides = [Side(name, server, load.read_user(server.port)) for name, server in apps.servers.items()]
        yield table(take_turns(sides, plan, apps.database), "pairs of requests")
