"""
Keys: one secret in, one key for each use out (HKDF, RFC 5869, SHA-256).

A key of one use can never verify what was made for another, so a token or a digest that
leaves its place is worth nothing elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field

DIGEST_BYTES = 32
MIN_KEY_BYTES = 32


def derive(secret: bytes, use: str) -> bytes:
    """A key of 32 bytes for ``use`` (RFC 5869: extract, then expand by one block)."""
    extracted = hmac.digest(b"flask_otpauth", secret, hashlib.sha256)
    return hmac.digest(extracted, use.encode() + b"\x01", hashlib.sha256)


def keyed_digest(key: bytes, *parts: str | bytes) -> bytes:
    """HMAC-SHA-256 over ``parts``, each with its length, so that no two lists read alike."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        mac.update(len(data).to_bytes(4, "big") + data)
    return mac.digest()


@dataclass(frozen=True)
class KeyRing:
    """
    The app's secrets, newest first, and the one that keys the rows.

    New digests and signatures use the newest; older ones are still accepted until their
    secret is taken off the list. ``subject_key`` never changes with a rotation, or every
    quota and lock would start anew.
    """

    secrets: tuple[bytes, ...] = field(repr=False)
    subject_key: bytes = field(repr=False)

    def bound(self, issuer: str, audience: str) -> KeyRing:
        """
        The keys of the tokens that ``issuer`` makes for ``audience``. They differ from the keys of
        another app, even if both apps have the same secrets.
        """
        use = f"tokens {json.dumps([issuer, audience])}"
        return KeyRing(self.all(use), derive(self.subject_key, use))

    def newest(self, use: str) -> bytes:
        """The key that new digests of ``use`` are made with."""
        return derive(self.secrets[0], use)

    def all(self, use: str) -> tuple[bytes, ...]:
        """Every key of ``use`` that is still accepted, newest first."""
        return tuple(derive(secret, use) for secret in self.secrets)

    def row_key(self, *parts: str) -> bytes:
        """The primary key of the row that is about ``parts``: 32 bytes that tell nobody whom."""
        return keyed_digest(derive(self.subject_key, "rows"), *parts)

    def digests(self, use: str, *parts: str) -> tuple[bytes, ...]:
        """The digest of ``parts`` under every accepted key, newest first."""
        return tuple(keyed_digest(key, *parts) for key in self.all(use))
