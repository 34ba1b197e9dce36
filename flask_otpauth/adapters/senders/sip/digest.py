"""Digest authentication against a trunk (RFC 3261 §22, with the algorithms of RFC 8760)."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import field

from flask_otpauth.adapters.senders.sip.messages import Response
from flask_otpauth.core.record import frozen
from flask_otpauth.core.sensitive import Sensitive

_PAIR = re.compile(r'([A-Za-z][A-Za-z0-9_-]*)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)')
#: The header with the challenge, and the one that answers it.
_ANSWERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


def _md5(text: bytes) -> str:
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


_HASHES: dict[str, Callable[[bytes], str]] = {"MD5": _md5, "SHA-256": _sha256}


@frozen
class Credentials:
    """What a trunk knows us by."""

    username: str
    password: str = field(repr=False)


@frozen
class Challenge:
    """A challenge that can be answered."""

    #: The name of the header that answers it.
    header: str
    realm: str
    nonce: str
    algorithm: str
    #: Whether the algorithm was named. A trunk that does not name it may not expect it in the answer.
    is_named: bool
    #: Whether the server offers ``qop=auth``. Without it, RFC 2069 holds.
    has_qop: bool
    opaque: str = ""
    #: Only the nonce was too old; the credentials were right.
    is_stale: bool = False


def challenge_in(response: Response) -> Challenge | None:
    """Return the first challenge that we can answer: the server lists the best one first (RFC 8760 §2.4)."""
    asked, answered = _ANSWERS[response.status]
    lines = [value for name, value in response.headers if name.lower() == asked.lower()]
    return next((found for line in lines if (found := _challenge(answered, line))), None)


def _challenge(header: str, line: str) -> Challenge | None:
    scheme, _, rest = line.partition(" ")
    given = {name.lower(): _unquoted(value) for name, value in _PAIR.findall(rest)}
    algorithm = given.get("algorithm", "MD5").upper()
    offered = [each.strip().lower() for each in given.get("qop", "").split(",") if each.strip()]
    if scheme.lower() != "digest" or algorithm not in _HASHES or (offered and "auth" not in offered):
        return None
    if "realm" not in given or "nonce" not in given:
        return None
    return Challenge(
        header,
        given["realm"],
        given["nonce"],
        algorithm,
        "algorithm" in given,
        bool(offered),
        given.get("opaque", ""),
        given.get("stale", "").lower() == "true",
    )


def authorization(
    challenge: Challenge, credentials: Credentials, method: str, uri: str, *, client_nonce: str = ""
) -> tuple[str, str]:
    """
    Return the header that answers ``challenge`` (RFC 7616 §3.4).

    Each challenge is answered once, so the count of the nonce is always 1.
    """
    digest = _HASHES[challenge.algorithm]
    client_nonce = client_nonce or secrets.token_hex(8)
    secret = Sensitive(f"{credentials.username}:{challenge.realm}:{credentials.password}")
    parts = [digest(secret.encode()), challenge.nonce]
    if challenge.has_qop:
        parts += ["00000001", client_nonce, "auth"]
    response = digest(":".join([*parts, digest(f"{method}:{uri}".encode())]).encode())
    values = {
        "username": _quoted(credentials.username),
        "realm": _quoted(challenge.realm),
        "nonce": _quoted(challenge.nonce),
        "uri": _quoted(uri),
        "response": _quoted(response),
    }
    if challenge.is_named:
        values["algorithm"] = challenge.algorithm
    if challenge.opaque:
        values["opaque"] = _quoted(challenge.opaque)
    if challenge.has_qop:
        values |= {"qop": "auth", "nc": "00000001", "cnonce": _quoted(client_nonce)}
    return challenge.header, "Digest " + ", ".join(f"{name}={value}" for name, value in values.items())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
