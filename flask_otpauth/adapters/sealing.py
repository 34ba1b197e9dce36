"""Sealing by the Fernet tokens of ``cryptography`` (AES-128-CBC with HMAC-SHA-256)."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from flask_otpauth.core.sensitive import SensitiveBytes
from flask_otpauth.ports.sealing import SealBroken


class FernetSealing:
    """
    A :class:`~flask_otpauth.ports.sealing.Sealing` with one or more keys of 32 bytes, the newest first.

    :raises ValueError: if ``cryptography`` is not installed. Its text is a sentence for the start-up error.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        try:
            # Only a host that seals needs it.
            from cryptography.fernet import Fernet, InvalidToken, MultiFernet
        except ImportError:
            needed = "messages that wait are encrypted, which needs an extra: pip install "
            raise ValueError(f"{needed}'flask-otpauth-server[crypto]'") from None
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
        self._broken = InvalidToken

    def seal(self, content: bytes) -> bytes:
        """See the port."""
        return self._fernet.encrypt(content)

    def open(self, sealed: bytes) -> bytes:
        """See the port."""
        try:
            return SensitiveBytes(self._fernet.decrypt(sealed))
        except self._broken:
            raise SealBroken("sealed with a key that is not in use, or changed since then") from None
