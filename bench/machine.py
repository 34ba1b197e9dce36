"""The machine and the versions of a run. Without them, nobody can compare its figures with others."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from bench.databases import FILES, SERVERS

PACKAGES = ("Flask", "SQLAlchemy", "psycopg", "PyMySQL", "gunicorn")


def describe(kinds: Iterable[str]) -> str:
    """Return the command, the day, the machine and the versions, as a paragraph."""
    databases = dict.fromkeys(filter(None, map(_database, kinds)))
    return (
        f"`python -m bench {' '.join(sys.argv[1:])}`".replace(" `", "`")
        + f" on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} processors ({_processor()}), "
        f"{platform.system()}, Python {platform.python_version()}, "
        + ", ".join([*(f"{name} {version(name)}" for name in PACKAGES), *databases])
        + f". The load average was {os.getloadavg()[0]:.1f} before the run."
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )


def _database(kind: str) -> str | None:
    if kind in FILES:
        return f"SQLite {sqlite3.sqlite_version}"
    engine = create_engine(SERVERS[kind])
    try:
        with engine.connect() as connection:
            found: tuple[object, ...] = connection.dialect.server_version_info or ()
    except OperationalError:
        return None  # the parts say so
    finally:
        engine.dispose()
    name = {"postgresql": "PostgreSQL", "mariadb": "MariaDB"}[kind]
    return f"{name} {'.'.join(map(str, found))}"
