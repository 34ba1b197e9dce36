"""The app's secrets, and who signs tokens."""

from __future__ import annotations

from typing import Any

from flask_otpauth.adapters.tokens import JwtTokens, configured_keys, hmac_keys
from flask_otpauth.core.keys import MIN_KEY_BYTES, KeyRing
from flask_otpauth.wiring.setup import Setup

_DIFFERENT_BYTES = 8


def key_ring(setup: Setup) -> KeyRing:
    """The secrets of the configuration; weak ones are refused outside of debugging and tests."""
    config, shared = setup.app.config, setup.shared
    given: tuple[Any, ...] = shared.secret_keys or (
        config.get("SECRET_KEY"),
        *(config.get("SECRET_KEY_FALLBACKS") or ()),
    )
    secrets = tuple(key.encode() if isinstance(key, str) else bytes(key) for key in given if key)
    name = "OTPAUTH_SECRET_KEYS" if shared.secret_keys else "SECRET_KEY"
    if not secrets:
        setup.problems.append(f"{name}: set a random secret of at least {MIN_KEY_BYTES} bytes")
        return KeyRing((b"",), b"")
    lenient = setup.app.debug or setup.app.testing or shared.allow_weak_keys
    if not lenient and any(_is_weak(key) for key in secrets):
        setup.problems.append(
            f"{name}: a secret is shorter than {MIN_KEY_BYTES} bytes or too simple; "
            "python -c 'import secrets; print(secrets.token_hex(32))' makes a good one"
        )
    return KeyRing(secrets, (shared.subject_key or "").encode() or secrets[-1])


def signer(setup: Setup, keys: KeyRing) -> JwtTokens:
    """Who signs access tokens: HS256 with derived keys, or the asymmetric keys of the configuration."""
    shared = setup.shared
    signing = hmac_keys(keys)
    if shared.jwt_keys is not None:
        try:
            signing = configured_keys(shared.jwt_keys)
        except ValueError as error:
            setup.problems.append(f"OTPAUTH_JWT_KEYS: {error}")
    return JwtTokens(signing, shared.jwt_issuer, shared.jwt_audience or setup.app.import_name)


def _is_weak(key: bytes) -> bool:
    return len(key) < MIN_KEY_BYTES or len(set(key)) < _DIFFERENT_BYTES
