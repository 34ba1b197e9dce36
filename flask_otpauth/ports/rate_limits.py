"""Rate limits: approximate, per address or client, before any work is done."""

from __future__ import annotations

from typing import Protocol


class RateLimits(Protocol):
    """
    Counts requests. It never decides what a document promises.

    ``names`` are the keys by which a limit may be configured, the most specific first.
    """

    def admit(self, names: tuple[str, ...], key: str) -> None:
        """
        Count one request of ``key``.

        :raises TooManyRequests: if the limit is reached.
        :raises LimiterUnavailable: if the store behind it is down.
        """

    def check(self, names: tuple[str, ...], key: str) -> None:
        """As :meth:`admit`, without counting."""

    def is_down(self, error: Exception) -> bool:
        """Whether ``error`` says that the store behind the limits is down."""
