"""Idempotency keys. Each operation calls the rules of the core while it holds the lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flask_otpauth.adapters.memory.state import Memory
from flask_otpauth.core.idempotency import (
    RequestAttempt,
    RequestResult,
    RequestState,
    judge_request,
    request_row,
)
from flask_otpauth.core.service import service
from flask_otpauth.ports.storage import Purge, PurgedBatch


@service
class MemoryIdempotencyStore:
    """A :class:`~flask_otpauth.ports.storage.IdempotencyStore`."""

    memory: Memory

    def begin(self, attempt: RequestAttempt) -> RequestResult:
        """See the port."""
        with self.memory.lock:
            result = judge_request(self.memory.attempts.get(attempt.key), attempt)
            if result.state is RequestState.BEGUN:
                self.memory.attempts[attempt.key] = request_row(attempt)
            return result

    def finish(self, attempt: RequestAttempt, answer: str) -> None:
        """See the port."""
        with self.memory.lock:
            row = self.memory.attempts.get(attempt.key)
            if row is not None and row.nonce == attempt.nonce:
                self.memory.attempts[attempt.key] = replace(row, answer=answer)

    def free(self, attempt: RequestAttempt) -> None:
        """See the port."""
        with self.memory.lock:
            row = self.memory.attempts.get(attempt.key)
            if row is not None and row.nonce == attempt.nonce:
                del self.memory.attempts[attempt.key]

    def purge(self, purge: Purge) -> Iterator[PurgedBatch]:
        """Forget the keys that expired before then."""
        return self.memory.purge("attempts", lambda row: row.expires_at < purge.before_ms, purge)
