"""What is to be done now and then: making tables, deleting what is of no use any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.storage import Storage


@dataclass(frozen=True)
class Upkeep:
    """``tables`` make those tables that are missing."""

    storage: Storage
    clock: Clock
    tables: tuple[Callable[[], None], ...]

    def create_all(self) -> None:
        """Create the tables that are missing."""
        for create in self.tables:
            create()

    def purge(self, days: int) -> int:
        """
        Delete rows that nothing has depended on for ``days`` days: how many. A quota or a lock
        depends on its row for as long as it looks back, in whichever app.
        """
        return self.storage.purge(epoch_ms(self.clock() - timedelta(days=days)))
