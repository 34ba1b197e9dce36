"""Opaque signed tokens on itsdangerous: for what a host's own code hands to its own app."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from flask_otpauth.core.errors import CredentialsInvalid
from flask_otpauth.core.instants import SKEW_MS, epoch_ms
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.core.sensitive import Sensitive


class SignedTokens:
    """
    A :class:`~flask_otpauth.ports.tokens.TokenSigner`. The use is the salt, so that a token made
    for one is refused for every other, and ``keys`` are those of one app; its times are claims,
    judged by the injected clock.
    """

    def __init__(self, keys: KeyRing) -> None:
        # itsdangerous signs with the last key of its list.
        self._keys = list(reversed(keys.all("signed tokens")))

    def sign(self, use: str, claims: Mapping[str, Any], issued_at: datetime, expires_at: datetime) -> str:
        """A token with ``claims``, ``iat`` and ``exp`` (epoch milliseconds) and ``jti``."""
        times = {"iat": epoch_ms(issued_at), "exp": epoch_ms(expires_at)}
        payload = {**claims, **times, "jti": secrets.token_urlsafe(9)}
        return Sensitive(self._serializer(use).dumps(payload))

    def read(self, use: str, token: str, now: datetime) -> Mapping[str, Any]:
        """
        The claims of a token that is genuine and alive.

        :raises CredentialsInvalid: otherwise.
        """
        try:
            claims = self._serializer(use).loads(token)
        except BadData:
            raise CredentialsInvalid from None
        if not isinstance(claims, dict) or not _is_alive(claims, epoch_ms(now)):
            raise CredentialsInvalid
        return claims

    def _serializer(self, use: str) -> URLSafeSerializer:
        return URLSafeSerializer(self._keys, salt=f"flask_otpauth.{use}")


def _is_alive(claims: Mapping[str, Any], now_ms: int) -> bool:
    return bool(claims["iat"] <= now_ms + SKEW_MS and now_ms < claims["exp"])
