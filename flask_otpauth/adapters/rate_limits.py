"""Rate limits, counted by the host's Flask-Limiter or as its ``RATELIMIT_*`` say (contract/index.md)."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from threading import Timer
from time import time
from typing import Any, Protocol
from urllib.parse import urlsplit

from limits import parse_many
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import STRATEGIES, RateLimiter

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.core.errors import LimiterUnavailable, TooManyRequests
from flask_otpauth.core.service import service

#: By class of paths. Server-to-server flows count per client, and failures before that.
DEFAULTS: Mapping[str, str | None] = {
    "send": "100 per hour",
    "redeem": "300 per hour",
    "token": "10 per minute",
    "client": "600 per minute",
    "authentication": "30 per minute",
}
_SWEEP_SECONDS = 1.0


class SweptMemory(MemoryStorage):
    """
    Counters in memory. Those that have ended are removed once a second.

    The base class would look at all counters in a new thread for almost every request.
    """

    def __init__(self, uri: str, **options: Any) -> None:
        super().__init__(uri, **options)
        self.timer.cancel()  # There is no counter yet, and a server that is about to fork wants no thread.

    @property
    def timer(self) -> Timer:
        """The thread that removes counters. When it has ended, the base class sets the next one."""
        # Kept under this name, which the base class leaves out of a copy: a thread cannot be copied.
        timer: Timer = vars(self)["timer"]
        return timer

    @timer.setter
    def timer(self, timer: Timer) -> None:
        timer.interval, timer.daemon = _SWEEP_SECONDS, True
        vars(self)["timer"] = timer


class Counters(Protocol):
    """What counts: a ``flask_limiter.Limiter`` of the host, or :class:`OwnCounters`."""

    @property
    def enabled(self) -> bool:
        """Whether anything is counted."""

    @property
    def limiter(self) -> RateLimiter:
        """The strategy, with its storage."""


@service
class OwnCounters:
    """The counters of a host without a Limiter. A Limiter would add hooks to every request of the host."""

    enabled: bool
    limiter: RateLimiter

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> OwnCounters:
        """
        Return the counters that the host's ``RATELIMIT_*`` describe.

        :raises ValueError: if there is no such storage or strategy.
        """
        enabled = bool(config.get("RATELIMIT_ENABLED", True))
        uri = (config.get("RATELIMIT_STORAGE_URI") if enabled else None) or "memory://"
        strategy = config.get("RATELIMIT_STRATEGY", "fixed-window")
        if strategy not in STRATEGIES:
            raise ValueError(f"RATELIMIT_STRATEGY: expected one of {', '.join(STRATEGIES)}")
        make = SweptMemory if urlsplit(uri).scheme == "memory" else storage_from_string
        try:
            storage = make(uri, **config.get("RATELIMIT_STORAGE_OPTIONS", {}))
        except ConfigurationError as error:
            raise ValueError(f"RATELIMIT_STORAGE_URI: {error}") from error
        return cls(enabled, STRATEGIES[strategy](storage))


class LimiterRateLimits:
    """
    Counts directly, and not through the decorators of Flask-Limiter: those skip empty keys, merge views of
    one name, and let requests through while their store is down.

    ``namespace`` separates apps that share one store.
    """

    def __init__(self, limiter: Counters, limits: Mapping[str, str | None], namespace: str) -> None:
        self._limiter = limiter
        self._namespace = namespace
        parsed = {name: parse_many(text) if text is not None else [] for name, text in limits.items()}
        #: Empty if nothing has a limit.
        self._limits = parsed if any(parsed.values()) else {}
        in_child(self, LimiterRateLimits._renew)

    @property
    def is_enabled(self) -> bool:
        """Whether anything is counted. ``RATELIMIT_ENABLED = False`` turns it off."""
        return self._limiter.enabled

    @property
    def counts_alone(self) -> bool:
        """Whether each process counts alone, in its memory."""
        return self._limiter.enabled and isinstance(self._limiter.limiter.storage, MemoryStorage)

    def admit(self, names: tuple[str, ...], key: str) -> None:
        """Count one request of ``key``."""
        self._ask("hit", names, key)

    def check(self, names: tuple[str, ...], key: str) -> None:
        """Refuse if the limit is reached, without counting."""
        self._ask("test", names, key)

    def is_down(self, error: Exception) -> bool:
        """Return whether ``error`` means that the store of the limits is down."""
        return self._limiter.enabled and isinstance(error, self._errors_of_store())

    def _renew(self) -> None:
        """Make counters in memory usable after a fork. Clients of a server notice the fork themselves."""
        if self._limiter.enabled and isinstance(storage := self._limiter.limiter.storage, MemoryStorage):
            # The same as after pickling: its locks and its thread are new.
            storage.__setstate__(storage.__getstate__())

    def _ask(self, verb: str, names: tuple[str, ...], key: str) -> None:
        if not self._limits or not self._limiter.enabled:
            return
        strategy = self._limiter.limiter
        for limit in next((self._limits[name] for name in names if name in self._limits), []):
            # Each strategy stores something else under a key, so the keys of two strategies must differ.
            identifiers = (self._namespace, type(strategy).__name__, names[0], key or "-")
            try:
                allowed = getattr(strategy, verb)(limit, *identifiers)
                reset_at = 0.0 if allowed else strategy.get_window_stats(limit, *identifiers).reset_time
            except self._errors_of_store():
                raise LimiterUnavailable("the store of the rate limits is down") from None
            if not allowed:
                raise TooManyRequests(max(1, ceil(reset_at - time())), limit.amount)

    def _errors_of_store(self) -> tuple[type[Exception], ...]:
        """Return what the storage raises when it is down, wrapped by the Limiter or not."""
        storage = self._limiter.limiter.storage
        if isinstance(storage, MemoryStorage):  # It is never down, and it would name every ValueError.
            return ()
        raised = storage.base_exceptions
        return (StorageError, *(raised if isinstance(raised, tuple) else (raised,)))
