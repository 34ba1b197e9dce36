"""Signed tokens by PyJWT, read as strictly as they are written (RFC 7519, RFC 8725)."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jwt

from flask_otpauth.adapters.tokens.jwt_keys import JwtKey, configured_keys, hmac_keys
from flask_otpauth.core import strict_json
from flask_otpauth.core.errors import CredentialsInvalid
from flask_otpauth.core.instants import SKEW_MS
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.core.sessions import LONGEST_TOKEN_LIFE

__all__ = ["JwtKey", "JwtTokens", "configured_keys", "hmac_keys"]

_LONGEST_TOKEN = 4096
_LONGEST_LIFE_SECONDS = int(LONGEST_TOKEN_LIFE.total_seconds())
_MAX_LEEWAY_SECONDS = 30


class JwtTokens:
    """
    Signs with the first of ``keys``, accepts what any of them signed.

    A token's audience is ``audience`` for the use ``access`` and ``audience#use`` for every
    other, and HS256 keys differ by use as well. A token dies at the instant ``exp``, or up to 30
    ``leeway_seconds`` later; one that was signed up to 30 s ahead of ``now`` is accepted, since
    the clocks of two servers never agree.

    :raises ValueError: if the first key cannot sign, or the leeway is out of bounds.
    """

    def __init__(
        self, keys: Sequence[JwtKey], issuer: str, audience: str, *, leeway_seconds: int = 0
    ) -> None:
        if not keys or keys[0].signing is None:
            raise ValueError("the first key must be able to sign")
        if not 0 <= leeway_seconds <= _MAX_LEEWAY_SECONDS:
            raise ValueError(f"leeway must be between 0 and {_MAX_LEEWAY_SECONDS} seconds")
        self._newest = keys[0]
        self._keys = {key.kid: key for key in keys}
        self._jws = jwt.PyJWS(algorithms=[key.algorithm for key in keys])
        self._issuer = issuer
        self._audience = audience
        self._leeway_seconds = leeway_seconds

    def sign(self, use: str, claims: Mapping[str, Any], issued_at: datetime, expires_at: datetime) -> str:
        """
        A token with ``claims`` and ``iss``, ``aud``, ``iat``, ``exp``, ``jti``.

        :raises ValueError: if it could not be read: no ``sub``, say, or an end before its beginning.
        """
        complete = {
            **claims,
            "iss": self._issuer,
            "aud": self._audience_of(use),
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": secrets.token_urlsafe(16),
        }
        self._check(use, complete, issued_at)
        payload = json.dumps(complete, separators=(",", ":")).encode()
        key = self._newest
        token = self._jws.encode(payload, key.to_sign(use), key.algorithm, headers={"kid": key.kid})
        return Sensitive(token)

    def read(self, use: str, token: str, now: datetime) -> Mapping[str, Any]:
        """
        The claims of a token that is genuine and alive.

        :raises CredentialsInvalid: if it is anything else; why is not told.
        """
        try:
            return self._claims(use, token, now)
        except (jwt.PyJWTError, ValueError, RecursionError):
            pass
        # Out here, so that no exception that quotes the token hangs on to this one.
        raise CredentialsInvalid

    def jwks(self) -> dict[str, Any]:
        """The public keys (RFC 7517); none where all are secrets."""
        return {"keys": [key.as_jwk() for key in self._keys.values() if key.is_asymmetric]}

    def _claims(self, use: str, token: str, now: datetime) -> dict[str, Any]:
        if len(token) > _LONGEST_TOKEN:
            raise ValueError("too long")
        header, _, _ = [_decoded(segment) for segment in token.split(".")]
        key = self._key_for(_json_object(header))
        payload = self._jws.decode(token, key.to_verify(use), algorithms=[key.algorithm])
        claims = _json_object(payload)
        self._check(use, claims, now)
        return claims

    def _key_for(self, header: dict[str, Any]) -> JwtKey:
        """Ours by its name; the algorithm comes from the key, and the header may only agree."""
        kid = header.get("kid")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None or header != {"alg": key.algorithm, "kid": kid, "typ": "JWT"}:
            raise ValueError("not a header of ours")
        return key

    def _check(self, use: str, claims: Mapping[str, Any], now: datetime) -> None:
        if claims.get("iss") != self._issuer or claims.get("aud") != self._audience_of(use):
            raise ValueError("another issuer or audience")
        for name in ("sub", "jti", "sid") if use == "access" else ("sub", "jti"):
            if not isinstance(claims.get(name), str) or not claims[name]:
                raise ValueError(f"{name} is demanded, as text")
        issued_at, expires_at, not_before = claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)
        # Neither a bool nor a float, which would pass for an int in a comparison.
        if not type(issued_at) is type(expires_at) is type(not_before) is int:
            raise ValueError("iat and exp are demanded, as integers")
        if not 0 <= issued_at < expires_at <= issued_at + _LONGEST_LIFE_SECONDS:
            raise ValueError("no sensible life")
        clock = now.timestamp()
        begun = max(issued_at, not_before) <= clock + SKEW_MS / 1000
        if not begun or clock >= expires_at + self._leeway_seconds:
            raise ValueError("not alive")

    def _audience_of(self, use: str) -> str:
        return self._audience if use == "access" else f"{self._audience}#{use}"


def _decoded(segment: str) -> bytes:
    """Base64url without padding, in the one spelling that encoding yields (RFC 7515 §2)."""
    raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != segment.encode():
        raise ValueError("not canonical")
    return raw


def _json_object(raw: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8 that says nothing twice."""
    parsed = strict_json.loads(raw.decode())
    if not isinstance(parsed, dict):
        raise ValueError("not an object")
    return parsed
