"""Signed tokens that carry their own claims."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol


class TokenSigner(Protocol):
    """
    Signs and reads tokens. ``use`` says what a token is for (``access``, ``client:sms``): one
    made for one use is refused for every other.
    """

    def sign(self, use: str, claims: Mapping[str, object], issued_at: datetime, expires_at: datetime) -> str:
        """A token with ``claims`` and ``iss``, ``aud``, ``iat``, ``exp``, ``jti``."""

    def read(self, use: str, token: str, now: datetime) -> Mapping[str, Any]:
        """
        The claims of a token that is genuine and alive.

        :raises CredentialsInvalid: if it is anything else (RFC 8725: algorithm, key, issuer,
            audience, use, demanded and typed claims, canonical encoding).
        """
