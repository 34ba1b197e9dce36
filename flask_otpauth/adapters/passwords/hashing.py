"""Memory-hard hashing by argon2, with a limit on the hashes that run at the same time."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import argon2
from argon2.exceptions import VerificationError
from argon2.low_level import ARGON2_VERSION
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
        self._dummy = _dummy(self._hasher)
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


def _dummy(hasher: argon2.PasswordHasher) -> str:
    """Return a hash of no known secret. It is drawn and not computed, because an app starts faster then."""
    salt, digest = map(_random_base64, (hasher.salt_len, hasher.hash_len))
    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${parameters}${salt}${digest}"


def _random_base64(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")


def _matches_werkzeug(hashed: str, secret: str) -> bool:
    try:
        return check_password_hash(hashed, secret)
    except ValueError:  # a damaged hash
        return False
