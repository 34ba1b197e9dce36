"""
Instants: their units, the log of them, and the limits over such a log.

**Units.** An instant is an integer of epoch milliseconds, a period an integer of milliseconds. A period
of n milliseconds is over at the instant n, with no leeway (contract/index.md, "Times").

**The log.** Each subject has a log of when codes were sent, and one of when guesses were wrong. A log is
one text, newest entry first. An entry has a fixed width, so the n-th newest is a substring in SQL::

    1732226400000aB3_,1732226310000Xy9-,
    └ epoch ms ─┘└nonce

The nonce makes it possible to remove exactly one entry. What that entry hid counts again: an earlier
cooldown, or an older entry of a quota. A log keeps ``MAX_LOG_ENTRIES`` entries.

**Limits.** A cooldown, a quota and a guess budget are one rule: *at most* ``count`` *entries in any*
``period_ms``, or in a calendar day of ``zone``. So each limit is one question: is the ``count``-th newest
entry later than T? If it is, the limit blocks, and the same entry says until when.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask_otpauth.core.record import frozen

DAY = timedelta(days=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_HOUR_MS = 3_600_000


def epoch_ms(instant: datetime) -> int:
    """
    Return an aware datetime in epoch milliseconds.

    :raises ValueError: if the datetime is not aware.
    """
    if instant.utcoffset() is None:
        raise ValueError("OTPAUTH_CLOCK returned a datetime without a time zone")
    return (instant - _EPOCH) // _MILLISECOND


def from_epoch_ms(instant_ms: int) -> datetime:
    """Return epoch milliseconds as an aware datetime in UTC."""
    return _EPOCH + instant_ms * _MILLISECOND


def milliseconds(period: timedelta) -> int:
    """Return the length of ``period`` in whole milliseconds."""
    return period // _MILLISECOND


def whole_seconds(duration_ms: int) -> int:
    """Return ``duration_ms`` in seconds for ``Retry-After``: rounded up, and at least 1."""
    return max(1, -(-duration_ms // 1000))


INSTANT_WIDTH = 13
NONCE_WIDTH = 4
ENTRY_WIDTH = INSTANT_WIDTH + NONCE_WIDTH + 1

#: The number of entries that a log keeps. It does not depend on the limits of the app that writes,
#: because another app may look further back. Limits that need more entries are refused at start-up.
MAX_LOG_ENTRIES = 100

#: The accepted difference between the clocks of two servers, if one makes what the other accepts
#: (contract/index.md, "Times"). Something that was made later than that is not accepted yet.
SKEW_MS = 30_000
#: The largest distance in the future of an entry that still counts. It is larger than the difference
#: of two time zones, so a server in a wrong zone gives no second quota. An entry further ahead does not
#: count: it would lock users for as long as the clock that wrote it was ahead.
AHEAD_MS = 24 * 3_600_000

#: The end of a block that only an administrator ends.
FOR_EVER = 1 << 62

_LAST_MS = 10**INSTANT_WIDTH - 1


def text_of(instant_ms: int) -> str:
    """Return an instant as text of a fixed width, so that texts compare as the instants do."""
    if not 0 <= instant_ms <= _LAST_MS:
        instant_ms = 0 if instant_ms < 0 else _LAST_MS
    return str(instant_ms).zfill(INSTANT_WIDTH)


def entry(instant_ms: int, nonce: str) -> str:
    """Return one entry: ``instant_ms`` and the first characters of ``nonce``."""
    return f"{text_of(instant_ms)}{nonce[:NONCE_WIDTH]},"


def instants_of(log: str) -> list[int]:
    """Return the instants of the entries, newest first."""
    return [int(one[:INSTANT_WIDTH]) for one in _entries(log)]


def is_ahead(log: str, now_ms: int) -> bool:
    """Return whether the newest entry is later than ``now_ms``: it is from a clock that is ahead."""
    return log[:INSTANT_WIDTH] > text_of(now_ms)


def with_entry(log: str, new_entry: str) -> str:
    """
    Return the log with one more entry, in its place by time.

    If the log is full, the oldest entry is dropped. The newest is dropped instead if the oldest would be
    the new entry itself, or if the newest is so far ahead that it does not count.
    """
    if not log:
        return new_entry
    entries = _entries(log)
    place = sum(one[:INSTANT_WIDTH] > new_entry[:INSTANT_WIDTH] for one in entries)
    entries.insert(place, new_entry)
    newest_ms, new_ms = int(entries[0][:INSTANT_WIDTH]), int(new_entry[:INSTANT_WIDTH])
    if len(entries) > MAX_LOG_ENTRIES and (place == MAX_LOG_ENTRIES or newest_ms > new_ms + AHEAD_MS):
        del entries[0]
    return "".join(entries[:MAX_LOG_ENTRIES])


def without_entry(log: str, old_entry: str) -> str:
    """Return the log without that entry."""
    return log.replace(old_entry, "")


def _entries(log: str) -> list[str]:
    return [log[start : start + ENTRY_WIDTH] for start in range(0, len(log), ENTRY_WIDTH)]


@frozen
class Limit:
    """One rule over one log: at most ``count`` entries in a period."""

    #: How a refusal is called: ``cooldown``, ``quota`` or ``lock``.
    kind: str
    count: int
    #: ``None``: entries count until an administrator clears the log.
    period_ms: int | None
    #: With a time zone, the period is the calendar day there.
    zone: ZoneInfo | None = None

    def floor(self, now_ms: int) -> int:
        """Return the instant after which entries count now."""
        if self.zone is not None:
            return _day_start(now_ms, self.zone) - 1
        return -1 if self.period_ms is None else now_ms - self.period_ms

    def free_at(self, log: str, now_ms: int) -> Block | None:
        """
        Return the block of this rule at ``now_ms``; ``None`` if there is none.

        Clocks differ: an entry from the future counts if it is at most ``AHEAD_MS`` ahead, and it counts
        as an entry of this instant. So no block lasts longer than the period.
        """
        floor, ceiling = self.floor(now_ms), now_ms + AHEAD_MS
        counted = [at for at in instants_of(log) if floor < at <= ceiling]
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


@frozen
class Block:
    """What forbids an operation."""

    #: The kind of the limit.
    kind: str
    #: When it ends; ``None`` if it does not end by itself.
    free_at_ms: int | None
    #: The number of the limit.
    count: int = 0
    #: It is the quota of a day of one subject, which messages may name.
    is_daily: bool = field(default=False, compare=False)

    def retry_after_seconds(self, now_ms: int) -> int | None:
        """Return the whole seconds until the block ends; ``None`` if it does not end by itself."""
        return None if self.free_at_ms is None else whole_seconds(self.free_at_ms - now_ms)


_PRECEDENCE = ("cooldown", "quota", "lock")


def strongest(blocks: Iterable[Block | None]) -> Block | None:
    """
    Return the block to report: a lock before a quota before a cooldown, and of one kind the longest.

    The source is contract/sms.md, "Which limit is shown".
    """
    return max(
        (block for block in blocks if block is not None),
        key=lambda block: (_PRECEDENCE.index(block.kind), block.free_at_ms or FOR_EVER),
        default=None,
    )


def reach_ms(limits: Iterable[Limit]) -> int:
    """
    Return how long an entry may count for one of these limits, apart from limits without a period.

    A calendar day may have 25 hours.
    """
    periods = [(limit.period_ms or 0) + (limit.zone is not None) * _HOUR_MS for limit in limits]
    return max(periods, default=0)


def _day_start(now_ms: int, zone: ZoneInfo, days_ahead: int = 0) -> int:
    today = datetime.fromtimestamp(now_ms / 1000, zone).date() + timedelta(days=days_ahead)
    return round(datetime.combine(today, time.min, zone).astimezone(UTC).timestamp() * 1000)


def _day_end(now_ms: int, zone: ZoneInfo) -> int:
    return _day_start(now_ms, zone, days_ahead=1)
