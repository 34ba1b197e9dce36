"""Users as rows of the host's own session, so that what its views write to them is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session


def in_session(current: Callable[[], Session]) -> Callable[[Any], Any]:
    """
    What makes a user that the directory read a row of the ``current`` session.

    Neither a statement nor a connection is needed for that. A row that the session has already
    is taken as it is there, with whatever the host has changed.
    """

    def adopt(user: Any) -> Any:
        session = current()
        known = session.identity_map.get(inspect(user).key)
        return session.merge(user, load=False) if known is None else known

    return adopt
