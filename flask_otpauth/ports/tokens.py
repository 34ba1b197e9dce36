"""Signed tokens with claims."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol


class TokenSigner(Protocol):
    """
    Signs and reads tokens.

    ``use`` is what a token is for, such as ``access`` or ``client:sms``. A token of one use is refused for
    every other use.
    """

    def sign(self, use: str, claims: Mapping[str, object], issued_at: datetime, expires_at: datetime) -> str:
        """Return a token with ``claims`` and ``iss``, ``aud``, ``iat``, ``exp``, ``jti``."""

    def read(self, use: str, token: str, now: datetime) -> Mapping[str, Any]:
        """
        Return the claims of a token that is genuine and valid now.

        :raises CredentialsInvalid: if it is not. RFC 8725 says what to check: algorithm, key, issuer,
            audience, use, the required claims and their types, canonical encoding.
        """
