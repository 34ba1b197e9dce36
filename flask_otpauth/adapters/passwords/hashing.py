"""Memory-hard hashing by argon2, a bounded number at a time."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import argon2
from argon2.exceptions import VerificationError
from werkzeug.security import check_password_hash

from flask_otpauth.adapters.forks import in_child
from flask_otpauth.core.errors import HashingBusy

#: argon2id, 19 MiB, two passes, one lane: the OWASP Password Storage Cheat Sheet's first choice.
OWASP = argon2.Parameters(
    type=argon2.Type.ID,
    version=19,
    salt_len=16,
    hash_len=32,
    time_cost=2,
    memory_cost=19_456,
    parallelism=1,
)
#: For tests alone: as fast as argon2 can be, and worth nothing.
CHEAP = argon2.profiles.CHEAPEST

#: How werkzeug's own hashes begin: what a host brings along.
_WERKZEUG = ("scrypt:", "pbkdf2:")


class Argon2Hasher:
    """
    Hashes with argon2id, and verifies what werkzeug hashed.

    At most ``concurrency`` hashes run at a time, since each takes 19 MiB and tens of
    milliseconds of a core; further ones wait ``wait_seconds`` at most. A hash holds its own
    parameters and salt; a pepper is the caller's affair. ``cheap`` is for tests.
    """

    def __init__(self, concurrency: int = 4, wait_seconds: float = 2.0, *, cheap: bool = False) -> None:
        self._hasher = _hasher(cheap)
        self._concurrency = concurrency
        self._wait_seconds = wait_seconds
        self._dummy = _dummy(cheap)
        self._begin()
        in_child(self, Argon2Hasher._begin)

    def hash(self, secret: str) -> str:
        """
        A salted hash.

        :raises HashingBusy: if no place is free in time.
        """
        with self._place():
            return self._hasher.hash(secret)

    def verify(self, hashed: str | None, secret: str) -> bool:
        """
        Whether ``secret`` is what was hashed; never for a hash of an unknown kind.

        With ``None`` a dummy is verified, so that "no such user" takes as long as a wrong
        secret.

        :raises HashingBusy: if no place is free in time.
        """
        with self._place():
            if hashed is not None and hashed.startswith(_WERKZEUG):
                return _matches_werkzeug(hashed, secret)
            return self._matches(self._dummy if hashed is None else hashed, secret)

    def _begin(self) -> None:
        self._places = threading.BoundedSemaphore(self._concurrency)

    def _matches(self, hashed: str, secret: str) -> bool:
        try:
            return self._hasher.verify(hashed, secret)
        except (VerificationError, ValueError):  # wrong, or a damaged hash: it opens nothing
            return False

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(timeout=self._wait_seconds):
            raise HashingBusy
        try:
            yield
        finally:
            self._places.release()


def _hasher(cheap: bool) -> argon2.PasswordHasher:
    return argon2.PasswordHasher.from_parameters(CHEAP if cheap else OWASP)


@cache
def _dummy(cheap: bool) -> str:
    """The hash of a secret that nobody knows: one for each cost is enough for a process."""
    return _hasher(cheap).hash(secrets.token_hex())


def _matches_werkzeug(hashed: str, secret: str) -> bool:
    try:
        return check_password_hash(hashed, secret)
    except ValueError:  # a damaged hash: it opens nothing
        return False
