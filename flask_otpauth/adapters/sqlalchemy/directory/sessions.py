"""Short sessions in which users are read and written, apart from the host's own session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from flask_otpauth.adapters.sqlalchemy.database import with_isolation

#: Opens a session for one short piece of work; it commits at the end if told so.
OpenSession = Callable[[bool], AbstractContextManager[Session]]


def own_sessions(engine: Engine) -> OpenSession:
    """Separate sessions on ``engine``: objects stay readable after they are closed."""
    engine = with_isolation(engine)

    @contextmanager
    def open_session(writes: bool) -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session:
            yield session
            if writes:
                session.commit()

    return open_session


def shared_sessions(current: Callable[[], Session], model: type[Any]) -> OpenSession:
    """
    Separate sessions on the host's connection for ``model``: an in-memory SQLite has only that one.

    A write is a savepoint. It is durable at once if the host has no open transaction, and with the
    host's commit otherwise. The host's pending rows are not flushed.
    """

    @contextmanager
    def open_session(writes: bool) -> Iterator[Session]:
        host = current()
        with (
            nullcontext() if host.in_transaction() else host.begin(),
            Session(
                host.connection({"mapper": model.__mapper__}),
                expire_on_commit=False,
                join_transaction_mode="create_savepoint",
            ) as session,
        ):
            yield session
            if writes:
                session.commit()

    return open_session
