"""A clock that a test moves, so that nobody sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class MovableClock:
    """For ``OTPAUTH_CLOCK``: stands still until it is moved."""

    def __init__(self, now: datetime = datetime(2024, 12, 29, 10, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The instant that it shows."""
        return self.now

    def tick(self, seconds: float = 0, **period: float) -> None:
        """Move on by ``seconds``, or by what :class:`~datetime.timedelta` takes (``days=1``)."""
        self.now += timedelta(seconds=seconds, **period)

    def tick_ms(self, milliseconds: int) -> None:
        """Move on by whole milliseconds: the grain of every rule of this package."""
        self.now += timedelta(milliseconds=milliseconds)
