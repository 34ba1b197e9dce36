"""The secrets of an app, and the signer of its tokens."""

from __future__ import annotations

from flask_otpauth.adapters.sealing import FernetSealing
from flask_otpauth.adapters.tokens.jwt import JwtTokens, configured_keys, hmac_keys
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.keys import MIN_KEY_BYTES, KeyRing
from flask_otpauth.core.weak_keys import is_weak
from flask_otpauth.engine.subject_keys import find_marked
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.databases import Databases


def key_ring(assembly: Assembly, stores: Databases) -> KeyRing:
    """Return the keys of the app. Add a problem for weak secrets, except in debug mode and in tests."""
    name, secrets = _secrets(assembly)
    subject_key = assembly.shared.subject_key
    if not secrets:
        assembly.problems.append(f"{name}: set a random secret of at least {MIN_KEY_BYTES} bytes")
        return KeyRing((b"",), b"")
    if not (assembly.app.debug or assembly.app.testing or assembly.shared.allow_weak_keys):
        given = {name: secrets, "OTPAUTH_SUBJECT_KEY": (subject_key,) if subject_key else ()}
        assembly.problems += [
            f"{key}: a secret is shorter than {MIN_KEY_BYTES} bytes or too simple "
            "(a sample, words, a repetition). Generate one: "
            "python -c 'import secrets; print(secrets.token_hex(32))'"
            for key, keys in given.items()
            if any(is_weak(each) for each in keys)
        ]
    return KeyRing(secrets, subject_key or _subject_key(assembly, secrets, stores))


def _subject_key(assembly: Assembly, secrets: tuple[bytes, ...], stores: Databases) -> bytes:
    """
    Return the secret from which row keys are derived, if ``OTPAUTH_SUBJECT_KEY`` is not set.

    If there are several secrets, it is the one whose mark is in the store. Their order says nothing, because
    Flask accepts ``SECRET_KEY_FALLBACKS`` in any order. With a wrong key, every row would be lost.
    """
    candidates = tuple(dict.fromkeys(secrets))
    if len(candidates) == 1 or stores.are_new:
        return candidates[0]
    try:
        found = find_marked(stores.storage, candidates)
    except StorageUnavailable:
        found = []
    if len(found) != 1:
        assembly.problems.append(
            "OTPAUTH_SUBJECT_KEY: there are several secrets, and the database does not show which one was in "
            "use when the tables were made. Set this key to that secret (for new tables, to any secret that "
            "you will keep). With a wrong one, all quotas, locks, PINs, passwords and client secrets are lost"
        )
        return candidates[0]
    return found[0]


def _secrets(assembly: Assembly) -> tuple[str, tuple[bytes, ...]]:
    """Return the name of the setting that has the secrets, and the secrets, newest first."""
    own = tuple(each for each in assembly.shared.secret_keys or () if each)
    if own:
        return "OTPAUTH_SECRET_KEYS", own
    config = assembly.app.config
    given = [each for each in (config.get("SECRET_KEY"), *(config.get("SECRET_KEY_FALLBACKS") or ())) if each]
    if not all(isinstance(each, (str, bytes)) for each in given):
        # from_prefixed_env turns a value of digits into a number, unless it is quoted.
        assembly.problems.append("SECRET_KEY: expected a string or bytes")
    texts = (each for each in given if isinstance(each, (str, bytes)))
    return "SECRET_KEY", tuple(each.encode() if isinstance(each, str) else each for each in texts)


def signer(assembly: Assembly, keys: KeyRing) -> JwtTokens:
    """Return the signer of tokens: with derived keys (HS256), or with the keys of the configuration."""
    shared = assembly.shared
    signing = hmac_keys(keys)
    if shared.jwt_keys is not None:
        try:
            signing = configured_keys(shared.jwt_keys)
        except ValueError as error:
            assembly.problems.append(f"OTPAUTH_JWT_KEYS: {error}")
    return JwtTokens(signing, shared.jwt_issuer, _audience(assembly))


def sealing(keys: KeyRing) -> FernetSealing | None:
    """Return what encrypts texts. ``None``: the extra ``crypto`` is not installed."""
    try:
        return FernetSealing(keys.all("sealing"))
    except ValueError:
        return None


def token_ring(assembly: Assembly, keys: KeyRing) -> KeyRing:
    """Return the keys of the app's tokens. Another app with the same secrets has other keys."""
    return keys.bound(assembly.shared.jwt_issuer, _audience(assembly))


def _audience(assembly: Assembly) -> str:
    return assembly.shared.jwt_audience or assembly.app.import_name
