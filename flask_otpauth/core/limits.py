"""
Limits: a cooldown, a quota, a guess budget are one rule over a log of instants.

*At most* ``count`` *entries in any* ``period_ms`` (or in a calendar day of ``zone``). A period
of n milliseconds is over at the instant n, with no leeway (contract/index.md, "Times").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask_otpauth.core import instants
from flask_otpauth.core.time_units import DAY, milliseconds, whole_seconds

_HOUR_MS = 3_600_000
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_QUOTA = re.compile(
    r"\s*([0-9]{1,9})\s*(?:per|/)\s*([0-9]{1,5})?\s*(second|minute|hour|day|week)s?\s*",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True)
class Quota:
    """At most ``count`` in any ``period``. Written ``"5 per 15 minutes"`` or ``"20/day"``."""

    count: int
    period: timedelta

    @classmethod
    def parse(cls, text: str) -> Quota:
        """
        Read a quota from text.

        :raises ValueError: if it is not one.
        """
        found = _QUOTA.fullmatch(text)
        if not found or int(found[1]) < 1 or (found[2] and int(found[2]) < 1):
            raise ValueError(f"{text!r} is not a quota such as '5 per 15 minutes'")
        return cls(int(found[1]), timedelta(seconds=int(found[2] or 1) * _SECONDS[found[3].lower()]))

    def __str__(self) -> str:
        seconds = int(self.period.total_seconds())
        unit, length = next(
            (unit, length)
            for unit, length in reversed(_SECONDS.items())
            if seconds % length == 0 or length == 1
        )
        times = seconds // length
        return f"{self.count} per {unit}" if times == 1 else f"{self.count} per {times} {unit}s"


@dataclass(frozen=True)
class Limit:
    """
    One rule over one log.

    ``kind`` is ``cooldown``, ``quota`` or ``lock``: what a refusal is called. With a ``zone``
    the period is the calendar day there; with a period of ``None`` the entries count for
    ever, until an administrator clears the log.
    """

    kind: str
    count: int
    period_ms: int | None
    zone: ZoneInfo | None = None

    def floor(self, now_ms: int) -> int:
        """Entries later than this instant count now."""
        if self.zone is not None:
            return _day_start(now_ms, self.zone) - 1
        return -1 if self.period_ms is None else now_ms - self.period_ms

    def free_at(self, log: str, now_ms: int) -> Block | None:
        """
        What this rule forbids now, or ``None``.

        Clocks differ: an entry from the future counts if it is at most ``AHEAD_MS`` ahead, and
        then as one of this instant, so that no block is told to last longer than the period.
        """
        floor, ceiling = self.floor(now_ms), now_ms + instants.AHEAD_MS
        counted = [at for at in instants.instants_of(log) if floor < at <= ceiling]
        if len(counted) < self.count:
            return None
        if self.zone is not None:
            return Block(self.kind, _day_end(now_ms, self.zone), self.count, self._is_daily)
        oldest = min(counted[self.count - 1], now_ms)
        free_at_ms = None if self.period_ms is None else oldest + self.period_ms
        return Block(self.kind, free_at_ms, self.count, self._is_daily)

    @property
    def _is_daily(self) -> bool:
        return self.kind == "quota" and self.period_ms == milliseconds(DAY)


@dataclass(frozen=True)
class Block:
    """
    What forbids an operation, the instant at which it ends (``None``: not by itself), its number,
    and whether it is a subject's quota of a day, which sentences may speak of.
    """

    kind: str
    free_at_ms: int | None
    count: int = 0
    is_daily: bool = field(default=False, compare=False)

    def retry_after_seconds(self, now_ms: int) -> int | None:
        """Whole seconds until the block ends."""
        return None if self.free_at_ms is None else whole_seconds(self.free_at_ms - now_ms)


_PRECEDENCE = ("cooldown", "quota", "lock")


def strongest(blocks: Iterable[Block | None]) -> Block | None:
    """
    The block to tell: a lock before a quota before a cooldown, and of one kind the longest.

    (contract/sms.md, "Which limit is shown".)
    """
    return max(
        (block for block in blocks if block is not None),
        key=lambda block: (_PRECEDENCE.index(block.kind), block.free_at_ms or instants.FOR_EVER),
        default=None,
    )


def reach_ms(limits: Iterable[Limit]) -> int:
    """
    How long one of these limits may look back at an entry, apart from those that do so for ever;
    a calendar day may have 25 hours.
    """
    periods = [(limit.period_ms or 0) + (limit.zone is not None) * _HOUR_MS for limit in limits]
    return max(periods, default=0)


def _day_start(now_ms: int, zone: ZoneInfo, days_ahead: int = 0) -> int:
    today = datetime.fromtimestamp(now_ms / 1000, zone).date() + timedelta(days=days_ahead)
    return round(datetime.combine(today, time.min, zone).astimezone(UTC).timestamp() * 1000)


def _day_end(now_ms: int, zone: ZoneInfo) -> int:
    return _day_start(now_ms, zone, days_ahead=1)
