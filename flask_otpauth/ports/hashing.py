"""Memory-hard hashing, a bounded number at a time."""

from __future__ import annotations

from typing import Protocol


class Hasher(Protocol):
    """
    Hashes PINs and passwords.

    Raises :exc:`~flask_otpauth.core.errors.HashingBusy` when no place is free in time.
    """

    def hash(self, secret: str) -> str:
        """A salted hash that holds its own parameters."""

    def verify(self, hashed: str | None, secret: str) -> bool:
        """Whether it is the secret; with ``None`` a dummy is verified, which takes as long and fails."""
