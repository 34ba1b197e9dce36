"""Caps: plain counters over a calendar day."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, and_, select, update

from flask_otpauth.adapters.sqlalchemy.database import Database
from flask_otpauth.core.challenges import Cap


@dataclass(frozen=True)
class Counters:
    """How many codes were issued under each cap on its day."""

    database: Database
    table: Table

    def count(self, cap: Cap) -> bool:
        """Count one more, if the cap has room; whether it was counted."""
        if cap.count < 1:
            return False
        count = self.table.c.count
        insert = self.database.insert(self.table).values(
            key=cap.key, day_start=cap.day_start_ms, day_end=cap.day_end_ms, count=1
        )
        upsert = insert.on_conflict_do_update(
            index_elements=["key", "day_start"], set_={"count": count + 1}, where=count < cap.count
        )
        return bool(self.database.returning(upsert.returning(count)))

    def uncount(self, cap: Cap) -> None:
        """Count one less."""
        counter = self.table.c
        self.database.write(
            update(self.table).where(self._is_day_of(cap), counter.count > 0).values(count=counter.count - 1)
        )

    def counted(self, cap: Cap) -> int:
        """How many were counted."""
        rows = self.database.read(select(self.table.c.count).where(self._is_day_of(cap)))
        return int(rows[0]["count"]) if rows else 0

    def purge(self, before_ms: int) -> int:
        """Delete the counters of days that ended before."""
        return self.database.purge(self.table, self.table.c.day_end < before_ms)

    def _is_day_of(self, cap: Cap) -> ColumnElement[bool]:
        return and_(self.table.c.key == cap.key, self.table.c.day_start == cap.day_start_ms)
