"""
Renew what a forked process must not share with its parent: connections, threads, queues, locks.

If a server loads the app and then forks (``gunicorn --preload``), each worker gets a copy of them. Two
processes on one connection read each other's answers. A lock that a thread held during the fork is never
released in the child, because the thread does not exist there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar
from weakref import ref

T = TypeVar("T")


def in_child(owner: T, renew: Callable[[T], None]) -> None:
    """Call ``renew(owner)`` in each forked child. ``owner`` can still be deleted."""
    reference = ref(owner)

    def call() -> None:
        found = reference()
        if found is not None:
            renew(found)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)
