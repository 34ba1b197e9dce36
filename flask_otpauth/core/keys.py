"""
Keys, digests and the text of bytes.

From one secret, a key is derived for each use (HKDF, RFC 5869, SHA-256). A key of one use cannot verify
what was made for another use, so a token or a digest of one use is not accepted for another.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
import os
from dataclasses import field

from flask_otpauth.core.record import frozen

DIGEST_BYTES = 32
MIN_KEY_BYTES = 32
_BLOCK_BYTES = 64

_URL_SAFE, _PLAIN = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


def derive(secret: bytes, use: str) -> bytes:
    """Return a key of 32 bytes for ``use`` (RFC 5869: extract, then expand by one block)."""
    extracted = hmac.digest(b"flask_otpauth", secret, hashlib.sha256)
    return hmac.digest(extracted, use.encode() + b"\x01", hashlib.sha256)


class Mac:
    """
    HMAC-SHA-256 with a key (RFC 2104).

    Both of its hashes begin with the key. They are begun once, and copied for each digest. ``hmac.digest``
    would take twice as long, and so would a copy of ``hmac.new``.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, message: bytes) -> bytes:
        """Return the HMAC of ``message``."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


#: The first bytes of a part in ASCII, by its length: four bytes, big-endian.
_LENGTHS = tuple([length.to_bytes(4, "big").decode() for length in range(128)])


def keyed_digest(mac: Mac, *parts: str) -> bytes:
    """Return the HMAC of ``parts``, each with its length: no other list of parts has the same."""
    # No variable holds what is encoded: a crash report shows local variables.
    try:
        return mac.digest("".join([_LENGTHS[len(part)] + part for part in parts]).encode("ascii"))
    except (IndexError, UnicodeEncodeError):
        return mac.digest(
            b"".join([len(str.encode(part)).to_bytes(4, "big") + str.encode(part) for part in parts])
        )


def to_base64url(raw: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    # Not by base64.urlsafe_b64encode, which needs three calls for the same two steps.
    return binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode()


def random_base64url(size_bytes: int) -> str:
    """Return random bytes of the system's generator, as base64url."""
    return to_base64url(os.urandom(size_bytes))


def from_base64url(text: str) -> bytes:
    """
    Return the bytes of base64url without padding.

    :raises ValueError: if the text is anything else. Several texts can be decoded to the same bytes; only
        the one that encoding returns is accepted.
    """
    # What is no canonical text of these bytes is found by encoding them again, so decoding can be lenient.
    raw = binascii.a2b_base64(text.encode("ascii").translate(_PLAIN) + b"=" * (-len(text) % 4))
    if to_base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


@frozen
class KeyRing:
    """
    The secrets of an app, and the keys that are derived from them.

    A use is a constant of the code. So there are few of them, and what makes their digests is kept.
    """

    #: The newest first. New digests and signatures are made with the newest. The older ones are accepted
    #: until they are removed from the list.
    secrets: tuple[bytes, ...] = field(repr=False)
    #: The secret from which row keys are derived. It stays the same when secrets are rotated: new row keys
    #: would reset all quotas and locks.
    subject_key: bytes = field(repr=False)
    _by_use: dict[str, tuple[Mac, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _of_subjects: dict[str, Mac] = field(default_factory=dict, init=False, repr=False, compare=False)

    def bound(self, issuer: str, audience: str) -> KeyRing:
        """
        Return the keys of the tokens that ``issuer`` makes for ``audience``.

        They differ from the keys of another app, even if both apps have the same secrets.
        """
        use = f"tokens {json.dumps([issuer, audience])}"
        return KeyRing(self.all(use), derive(self.subject_key, use))

    def all(self, use: str) -> tuple[bytes, ...]:
        """Return every accepted key of ``use``, the newest first."""
        return tuple(derive(secret, use) for secret in self.secrets)

    def digests(self, use: str, *parts: str) -> tuple[bytes, ...]:
        """Return the digest of ``parts`` under every accepted key of ``use``, the newest first."""
        macs = self._by_use.get(use)
        if macs is None:
            macs = self._by_use[use] = tuple(Mac(key) for key in self.all(use))
        return tuple([keyed_digest(mac, *parts) for mac in macs])

    def row_key(self, *parts: str) -> bytes:
        """Return the primary key of the row about ``parts``: 32 bytes that do not show them."""
        return self.subject_digest("rows", *parts)

    def subject_digest(self, use: str, *parts: str) -> bytes:
        """Return the digest of ``parts`` under the key of ``use`` that is not rotated."""
        mac = self._of_subjects.get(use)
        if mac is None:
            mac = self._of_subjects[use] = Mac(derive(self.subject_key, use))
        return keyed_digest(mac, *parts)
