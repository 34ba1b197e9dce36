"""
Counting failures of a standing secret (PIN, password) until it is blocked.

One rule serves both: after every ``limit`` failures there is a block. A PIN's lasts until
somebody ends it, a password's for a time that doubles (contract/account.md). Over all windows
and blocks the failures in a row may be capped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask_otpauth.core import instants


@dataclass(frozen=True)
class FailurePolicy:
    """
    ``limit`` failures block for ``block_ms`` (``None``: until it is ended), each further
    ``limit`` for twice as long, up to ``longest_block_ms``. The count returns to zero
    ``window_ms`` after the last failure (``None``: only by a success). ``cap`` failures in a
    row, however long that takes and whatever was unblocked or reset, block until an administrator
    ends it (NIST SP 800-63B-4 §3.2.2; ``None``: never).
    """

    limit: int
    window_ms: int | None = None
    block_ms: int | None = None
    longest_block_ms: int | None = None
    cap: int | None = None

    def block_length(self, failures: int) -> int:
        """How long the block lasts that ``failures`` failures have caused."""
        if self.block_ms is None:
            return instants.FOR_EVER
        longest = self.block_ms if self.longest_block_ms is None else self.longest_block_ms
        doublings = min(failures // self.limit - 1, 32)
        return int(min(self.block_ms << doublings, longest))


@dataclass(frozen=True)
class StoredSecret:
    """
    A stored secret: its memory-hard hash (``None``: never set), and its failures.

    ``failures`` are those that count towards the next block, ``in_a_row`` those since the secret was
    last given right.
    """

    hash: str | None = None
    failures: int = 0
    failed_at: int = 0
    in_a_row: int = 0

    def is_disabled(self, cap: int | None) -> bool:
        """Whether there were ``cap`` failures in a row: then only an administrator helps."""
        return cap is not None and self.in_a_row >= cap

    def blocked_until(self, policy: FailurePolicy, now_ms: int) -> int | None:
        """The instant at which the block ends, or ``None`` where there is none now."""
        if self.is_disabled(policy.cap):
            return instants.FOR_EVER
        if policy.block_ms is None:
            # Not only at the limit itself: an app with a larger one may have counted on.
            return instants.FOR_EVER if self.failures >= policy.limit else None
        if not self.failures or self.failures % policy.limit:
            return None
        length = policy.block_length(self.failures)
        # A failure from the future counts as one of this instant, if the clock that wrote it was
        # not far ahead: no block is told to last longer than its length.
        is_over = self.failed_at + length <= now_ms or self.failed_at > now_ms + instants.AHEAD_MS
        return None if is_over else min(self.failed_at, now_ms) + length

    def honours(self, judged: str, policy: FailurePolicy, now_ms: int) -> bool:
        """
        Whether a verification against the hash ``judged`` counts now: no block came before it,
        and the hash is still that one. Where none is stored, ``judged`` is what a host brought along.
        """
        return self.blocked_until(policy, now_ms) is None and self.hash in (None, judged)

    def counted(self, policy: FailurePolicy, now_ms: int) -> int:
        """The failures that still count now."""
        if policy.window_ms is not None and self.failed_at + policy.window_ms <= now_ms:
            return 0
        return self.failures

    def failed(self, policy: FailurePolicy, now_ms: int) -> StoredSecret:
        """The secret after one failure more."""
        return replace(
            self,
            failures=self.counted(policy, now_ms) + 1,
            failed_at=now_ms,
            in_a_row=self.in_a_row + 1,
        )

    def unblocked(self) -> StoredSecret:
        """The secret after an unblock: the failures in a row are still that many."""
        return replace(self, failures=0, failed_at=0)

    def replaced(self, new_hash: str) -> StoredSecret:
        """A new secret in its place: of the old one's failures only those in a row are kept."""
        return replace(self.unblocked(), hash=new_hash)

    def left(self, policy: FailurePolicy) -> int:
        """How many failures more until the next block."""
        left = policy.limit - self.failures % policy.limit
        return left if policy.cap is None else min(left, policy.cap - self.in_a_row)
