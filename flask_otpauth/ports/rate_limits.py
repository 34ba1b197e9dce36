"""Rate limits: approximate, for each address or client, before any work is done."""

from __future__ import annotations

from typing import Protocol


class RateLimits(Protocol):
    """
    Counts requests. The limits of the documents are counted elsewhere, exactly.

    ``names`` are the names by which a limit can be configured, the most specific first.
    """

    def admit(self, names: tuple[str, ...], key: str) -> None:
        """
        Count one request of ``key``.

        :raises TooManyRequests: if the limit is reached.
        :raises LimiterUnavailable: if the store of the limits is down.
        """

    def check(self, names: tuple[str, ...], key: str) -> None:
        """Do the same as :meth:`admit`, without counting."""

    def is_down(self, error: Exception) -> bool:
        """Return whether ``error`` means that the store of the limits is down."""
