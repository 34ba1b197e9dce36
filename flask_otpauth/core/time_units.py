"""Units of time: instants are epoch milliseconds, periods are milliseconds or whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_ms(instant: datetime) -> int:
    """An aware datetime in epoch milliseconds."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def from_epoch_ms(instant_ms: int) -> datetime:
    """Epoch milliseconds as an aware datetime in UTC."""
    return EPOCH + timedelta(milliseconds=instant_ms)


def milliseconds(period: timedelta) -> int:
    """The length of ``period`` in whole milliseconds."""
    return period // timedelta(milliseconds=1)


def whole_seconds(duration_ms: int) -> int:
    """``duration_ms`` in seconds, rounded up and at least 1: the value of ``Retry-After``."""
    return max(1, -(-duration_ms // 1000))
