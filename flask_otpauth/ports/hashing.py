"""Memory-hard hashing, of a limited number of secrets at a time."""

from __future__ import annotations

from typing import Protocol


class Hasher(Protocol):
    """
    Hashes PINs and passwords.

    :raises ~flask_otpauth.core.errors.HashingBusy: if too many secrets are being hashed. Both methods
        raise it.
    """

    def hash(self, secret: str) -> str:
        """Return a salted hash that holds its own parameters."""

    def verify(self, hashed: str | None, secret: str) -> bool:
        """
        Return whether ``hashed`` is a hash of ``secret``.

        With ``None``, verify a dummy hash, which takes as long, and return ``False``.
        """
