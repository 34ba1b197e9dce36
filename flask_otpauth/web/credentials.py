"""How a client of a server-to-server flow shows who it is."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from urllib.parse import unquote_plus

from flask_otpauth.core.clients import Client
from flask_otpauth.core.errors import CredentialsMissing, FreshLoginRequired, Refusal
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.engine.services import Services
from flask_otpauth.engine.sessions import Login


class Headers(Protocol):
    """The headers of a request, whatever the case of their names."""

    def get(self, name: str, default: str, /) -> str:
        """The value of one header."""


@dataclass(frozen=True)
class Presented:
    """The headers of a request with each value made sensitive, since it may be a credential."""

    headers: Headers = field(repr=False)

    def get(self, name: str, default: str, /) -> Sensitive:
        """The value of one header."""
        return Sensitive(self.headers.get(name, default))


class Credential(Protocol):
    """One presentation of a client's credential."""

    @property
    def scheme(self) -> str:
        """The value of ``WWW-Authenticate`` on a 401."""

    def client(self, headers: Headers, services: Services) -> Client:
        """
        The client that these headers name.

        :raises NotAuthenticated: if no client is proved.
        :raises NotPermitted: if it is blocked or not made for the flow.
        """


@dataclass(frozen=True)
class UserToken:
    """
    An operation demands a live access token of a user, or the field ``or_field`` in the body, which
    stands in for one.
    """

    or_field: str


def scheme_and_token(authorization: str) -> tuple[str, str]:
    """The scheme of an ``Authorization`` header in lower case, and what follows it."""
    scheme, _, token = map(Sensitive, authorization.strip().partition(" "))
    return scheme.lower(), Sensitive(token.strip())


def bearer_token(authorization: str) -> str | None:
    """The token of ``Authorization: Bearer …`` (RFC 6750 §2.1), ``None`` without one."""
    scheme, token = scheme_and_token(authorization)
    return token if scheme == "bearer" and token else None


def user_login(headers: Headers, services: Services, max_age: timedelta | None = None) -> Login:
    """
    Whose access token the headers hold. One in the query, the body or a cookie is not looked at.

    :raises CredentialsMissing: if there is none.
    :raises CredentialsInvalid: if it is malformed, expired or revoked.
    :raises FreshLoginRequired: if the login is older than ``max_age``.
    """
    token = bearer_token(headers.get("Authorization", ""))
    if token is None:
        raise CredentialsMissing
    return services.sessions.check(token, max_age)


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """A client's id and secret as HTTP Basic, each form-encoded before (RFC 6749 §2.3.1)."""
    scheme, token = scheme_and_token(authorization)
    if scheme != "basic":
        return None
    try:
        pair = Sensitive(base64.b64decode(token, validate=True).decode())
    except (binascii.Error, ValueError):
        return "", ""
    user, colon, password = map(Sensitive, pair.partition(":"))
    return (unquote_plus(user), Sensitive(unquote_plus(password))) if colon else ("", "")


@dataclass(frozen=True)
class SecretHeader:
    """The secret itself in a header of its own (``X-Application-Token``)."""

    flow: str
    header: str
    scheme: str = ""

    def client(self, headers: Headers, services: Services) -> Client:
        """Whose secret the header holds."""
        secret = Sensitive(headers.get(self.header, "").strip())
        if not secret:
            raise CredentialsMissing
        return services.clients.by_secret(secret, self.flow)[0]


@dataclass(frozen=True)
class SignedToken:
    """``Authorization: Bearer`` with a signed token that was bought with id and secret."""

    flow: str
    scheme: str = "Bearer"

    def client(self, headers: Headers, services: Services) -> Client:
        """Whose token it is."""
        token = bearer_token(headers.get("Authorization", ""))
        if token is None:
            raise CredentialsMissing
        return services.clients.by_signed_token(token, self.flow)


@dataclass(frozen=True)
class BareToken:
    """``Authorization`` with an opaque token, bare as documented, or behind ``Bearer``."""

    flow: str
    scheme: str = "Bearer"

    def client(self, headers: Headers, services: Services) -> Client:
        """Whose token it is."""
        authorization = Sensitive(headers.get("Authorization", "").strip())
        token = bearer_token(authorization) or authorization
        if not token:
            raise CredentialsMissing
        return services.clients.by_token(token, self.flow)


@dataclass(frozen=True)
class SecretOrSignedToken:
    """``Authorization: Token <secret>``, or ``Bearer`` with a signed token that it bought."""

    flow: str
    scheme: str = "Token"

    def client(self, headers: Headers, services: Services) -> Client:
        """Whose credential it is."""
        scheme, token = scheme_and_token(headers.get("Authorization", ""))
        if not token or scheme not in ("token", "bearer"):
            raise CredentialsMissing
        if scheme == "token":
            return services.clients.by_secret(token, self.flow)[0]
        return services.clients.by_signed_token(token, self.flow)


def user_challenge(refusal: Refusal) -> str:
    """``WWW-Authenticate`` for a user's access token (RFC 6750 §3.1, RFC 9470 §3)."""
    if isinstance(refusal, CredentialsMissing):
        return "Bearer"
    if isinstance(refusal, FreshLoginRequired):
        return f'Bearer error="insufficient_user_authentication", max_age="{refusal.max_age_seconds}"'
    return 'Bearer error="invalid_token"'
