"""Create the tables, and delete rows that are not needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask_otpauth.core.instants import epoch_ms, milliseconds
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.engine.subject_keys import leave_mark
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.storage import Storage


@dataclass(frozen=True, eq=False, repr=False)
class Upkeep:
    """Creates tables and purges them."""

    storage: Storage
    keys: KeyRing
    clock: Clock
    #: Each creates the tables that are missing in one database.
    tables: tuple[Callable[[], None], ...]

    def create_all(self) -> None:
        """Create the tables that are missing, and write the mark of the subject key."""
        for create in self.tables:
            create()
        leave_mark(self.storage, self.keys, epoch_ms(self.clock()))

    def purge(self, days: int) -> int:
        """
        Delete rows that were not needed in the last ``days`` days. Return how many were deleted.

        A row is needed as long as a quota or a lock of an app depends on it.
        """
        return self.storage.purge(epoch_ms(self.clock()) - milliseconds(timedelta(days=days)))
