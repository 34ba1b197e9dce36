"""Logins: flask_otpauth beside the floor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from bench import load
from bench.apps import APPS
from bench.databases import FILES, new_database, server_process, settle
from bench.processes import memory_mib
from bench.rounds import Plan, Side, progress, table, take_turns
from bench.servers import Server, gunicorn

#: How many processes and threads serve an app. Processes do not write to a SQLite file at the same time.
WORKERS = {"postgresql": (2, 8), "mariadb": (2, 8), **dict.fromkeys(FILES, (1, 8))}


@dataclass(frozen=True)
class Apps:
    """All apps, each on a database of its own."""

    servers: dict[str, Server]
    urls: list[str]
    #: The process of the database server, if it has one.
    database: int | None


@contextmanager
def served(kind: str) -> Iterator[Apps]:
    """
    Serve all apps on one kind of database.

    :raises Unavailable: if its server does not answer.
    """
    with ExitStack() as stack:
        urls = [stack.enter_context(new_database(kind)) for _ in APPS]
        for app, url in zip(APPS.values(), urls, strict=True):
            app.set_up(url)
        servers = {
            name: stack.enter_context(gunicorn(name, url, *WORKERS[kind]))
            for name, url in zip(APPS, urls, strict=True)
        }
        yield Apps(servers, urls, server_process(urls[0]))


def measure(kind: str, plan: Plan) -> Iterator[str]:
    """
    Measure one kind of database. Yield the results.

    :raises Unavailable: if its server does not answer.
    """
    if kind in FILES:
        # More clients would only wait for each other's locks. What counts is the CPU time of a login.
        plan = replace(plan, clients=(1,))
    with served(kind) as apps:
        progress(f"{kind}: logins")
        sides = [Side(name, server, load.log_in) for name, server in apps.servers.items()]
        yield table(take_turns(sides, plan, apps.database, lambda: settle(*apps.urls)), "logins")
        sizes = (f"{name} {memory_mib(server.process):.0f} MiB" for name, server in apps.servers.items())
        yield f"Memory of a worker after that: {', '.join(sizes)}."
