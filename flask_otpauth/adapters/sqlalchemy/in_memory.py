"""SQLite databases in the memory of one process."""

from __future__ import annotations

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import QueuePool


def memory_engine() -> Engine:
    """
    Create an engine for a new SQLite database in memory.

    The database has one connection, so threads must wait for each other. The host's own database in memory
    cannot be used instead: it has one connection too, with the transactions of the host.
    """
    return create_engine(
        "sqlite://",
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )


def is_in_memory(url: URL) -> bool:
    """Return whether ``url`` is that of a SQLite database in memory."""
    named = url.database in (None, "", ":memory:", "file::memory:") or url.query.get("mode") == "memory"
    return url.get_backend_name() == "sqlite" and named
