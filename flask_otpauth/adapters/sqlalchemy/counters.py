"""The counters of caps, one for each cap and day."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Integer, Table, and_, bindparam, literal_column, select

from flask_otpauth.adapters.sqlalchemy.database import Database
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared
from flask_otpauth.adapters.sqlalchemy.purging import purge_table
from flask_otpauth.adapters.sqlalchemy.statements import Change, Statement, Upsert
from flask_otpauth.adapters.sqlalchemy.tables import Digest, Instant
from flask_otpauth.core.challenges import Cap
from flask_otpauth.core.service import service
from flask_otpauth.ports.storage import Purge, PurgedBatch

_KEY = bindparam("row_key", type_=Digest)
_START = bindparam("start_ms", type_=Instant)
_ONE: ColumnElement[int] = literal_column("1")


@service
class Counters:
    """Counts how many codes were issued under a cap on its day."""

    database: Database
    table: Table

    def count(self, cap: Cap) -> bool:
        """Count one more code if the cap is not reached. Return whether it was counted."""
        if cap.count < 1:
            return False
        values = {"end_ms": cap.day_end_ms, "most": cap.count}
        return self._counting.count(row_key=cap.key, start_ms=cap.day_start_ms, **values) > 0

    def uncount(self, cap: Cap) -> None:
        """Count one code less."""
        self._uncounting.count(row_key=cap.key, start_ms=cap.day_start_ms)

    def counted(self, cap: Cap) -> int:
        """Return how many codes are counted."""
        rows = self._reading.rows(row_key=cap.key, start_ms=cap.day_start_ms)
        return int(rows[0][0]) if rows else 0

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Delete the counters of days that ended before then."""
        return purge_table(self.database, self.table, self.table.c.day_end < purge.before_ms, purge)

    @cached_property
    def _counting(self) -> Statement:
        count, end = self.table.c.count, bindparam("end_ms", type_=Instant)
        row: dict[str, ColumnElement[Any]] = {"key": _KEY, "day_start": _START, "day_end": end, "count": _ONE}
        has_room = count < bindparam("most", type_=Integer())
        changes = {"count": count + _ONE}
        return self.database.upsert(
            Upsert(self.table, row, ("key", "day_start"), lambda new: changes, has_room)
        )

    @cached_property
    def _uncounting(self) -> Statement:
        count = self.table.c.count
        which = and_(self._is_day, count > literal_column("0"))
        return self.database.change(Change(self.table, which, {"count": count - _ONE}))

    @cached_property
    def _reading(self) -> Prepared:
        return self.database.prepare(select(self.table.c.count).where(self._is_day))

    @property
    def _is_day(self) -> ColumnElement[bool]:
        return and_(self.table.c.key == _KEY, self.table.c.day_start == _START)
