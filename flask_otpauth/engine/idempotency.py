"""Answer a request that is repeated with its idempotency key as it was answered the first time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import field

from flask_otpauth.core import errors
from flask_otpauth.core.challenges import draw_nonce
from flask_otpauth.core.idempotency import RequestAttempt, RequestState, is_key
from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.record import frozen
from flask_otpauth.core.service import service
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.sealing import SealBroken, Sealing
from flask_otpauth.ports.storage import Storage


@frozen
class KeyedRequest:
    """A request with an idempotency key."""

    key: str = field(repr=False)
    path: str = field(repr=False)
    #: The client, if the path has clients. A key of one client is not that of another.
    client_id: str
    #: What is requested: the query and the body.
    query: bytes = field(repr=False)
    body: bytes = field(repr=False)
    #: The answer can show a code, so it is encrypted.
    is_secret: bool = False


@service
class Idempotency:
    """Does a request with an idempotency key once, and keeps its answer with the key for 24 hours."""

    storage: Storage
    keys: KeyRing
    clock: Clock
    events: Events
    #: ``None``: no answer that shows a code can be kept.
    sealing: Sealing | None

    def once(self, request: KeyedRequest, work: Callable[[], str]) -> str:
        """
        Return what ``work`` returns: the answer. For a repetition, return the answer of the first request.

        An exception of ``work`` means that nothing was done. So the key is free again. If the process is
        killed, or another thing than an ``Exception`` is raised, what was done is unknown. Then the key is
        free after its lease.

        :raises IdempotencyKeyInvalid: if the key is empty, too long, or has other characters than printable
            ASCII.
        :raises IdempotencyKeyNotAccepted: if the answer is secret, and nothing is there to encrypt it.
        :raises IdempotencyKeyReused: if the key was used for another request.
        :raises IdempotencyKeyInUse: if the first request is still under way.
        :raises StorageUnavailable: if the store is down. Nothing is done.
        """
        attempt = self._attempt(request)
        begun = self.storage.idempotency.begin(attempt)
        if begun.state is RequestState.DIFFERENT:
            raise errors.IdempotencyKeyReused
        if begun.state is RequestState.UNDER_WAY:
            raise errors.IdempotencyKeyInUse
        if begun.state is RequestState.DONE:
            return self._opened(request, begun.answer)
        try:
            answer = work()
        except Exception:  # The client is told that nothing was done, and may try again with the key.
            self._end(lambda: self.storage.idempotency.free(attempt))
            raise
        self._end(lambda: self.storage.idempotency.finish(attempt, self._sealed(request, answer)))
        return answer

    def _attempt(self, request: KeyedRequest) -> RequestAttempt:
        if not is_key(request.key):
            raise errors.IdempotencyKeyInvalid
        if request.is_secret and self.sealing is None:
            raise errors.IdempotencyKeyNotAccepted
        digests = (hashlib.sha256(part).hexdigest() for part in (request.query, request.body))
        return RequestAttempt(
            key=self.keys.row_key("idempotency", request.client_id, request.path, request.key),
            digest=self.keys.subject_digest("idempotency", *digests),
            nonce=draw_nonce(),
            now_ms=epoch_ms(self.clock()),
        )

    def _sealed(self, request: KeyedRequest, answer: str) -> str:
        if not (request.is_secret and self.sealing):
            return answer
        return self.sealing.seal(answer.encode()).decode("ascii")

    def _opened(self, request: KeyedRequest, kept: str) -> str:
        """Return an answer that was kept. If its secret was removed, it is known only that there was one."""
        if not (request.is_secret and self.sealing):
            return kept
        try:
            return self.sealing.open(kept.encode()).decode()
        except SealBroken:
            raise errors.IdempotencyKeyReused from None

    def _end(self, end: Callable[[], None]) -> None:
        """End an attempt. If the store is down, its lease ends it."""
        try:
            end()
        except errors.OtpAuthError:
            # What was done is done, so the client gets its answer.
            self.events("answer_not_kept")
