"""
Signed tokens by PyJWT, read as strictly as they are written (RFC 7519, RFC 8725), and their keys.

A key is a secret of the app from which a key for each use is derived, or a key pair that a host
configures.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt

from flask_otpauth.core import strict_json
from flask_otpauth.core.errors import CredentialsInvalid
from flask_otpauth.core.instants import SKEW_MS
from flask_otpauth.core.keys import KeyRing, derive
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.core.sessions import LONGEST_TOKEN_LIFE

_HMAC = "HS256"
_ASYMMETRIC = ("RS256", "ES256", "EdDSA")
_KID_CHARACTERS = 16
_LONGEST_TOKEN = 4096
_LONGEST_LIFE_SECONDS = int(LONGEST_TOKEN_LIFE.total_seconds())


@dataclass(frozen=True)
class JwtKey:
    """
    A key and the one algorithm it is for (RFC 8725 §3.1).

    ``signing`` is ``None`` where a key only verifies. For HS256 both are a secret, from which
    a key for each use is derived; else a private and a public key of ``cryptography``.
    ``kid`` names the key in tokens and tells nothing of it.
    """

    kid: str
    algorithm: str
    signing: Any = field(repr=False)
    verification: Any = field(repr=False)

    @property
    def is_asymmetric(self) -> bool:
        """Whether others may have the key that verifies."""
        return self.algorithm != _HMAC

    def to_sign(self, use: str) -> Any:
        """The key that signs tokens of ``use``."""
        return self.signing if self.is_asymmetric else derive(self.signing, _purpose(use))

    def to_verify(self, use: str) -> Any:
        """The key that verifies tokens of ``use``."""
        return self.verification if self.is_asymmetric else derive(self.verification, _purpose(use))

    def as_jwk(self) -> dict[str, Any]:
        """The public key as RFC 7517 has it; only for an asymmetric key."""
        jwk = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.verification, as_dict=True)
        public = {name: value for name, value in jwk.items() if name != "key_ops"}
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}


def hmac_keys(ring: KeyRing) -> list[JwtKey]:
    """HS256 keys from the app's secrets, newest first."""
    return [
        JwtKey(derive(secret, "jwt kid").hex()[:_KID_CHARACTERS], _HMAC, secret, secret)
        for secret in ring.secrets
    ]


def configured_keys(entries: Sequence[Mapping[str, str]]) -> list[JwtKey]:
    """
    Asymmetric keys as a host configures them, newest first.

    An entry has ``kid``, ``alg`` (``RS256``, ``ES256``, ``EdDSA``) and ``key``, the private
    key in PEM; ``public_key`` instead of it makes a key that only verifies.

    :raises ValueError: if an entry is wrong, naming it by its place and never showing a key.
    """
    keys = [_configured(place, entry) for place, entry in enumerate(entries, 1)]
    if not keys or keys[0].signing is None:
        raise ValueError("the first key needs 'key', a private key to sign with")
    if len({key.kid for key in keys}) < len(keys):
        raise ValueError("two keys have the same 'kid'")
    return keys


def _configured(place: int, entry: Mapping[str, str]) -> JwtKey:
    kid, algorithm = entry.get("kid"), entry.get("alg")
    if not kid or not isinstance(kid, str):
        raise ValueError(f"key {place} has no 'kid'")
    if algorithm not in _ASYMMETRIC:
        raise ValueError(f"'alg' of key {place} must be one of {', '.join(_ASYMMETRIC)}")
    private = _loaded(place, algorithm, entry["key"]) if entry.get("key") else None
    public = _loaded(place, algorithm, entry["public_key"]) if entry.get("public_key") else None
    if private is not None and not hasattr(private, "public_key"):
        raise ValueError(f"'key' of key {place} is not a private key")
    if public is not None and hasattr(public, "public_key"):
        raise ValueError(f"'public_key' of key {place} is a private key")
    if private is not None and public not in (None, private.public_key()):
        raise ValueError(f"'public_key' of key {place} does not match its 'key'")
    if private is None and public is None:
        raise ValueError(f"key {place} has neither 'key' nor 'public_key'")
    return JwtKey(kid, algorithm, private, private.public_key() if private is not None else public)


def _loaded(place: int, algorithm: str, pem: str) -> Any:
    try:
        loader = jwt.get_algorithm_by_name(algorithm)
    except NotImplementedError:
        raise ValueError(f"key {place} needs an extra: pip install 'flask-otpauth-server[crypto]'") from None
    try:
        key = loader.prepare_key(pem)
        too_short = loader.check_key_length(key)
    except Exception:  # noqa: BLE001 - loaders fail in many ways, and some show the key
        raise ValueError(f"key {place} is not a valid PEM key for {algorithm}") from None
    if too_short:
        raise ValueError(f"key {place} is too short for {algorithm}")
    return key


def _purpose(use: str) -> str:
    return f"jwt {use}"


class JwtTokens:
    """
    Signs with the first of ``keys``, accepts what any of them signed.

    A token's audience is ``audience`` for the use ``access`` and ``audience#use`` for every other
    use, and HS256 keys differ by use as well. A token is valid until the instant ``exp``. One that
    was signed up to 30 s ahead of ``now`` is accepted, because the clocks of two servers never agree.

    :raises ValueError: if the first key cannot sign.
    """

    def __init__(self, keys: Sequence[JwtKey], issuer: str, audience: str) -> None:
        if not keys or keys[0].signing is None:
            raise ValueError("the first key must be able to sign")
        self._newest = keys[0]
        self._keys = {key.kid: key for key in keys}
        self._jws = jwt.PyJWS(algorithms=[key.algorithm for key in keys])
        self._issuer = issuer
        self._audience = audience

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
        if not begun or clock >= expires_at:
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
