"""What is to be done now and then: making tables, deleting what is of no use any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask_otpauth.core.instants import epoch_ms, milliseconds
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.engine.subject_keys import leave_mark
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.storage import Storage


@dataclass(frozen=True)
class Upkeep:
    """``tables`` make those tables that are missing."""

    storage: Storage
    keys: KeyRing
    clock: Clock
    tables: tuple[Callable[[], None], ...]

    def create_all(self) -> None:
        """Create the tables that are missing, and leave the mark of the key of their rows."""
        for create in self.tables:
            create()
        leave_mark(self.storage, self.keys, epoch_ms(self.clock()))

    def purge(self, days: int) -> int:
        """
        Delete rows that nothing has depended on for ``days`` days: how many. A quota or a lock
        depends on its row for as long as it looks back, in whichever app.
        """
        return self.storage.purge(epoch_ms(self.clock()) - milliseconds(timedelta(days=days)))
