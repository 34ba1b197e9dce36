"""SQLite databases that live in the memory of one process."""

from __future__ import annotations

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import QueuePool


def memory_engine() -> Engine:
    """
    An in-memory SQLite of our own: one connection, which threads use one after the other.

    (A host's in-memory database is one connection as well, and its transactions are the host's.)
    """
    return create_engine(
        "sqlite://",
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )


def is_in_memory(url: URL) -> bool:
    """Whether it is a SQLite database in the memory of this process."""
    named = url.database in (None, "", ":memory:", "file::memory:") or url.query.get("mode") == "memory"
    return url.get_backend_name() == "sqlite" and named
