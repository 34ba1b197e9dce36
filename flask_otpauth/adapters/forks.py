"""
What a forked child process must not take over: connections, threads, queues, locks.

If a server loads the app and then forks (``gunicorn --preload``), each worker gets a copy of all
these. Two processes on one connection read each other's answers. A lock that a thread held at that
moment is never released in the child, because the thread does not exist there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar
from weakref import ref

T = TypeVar("T")


def in_child(owner: T, renew: Callable[[T], None]) -> None:
    """Call ``renew(owner)`` in each child as soon as it is forked; ``owner`` is not kept alive."""
    reference = ref(owner)

    def call() -> None:
        alive = reference()
        if alive is not None:
            renew(alive)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)
