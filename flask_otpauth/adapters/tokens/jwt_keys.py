"""The keys that tokens are signed with: derived secrets, or key pairs that a host configures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt

from flask_otpauth.core.keys import KeyRing, derive

_HMAC = "HS256"
_ASYMMETRIC = ("RS256", "ES256", "EdDSA")
_KID_CHARACTERS = 16


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
