"""Memory-hard hashing by argon2, with a limit on the hashes that run at the same time."""

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

#: argon2id, 19 MiB, two passes, one lane: the first choice of the OWASP Password Storage Cheat Sheet.
OWASP = argon2.Parameters(
    type=argon2.Type.ID,
    version=19,
    salt_len=16,
    hash_len=32,
    time_cost=2,
    memory_cost=19_456,
    parallelism=1,
)
#: For tests only: as fast as argon2 can be, and without any protection.
CHEAP = argon2.profiles.CHEAPEST

#: How hashes of werkzeug begin. A host may have such hashes.
_WERKZEUG = ("scrypt:", "pbkdf2:")


class Argon2Hasher:
    """
    Hashes with argon2id, and verifies such hashes and those of werkzeug.

    At most ``concurrency`` hashes run at the same time, because each needs 19 MiB and a core for tens
    of milliseconds. Further ones wait for at most ``wait_seconds``. A hash contains its parameters and
    its salt. A pepper is left to the caller. ``cheap`` is for tests.
    """

    def __init__(self, concurrency: int = 4, wait_seconds: float = 2.0, *, cheap: bool = False) -> None:
        self._hasher = _hasher(cheap)
        self._concurrency = concurrency
        self._wait_seconds = wait_seconds
        self._dummy = _dummy(cheap)
        self._reset()
        in_child(self, Argon2Hasher._reset)

    def hash(self, secret: str) -> str:
        """
        Return a salted hash.

        :raises HashingBusy: if no slot is free in time.
        """
        with self._slot():
            return self._hasher.hash(secret)

    def verify(self, hashed: str | None, secret: str) -> bool:
        """
        Return whether ``hashed`` is a hash of ``secret``. A hash of an unknown kind never is.

        With ``None`` a dummy is verified, so that "no such user" takes as long as a wrong secret.

        :raises HashingBusy: if no slot is free in time.
        """
        with self._slot():
            if hashed is not None and hashed.startswith(_WERKZEUG):
                return _matches_werkzeug(hashed, secret)
            return self._matches(self._dummy if hashed is None else hashed, secret)

    def _reset(self) -> None:
        self._slots = threading.BoundedSemaphore(self._concurrency)

    def _matches(self, hashed: str, secret: str) -> bool:
        try:
            return self._hasher.verify(hashed, secret)
        except (VerificationError, ValueError):  # wrong, or a damaged hash
            return False

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=self._wait_seconds):
            raise HashingBusy
        try:
            yield
        finally:
            self._slots.release()


def _hasher(cheap: bool) -> argon2.PasswordHasher:
    return argon2.PasswordHasher.from_parameters(CHEAP if cheap else OWASP)


@cache
def _dummy(cheap: bool) -> str:
    """Return the hash of a random secret. A process needs one for each cost."""
    return _hasher(cheap).hash(secrets.token_hex())


def _matches_werkzeug(hashed: str, secret: str) -> bool:
    try:
        return check_password_hash(hashed, secret)
    except ValueError:  # a damaged hash
        return False
