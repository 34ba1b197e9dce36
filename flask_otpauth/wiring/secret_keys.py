"""The app's secrets, and who signs tokens."""

from __future__ import annotations

from flask_otpauth.adapters.tokens.jwt import JwtTokens, configured_keys, hmac_keys
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.keys import MIN_KEY_BYTES, KeyRing
from flask_otpauth.core.weak_keys import is_weak
from flask_otpauth.engine.subject_keys import find_marked
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.databases import Databases


def key_ring(assembly: Assembly, stores: Databases) -> KeyRing:
    """The secrets of the configuration; weak ones are refused outside of debugging and tests."""
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
    The secret that the rows are keyed by, where the configuration does not say.

    With several it is the one whose mark is in the store. Nothing is guessed from their order: Flask
    takes ``SECRET_KEY_FALLBACKS`` in any, and under another key every row would be lost.
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
    """The key of the configuration that holds the secrets, and the secrets, newest first."""
    own = tuple(each for each in assembly.shared.secret_keys or () if each)
    if own:
        return "OTPAUTH_SECRET_KEYS", own
    config = assembly.app.config
    given = [each for each in (config.get("SECRET_KEY"), *(config.get("SECRET_KEY_FALLBACKS") or ())) if each]
    if not all(isinstance(each, (str, bytes)) for each in given):
        # from_prefixed_env makes a number of digits: quote them.
        assembly.problems.append("SECRET_KEY: expected a string or bytes")
    texts = (each for each in given if isinstance(each, (str, bytes)))
    return "SECRET_KEY", tuple(each.encode() if isinstance(each, str) else each for each in texts)


def signer(assembly: Assembly, keys: KeyRing) -> JwtTokens:
    """Who signs access tokens: HS256 with derived keys, or the asymmetric keys of the configuration."""
    shared = assembly.shared
    signing = hmac_keys(keys)
    if shared.jwt_keys is not None:
        try:
            signing = configured_keys(shared.jwt_keys)
        except ValueError as error:
            assembly.problems.append(f"OTPAUTH_JWT_KEYS: {error}")
    return JwtTokens(signing, shared.jwt_issuer, _audience(assembly))


def token_ring(assembly: Assembly, keys: KeyRing) -> KeyRing:
    """The keys of the app's tokens: not those of another app that has the same secrets."""
    return keys.bound(assembly.shared.jwt_issuer, _audience(assembly))


def _audience(assembly: Assembly) -> str:
    return assembly.shared.jwt_audience or assembly.app.import_name
