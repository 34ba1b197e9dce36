"""Users as rows of the host's own session, so that its views can change and commit them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session


def in_session(current: Callable[[], Session]) -> Callable[[Any], Any]:
    """
    A function that adds a user, whom the directory has read, to the ``current`` session.

    It needs neither a statement nor a connection. If the session has the row already, that row is
    returned, with the host's changes.
    """

    def adopt(user: Any) -> Any:
        session = current()
        known = session.identity_map.get(inspect(user).key)
        return session.merge(user, load=False) if known is None else known

    return adopt
