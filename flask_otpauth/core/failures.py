"""
Failures of a standing secret (a PIN or a password), and the blocks that they cause.

One rule is used for both: every ``limit`` failures cause a block. The block of a PIN lasts until it is
ended, that of a password for a time that doubles (contract/account.md). Besides, the number of failures
in a row may have a cap.
"""

from __future__ import annotations

from dataclasses import replace

from flask_otpauth.core import instants
from flask_otpauth.core.record import frozen


@frozen
class FailurePolicy:
    """When failures block a secret, and for how long."""

    #: This many failures cause a block.
    limit: int
    #: The count returns to zero this long after the last failure; ``None``: only after a success.
    window_ms: int | None = None
    #: The length of the first block; each further one is twice as long. ``None``: until it is ended.
    block_ms: int | None = None
    #: No block is longer than this.
    longest_block_ms: int | None = None
    #: This many failures in a row block the secret until an administrator ends the block (NIST SP
    #: 800-63B-4 §3.2.2). Unblocking and resetting do not change this count. ``None``: no cap.
    cap: int | None = None

    def block_length(self, failures: int) -> int:
        """Return how long the block lasts that ``failures`` failures have caused."""
        if self.block_ms is None:
            return instants.FOR_EVER
        longest = self.block_ms if self.longest_block_ms is None else self.longest_block_ms
        doublings = min(failures // self.limit - 1, 32)
        return int(min(self.block_ms << doublings, longest))


@frozen
class StoredSecret:
    """A stored secret and its failures."""

    #: The memory-hard hash; ``None`` if the secret was never set.
    hash: str | None = None
    #: The failures that count towards the next block.
    failures: int = 0
    #: When the last failure was.
    failed_at: int = 0
    #: The failures since the last success.
    in_a_row: int = 0

    def is_disabled(self, cap: int | None) -> bool:
        """Return whether there were ``cap`` failures in a row. Only an administrator can end that."""
        return cap is not None and self.in_a_row >= cap

    def blocked_until(self, policy: FailurePolicy, now_ms: int) -> int | None:
        """Return when the block ends; ``None`` if there is none now."""
        if self.is_disabled(policy.cap):
            return instants.FOR_EVER
        if policy.block_ms is None:
            # Not only at the limit itself: an app with a larger limit may have counted further.
            return instants.FOR_EVER if self.failures >= policy.limit else None
        if not self.failures or self.failures % policy.limit:
            return None
        length = policy.block_length(self.failures)
        # A failure from the future counts as one of this instant, if the clock that wrote it was not
        # far ahead. So no block lasts longer than its length.
        is_over = self.failed_at + length <= now_ms or self.failed_at > now_ms + instants.AHEAD_MS
        return None if is_over else min(self.failed_at, now_ms) + length

    def honors(self, judged: str, policy: FailurePolicy, now_ms: int) -> bool:
        """
        Return whether a verification against the hash ``judged`` counts now.

        It does if there is no block and the hash was not changed. If no hash is stored, ``judged`` is a
        hash of the host.
        """
        return self.blocked_until(policy, now_ms) is None and self.hash in (None, judged)

    def counted(self, policy: FailurePolicy, now_ms: int) -> int:
        """Return the number of failures that still count now."""
        if policy.window_ms is not None and self.failed_at + policy.window_ms <= now_ms:
            return 0
        return self.failures

    def failed(self, policy: FailurePolicy, now_ms: int) -> StoredSecret:
        """Return the secret after one more failure."""
        return replace(
            self,
            failures=self.counted(policy, now_ms) + 1,
            failed_at=now_ms,
            in_a_row=self.in_a_row + 1,
        )

    def unblocked(self) -> StoredSecret:
        """Return the secret after an unblock, which does not change the failures in a row."""
        return replace(self, failures=0, failed_at=0)

    def replaced(self, new_hash: str) -> StoredSecret:
        """Return a new secret in its place. Only the failures in a row are kept."""
        return replace(self.unblocked(), hash=new_hash)

    def left(self, policy: FailurePolicy) -> int:
        """Return how many more failures cause the next block."""
        left = policy.limit - self.failures % policy.limit
        return left if policy.cap is None else min(left, policy.cap - self.in_a_row)
