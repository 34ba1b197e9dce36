"""A clock that a test moves, so that the test does not sleep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class MovableClock:
    """A clock for ``OTPAUTH_CLOCK`` that shows the same time until it is moved."""

    def __init__(self, now: datetime = datetime(2024, 12, 29, 10, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time of the clock."""
        return self.now

    def tick(self, seconds: float = 0, **period: float) -> None:
        """Move the clock by ``seconds``, or arguments of :class:`~datetime.timedelta` (``days=1``)."""
        self.now += timedelta(seconds=seconds, **period)

    def tick_ms(self, milliseconds: int) -> None:
        """Move the clock by whole milliseconds, the unit of all rules of this package."""
        self.now += timedelta(milliseconds=milliseconds)
