"""Rate limits on the Flask-Limiter of the host: its storage and its strategy (contract/index.md)."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from time import time

from flask_limiter import Limiter
from limits import parse_many
from limits.errors import StorageError
from limits.storage import MemoryStorage

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.core.errors import LimiterUnavailable, TooManyRequests

#: By class of paths. Server-to-server flows count per client, and failures before that.
DEFAULTS: Mapping[str, str | None] = {
    "send": "100 per hour",
    "redeem": "300 per hour",
    "token": "10 per minute",
    "client": "600 per minute",
    "authentication": "30 per minute",
}


class LimiterRateLimits:
    """
    Counts with a Limiter's own counters but never through its decorators: those skip empty
    keys, merge views of one name, and let requests through while their store is down.

    ``namespace`` keeps apps apart that share one store.
    """

    def __init__(self, limiter: Limiter, limits: Mapping[str, str | None], namespace: str) -> None:
        self._limiter = limiter
        self._namespace = namespace
        self._limits = {name: parse_many(text) if text is not None else [] for name, text in limits.items()}
        in_child(self, LimiterRateLimits._begin_anew)

    @property
    def is_enabled(self) -> bool:
        """Whether anything is counted: not with ``RATELIMIT_ENABLED = False``."""
        return self._limiter.enabled

    @property
    def counts_alone(self) -> bool:
        """Whether each process counts for itself, in its memory."""
        return self._limiter.enabled and isinstance(self._limiter.limiter.storage, MemoryStorage)

    def admit(self, names: tuple[str, ...], key: str) -> None:
        """Count one request of ``key``."""
        self._ask("hit", names, key)

    def check(self, names: tuple[str, ...], key: str) -> None:
        """Refuse if the limit is reached, without counting."""
        self._ask("test", names, key)

    def is_down(self, error: Exception) -> bool:
        """Whether ``error`` says that the store behind the limits is down."""
        return self._limiter.enabled and isinstance(error, self._errors_of_store())

    def _begin_anew(self) -> None:
        """Counters in memory go on as a copy. Clients of a server find out by themselves that they forked."""
        if self._limiter.enabled and isinstance(storage := self._limiter.limiter.storage, MemoryStorage):
            # As after pickling, which renews its locks and its thread.
            storage.__setstate__(storage.__getstate__())

    def _ask(self, verb: str, names: tuple[str, ...], key: str) -> None:
        if not self._limiter.enabled:
            return
        strategy = self._limiter.limiter
        for limit in next((self._limits[name] for name in names if name in self._limits), []):
            # Each strategy keeps something else under a key: what another one left there is none's to read.
            identifiers = (self._namespace, type(strategy).__name__, names[0], key or "-")
            try:
                allowed = getattr(strategy, verb)(limit, *identifiers)
                reset_at = 0.0 if allowed else strategy.get_window_stats(limit, *identifiers).reset_time
            except self._errors_of_store():
                raise LimiterUnavailable("the store of the rate limits is down") from None
            if not allowed:
                raise TooManyRequests(max(1, ceil(reset_at - time())), limit.amount)

    def _errors_of_store(self) -> tuple[type[Exception], ...]:
        """What its storage raises when it is down, wrapped by the Limiter or not."""
        storage = self._limiter.limiter.storage
        if isinstance(storage, MemoryStorage):  # never down, and what it names is any ValueError
            return ()
        raised = storage.base_exceptions
        return (StorageError, *(raised if isinstance(raised, tuple) else (raised,)))
