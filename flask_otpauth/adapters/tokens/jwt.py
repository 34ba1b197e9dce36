"""
Signed tokens (RFC 7519, RFC 8725), and their keys. PyJWT signs with asymmetric ones.

A key is a secret from which a key for each use is derived, or a key pair that a host configures.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import cached_property
from typing import Protocol, runtime_checkable

import jwt
from jwt.algorithms import Algorithm
from pydantic_core import to_json

from flask_otpauth.core.errors import CredentialsInvalid
from flask_otpauth.core.instants import SKEW_MS
from flask_otpauth.core.keys import KeyRing, Mac, derive, from_base64url, random_base64url, to_base64url
from flask_otpauth.core.record import frozen
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.core.sessions import LONGEST_TOKEN_LIFE

_HMAC = "HS256"
_ASYMMETRIC = ("RS256", "ES256", "EdDSA")
_KID_CHARACTERS = 16
_LONGEST_TOKEN = 4096
_LONGEST_LIFE_SECONDS = int(LONGEST_TOKEN_LIFE.total_seconds())
_SKEW_SECONDS = SKEW_MS / 1000


@runtime_checkable
class _PrivateKey(Protocol):
    """What is used of the private keys of ``cryptography``, which is an optional dependency."""

    def public_key(self) -> object:
        """Return the public key of the pair."""


@frozen
class JwtKey:
    """A key, and the one algorithm that it is for (RFC 8725 §3.1)."""

    #: The name of the key in tokens. It reveals nothing about the key.
    kid: str
    algorithm: str
    #: A secret for HS256, otherwise a private key of ``cryptography``. ``None``: the key only verifies.
    signing: object = field(repr=False)
    #: The same secret for HS256, otherwise a public key of ``cryptography``.
    verification: object = field(repr=False)
    _macs: dict[str, Mac] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def is_asymmetric(self) -> bool:
        """Whether others may have the key that verifies."""
        return self.algorithm != _HMAC

    @cached_property
    def header(self) -> str:
        """The first segment of the tokens that this key signs."""
        return to_base64url(_as_json({"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}))

    def sign(self, use: str, text: bytes) -> bytes:
        """Return the signature of a token of ``use``."""
        if isinstance(self.signing, bytes):
            return self._mac(self.signing, use).digest(text)
        return self._algorithm.sign(text, self.signing)

    def verify(self, use: str, text: bytes, signature: bytes) -> bool:
        """Return whether the signature of a token of ``use`` is genuine."""
        if isinstance(self.verification, bytes):
            return hmac.compare_digest(self._mac(self.verification, use).digest(text), signature)
        return self._algorithm.verify(text, self.verification, signature)

    def as_jwk(self) -> dict[str, object]:
        """Return the public key of an asymmetric key as a JWK (RFC 7517)."""
        jwk = self._algorithm.to_jwk(self.verification, as_dict=True)
        public = {name: value for name, value in jwk.items() if name != "key_ops"}
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    @cached_property
    def _algorithm(self) -> Algorithm:
        return jwt.get_algorithm_by_name(self.algorithm)

    def _mac(self, secret: bytes, use: str) -> Mac:
        """Return what signs tokens of ``use`` with a secret: HS256 is HMAC-SHA-256 (RFC 7518 §3.2)."""
        mac = self._macs.get(use)
        if mac is None:
            mac = self._macs[use] = Mac(derive(secret, f"jwt {use}"))
        return mac


def hmac_keys(ring: KeyRing) -> list[JwtKey]:
    """Return the HS256 keys of the app's secrets, newest first."""
    return [
        JwtKey(derive(secret, "jwt kid").hex()[:_KID_CHARACTERS], _HMAC, secret, secret)
        for secret in ring.secrets
    ]


def configured_keys(entries: Sequence[Mapping[str, str]]) -> list[JwtKey]:
    """
    Return the asymmetric keys that a host configures, newest first.

    An entry has ``kid``, ``alg`` (``RS256``, ``ES256``, ``EdDSA``) and ``key``, the private key in
    PEM. An entry with ``public_key`` instead of ``key`` makes a key that only verifies.

    :raises ValueError: if an entry is wrong. The text names the entry by its position and never
        shows a key.
    """
    keys = [_configured_key(position, entry) for position, entry in enumerate(entries, 1)]
    if not keys or keys[0].signing is None:
        raise ValueError("the first key needs 'key', a private key to sign with")
    if len({key.kid for key in keys}) < len(keys):
        raise ValueError("two keys have the same 'kid'")
    return keys


def _configured_key(position: int, entry: Mapping[str, str]) -> JwtKey:
    kid, algorithm = entry.get("kid"), entry.get("alg")
    if not kid or not isinstance(kid, str):
        raise ValueError(f"key {position} has no 'kid'")
    if algorithm not in _ASYMMETRIC:
        raise ValueError(f"'alg' of key {position} must be one of {', '.join(_ASYMMETRIC)}")
    private = _load(position, algorithm, entry["key"]) if entry.get("key") else None
    public = _load(position, algorithm, entry["public_key"]) if entry.get("public_key") else None
    if isinstance(public, _PrivateKey):
        raise ValueError(f"'public_key' of key {position} is a private key")
    if private is None:
        if public is None:
            raise ValueError(f"key {position} has neither 'key' nor 'public_key'")
        return JwtKey(kid, algorithm, None, public)
    if not isinstance(private, _PrivateKey):
        raise ValueError(f"'key' of key {position} is not a private key")
    if public not in (None, private.public_key()):
        raise ValueError(f"'public_key' of key {position} does not match its 'key'")
    return JwtKey(kid, algorithm, private, private.public_key())


def _load(position: int, algorithm: str, pem: str) -> object:
    try:
        loader = jwt.get_algorithm_by_name(algorithm)
    except NotImplementedError:
        raise ValueError(
            f"key {position} needs an extra: pip install 'flask-otpauth-server[crypto]'"
        ) from None
    try:
        key: object = loader.prepare_key(pem)
        too_short = loader.check_key_length(key)
    except Exception:  # noqa: BLE001 - loaders fail in many ways, and some show the key
        raise ValueError(f"key {position} is not a valid PEM key for {algorithm}") from None
    if too_short:
        raise ValueError(f"key {position} is too short for {algorithm}")
    return key


class JwtTokens:
    """
    Signs with the first of ``keys``, and accepts what any of them signed.

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
        self._keys_by_header = {key.header: key for key in keys}
        self._issuer = issuer
        self._audience = audience

    def sign(self, use: str, claims: Mapping[str, object], issued_at: datetime, expires_at: datetime) -> str:
        """
        Return a token with ``claims`` and ``iss``, ``aud``, ``iat``, ``exp``, ``jti``.

        :raises ValueError: if the token could not be read, because it has no ``sub`` or ends before
            it begins, for example.
        """
        complete = {
            **claims,
            "iss": self._issuer,
            "aud": self._audience_of(use),
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": random_base64url(16),
        }
        self._check(use, complete, issued_at)
        unsigned = f"{self._newest.header}.{to_base64url(_as_json(complete))}"
        return Sensitive(f"{unsigned}.{to_base64url(self._newest.sign(use, unsigned.encode()))}")

    def read(self, use: str, token: str, now: datetime) -> Mapping[str, object]:
        """
        Return the claims of a token that is genuine and valid.

        :raises CredentialsInvalid: if it is not. The error does not say why.
        """
        try:
            return self._claims(use, token, now)
        except (ValueError, RecursionError):
            pass
        # Out here, so that no exception that quotes the token is the context of this one.
        raise CredentialsInvalid

    def jwks(self) -> dict[str, list[dict[str, object]]]:
        """Return the public keys as a JWK set (RFC 7517). Secrets are not in it."""
        return {"keys": [key.as_jwk() for key in self._keys.values() if key.is_asymmetric]}

    def _claims(self, use: str, token: str, now: datetime) -> Mapping[str, object]:
        if len(token) > _LONGEST_TOKEN:
            raise ValueError("too long")
        header, payload, signature = token.split(".")
        key = self._keys_by_header.get(header) or self._key_of(_json_object(from_base64url(header)))
        if not key.verify(use, f"{header}.{payload}".encode(), from_base64url(signature)):
            raise ValueError("the signature is wrong")
        claims = _json_object(from_base64url(payload))
        self._check(use, claims, now)
        return claims

    def _key_of(self, header: Mapping[str, object]) -> JwtKey:
        """Return the key that the header names. The header must have the algorithm of that key."""
        kid = header.get("kid")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None or header != {"alg": key.algorithm, "kid": kid, "typ": "JWT"}:
            raise ValueError("not a header that these keys make")
        return key

    def _check(self, use: str, claims: Mapping[str, object], now: datetime) -> None:
        if claims.get("iss") != self._issuer or claims.get("aud") != self._audience_of(use):
            raise ValueError("another issuer or audience")
        for name in ("sub", "jti", "sid") if use == "access" else ("sub", "jti"):
            if not isinstance(claims.get(name), str) or not claims[name]:
                raise ValueError(f"{name} is demanded, as text")
        issued_at, expires_at = _seconds(claims, "iat"), _seconds(claims, "exp")
        not_before = _seconds(claims, "nbf") if "nbf" in claims else 0
        if not issued_at < expires_at <= issued_at + _LONGEST_LIFE_SECONDS:
            raise ValueError("no sensible life")
        clock = now.timestamp()
        if max(issued_at, not_before) > clock + _SKEW_SECONDS or clock >= expires_at:
            raise ValueError("not valid yet, or expired")

    def _audience_of(self, use: str) -> str:
        return self._audience if use == "access" else f"{self._audience}#{use}"


def _seconds(claims: Mapping[str, object], name: str) -> int:
    value = claims.get(name)
    # Not isinstance: a bool is an int too.
    if type(value) is not int:
        raise ValueError(f"{name} is demanded, as an integer")
    return value


def _as_json(value: Mapping[str, object]) -> bytes:
    # Python reads NaN, which is not JSON. Here it becomes null, so it is read in no token.
    return to_json(value, inf_nan_mode="null")


def _json_object(raw: bytes) -> Mapping[str, object]:
    """
    Parse a JSON object in the one spelling that :func:`_as_json` yields. In another one, a name could be
    repeated, and two parsers could read two values (RFC 7519 §4).
    """
    parsed: object = json.loads(raw.decode())
    if not isinstance(parsed, dict) or _as_json(parsed) != raw:
        raise ValueError("not an object, or in another spelling")
    return parsed
