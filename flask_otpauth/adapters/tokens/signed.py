"""Signed tokens by itsdangerous, which a host makes and reads in its own code."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime

from itsdangerous import BadData, URLSafeSerializer

from flask_otpauth.core.errors import CredentialsInvalid
from flask_otpauth.core.instants import SKEW_MS, epoch_ms
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.sensitive import Sensitive


class SignedTokens:
    """
    A :class:`~flask_otpauth.ports.tokens.TokenSigner` with the keys of one app.

    The use is the salt, so a token made for one use is refused for every other. The times are
    claims, and are compared with the clock of the app.
    """

    def __init__(self, keys: KeyRing) -> None:
        # itsdangerous signs with the last key of its list.
        self._keys = list(reversed(keys.all("signed tokens")))

    def sign(self, use: str, claims: Mapping[str, object], issued_at: datetime, expires_at: datetime) -> str:
        """Return a token with ``claims``, ``iat`` and ``exp`` (epoch milliseconds) and ``jti``."""
        times = {"iat": epoch_ms(issued_at), "exp": epoch_ms(expires_at)}
        payload = {**claims, **times, "jti": secrets.token_urlsafe(9)}
        return Sensitive(self._serializer(use).dumps(payload))

    def read(self, use: str, token: str, now: datetime) -> Mapping[str, object]:
        """
        Return the claims of a token that is genuine and valid.

        :raises CredentialsInvalid: if it is not.
        """
        try:
            claims: object = self._serializer(use).loads(token)
        except BadData:
            raise CredentialsInvalid from None
        if not isinstance(claims, dict) or not _is_valid(claims["iat"], claims["exp"], epoch_ms(now)):
            raise CredentialsInvalid
        return claims

    def _serializer(self, use: str) -> URLSafeSerializer:
        return URLSafeSerializer(self._keys, salt=f"flask_otpauth.{use}")


def _is_valid(issued_at_ms: int, expires_at_ms: int, now_ms: int) -> bool:
    return issued_at_ms <= now_ms + SKEW_MS and now_ms < expires_at_ms
