"""Create the tables, and delete rows that are not needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from flask_otpauth.core.instants import epoch_ms, milliseconds
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.service import service
from flask_otpauth.engine.subject_keys import leave_mark
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.storage import Purge, PurgedBatch, Storage


@service
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

    def purge(self, older_than: timedelta, batch: int, dry_run: bool) -> Iterator[PurgedBatch]:
        """
        Delete rows that were not needed for this long. Yield the totals after each batch.

        A row is needed as long as a quota or a lock of an app depends on it. A batch is one transaction.
        """
        before_ms, checked, deleted = epoch_ms(self.clock()) - milliseconds(older_than), 0, 0
        for done in self.storage.purge(Purge(before_ms, batch, dry_run)):
            checked, deleted = checked + done.checked, deleted + done.deleted
            yield PurgedBatch(checked, deleted)
