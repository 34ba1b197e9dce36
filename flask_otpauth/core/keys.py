"""
Keys, digests and the text of bytes.

From one secret, a key is derived for each use (HKDF, RFC 5869, SHA-256). A key of one use cannot verify
what was made for another use, so a token or a digest of one use is not accepted for another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field

DIGEST_BYTES = 32
MIN_KEY_BYTES = 32


def derive(secret: bytes, use: str) -> bytes:
    """Return a key of 32 bytes for ``use`` (RFC 5869: extract, then expand by one block)."""
    extracted = hmac.digest(b"flask_otpauth", secret, hashlib.sha256)
    return hmac.digest(extracted, use.encode() + b"\x01", hashlib.sha256)


def keyed_digest(key: bytes, *parts: str | bytes) -> bytes:
    """Return the HMAC-SHA-256 of ``parts``, each with its length: no other list of parts has the same."""
    return hmac.digest(key, b"".join([_with_length(part) for part in parts]), hashlib.sha256)


def _with_length(part: str | bytes) -> bytes:
    # No variable holds the bytes, which are as secret as the part: a crash report stores local variables.
    if isinstance(part, str):
        return len(str.encode(part)).to_bytes(4, "big") + str.encode(part)
    return len(part).to_bytes(4, "big") + part


def to_base64url(raw: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """
    Return the bytes of base64url without padding.

    :raises ValueError: if the text is anything else. Several texts can be decoded to the same bytes; only
        the one that encoding returns is accepted.
    """
    raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if to_base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


@dataclass(frozen=True)
class KeyRing:
    """
    The secrets of an app, and the keys that are derived from them.

    A use is a constant of the code, so there are few of them, and each key is derived once.
    """

    #: The newest first. New digests and signatures are made with the newest. The older ones are accepted
    #: until they are removed from the list.
    secrets: tuple[bytes, ...] = field(repr=False)
    #: The secret from which row keys are derived. It stays the same when secrets are rotated: new row keys
    #: would reset all quotas and locks.
    subject_key: bytes = field(repr=False)
    _by_use: dict[str, tuple[bytes, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _of_subjects: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    def bound(self, issuer: str, audience: str) -> KeyRing:
        """
        Return the keys of the tokens that ``issuer`` makes for ``audience``.

        They differ from the keys of another app, even if both apps have the same secrets.
        """
        use = f"tokens {json.dumps([issuer, audience])}"
        return KeyRing(self.all(use), derive(self.subject_key, use))

    def all(self, use: str) -> tuple[bytes, ...]:
        """Return every accepted key of ``use``, the newest first."""
        keys = self._by_use.get(use)
        if keys is None:
            keys = self._by_use[use] = tuple(derive(secret, use) for secret in self.secrets)
        return keys

    def digests(self, use: str, *parts: str) -> tuple[bytes, ...]:
        """Return the digest of ``parts`` under every accepted key of ``use``, the newest first."""
        return tuple([keyed_digest(key, *parts) for key in self.all(use)])

    def row_key(self, *parts: str) -> bytes:
        """Return the primary key of the row about ``parts``: 32 bytes that do not show them."""
        return self.subject_digest("rows", *parts)

    def subject_digest(self, use: str, *parts: str) -> bytes:
        """Return the digest of ``parts`` under the key of ``use`` that is not rotated."""
        key = self._of_subjects.get(use)
        if key is None:
            key = self._of_subjects[use] = derive(self.subject_key, use)
        return keyed_digest(key, *parts)
