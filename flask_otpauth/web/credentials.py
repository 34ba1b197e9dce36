"""How clients and users authenticate: with a secret or a token in a header."""

from __future__ import annotations

import base64
import binascii
from dataclasses import field
from datetime import timedelta
from typing import Protocol
from urllib.parse import unquote_plus

from flask_otpauth.core.clients import Client
from flask_otpauth.core.errors import CredentialsMissing, FreshLoginRequired, Refusal
from flask_otpauth.core.record import frozen, record
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.engine.services import Services
from flask_otpauth.engine.sessions import Login


class Headers(Protocol):
    """The headers of a request. The case of their names does not matter."""

    def get(self, name: str, default: str, /) -> str:
        """Return the value of one header."""


@record
class Presented:
    """The headers of a request, with each value made sensitive because it may be a credential."""

    headers: Headers = field(repr=False)

    def get(self, name: str, default: str, /) -> Sensitive:
        """Return the value of one header."""
        return Sensitive(self.headers.get(name, default))


class Credential(Protocol):
    """One way in which a client presents its credential."""

    @property
    def scheme(self) -> str:
        """Return the value of ``WWW-Authenticate`` in a 401."""

    def client(self, headers: Headers, services: Services) -> Client:
        """
        Return the client whose credential these headers have.

        :raises NotAuthenticated: if there is no valid credential.
        :raises NotPermitted: if the client is blocked, or cannot use the flow.
        """


@frozen
class UserToken:
    """An operation that requires a valid access token of a user, or else a field of the body."""

    #: The field that can replace the token.
    or_field: str


def scheme_and_token(authorization: str) -> tuple[str, str]:
    """Return the scheme of an ``Authorization`` header in lower case, and what follows it."""
    scheme, _, token = map(Sensitive, authorization.strip().partition(" "))
    return scheme.lower(), Sensitive(token.strip())


def bearer_token(authorization: str) -> str | None:
    """Return the token of ``Authorization: Bearer …`` (RFC 6750 §2.1), or ``None``."""
    scheme, token = scheme_and_token(authorization)
    return token if scheme == "bearer" and token else None


def user_login(headers: Headers, services: Services, max_age: timedelta | None = None) -> Login:
    """
    Return the login whose access token is in the headers. A token in the query, the body or a cookie is
    ignored.

    :raises CredentialsMissing: if there is none.
    :raises CredentialsInvalid: if it is malformed, expired or revoked.
    :raises FreshLoginRequired: if the login is older than ``max_age``.
    """
    token = bearer_token(headers.get("Authorization", ""))
    if token is None:
        raise CredentialsMissing
    return services.sessions.check(token, max_age)


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """Return a client's id and secret from HTTP Basic, where each is form-encoded (RFC 6749 §2.3.1)."""
    scheme, token = scheme_and_token(authorization)
    if scheme != "basic":
        return None
    try:
        pair = Sensitive(base64.b64decode(token, validate=True).decode())
    except (binascii.Error, ValueError):
        return "", ""
    user, colon, password = map(Sensitive, pair.partition(":"))
    return (unquote_plus(user), Sensitive(unquote_plus(password))) if colon else ("", "")


@frozen
class SecretHeader:
    """The client's secret in a header of its own, such as ``X-Application-Token``."""

    flow: str
    header: str
    scheme: str = ""

    def client(self, headers: Headers, services: Services) -> Client:
        """Return the client whose secret is in the header."""
        secret = Sensitive(headers.get(self.header, "").strip())
        if not secret:
            raise CredentialsMissing
        return services.clients.by_secret(secret, self.flow)[0]


@frozen
class SignedToken:
    """``Authorization: Bearer`` with a signed token, which the client got for its id and secret."""

    flow: str
    scheme: str = "Bearer"

    def client(self, headers: Headers, services: Services) -> Client:
        """Return the client whose token is in the header."""
        token = bearer_token(headers.get("Authorization", ""))
        if token is None:
            raise CredentialsMissing
        return services.clients.by_signed_token(token, self.flow)


@frozen
class BareToken:
    """``Authorization`` with an opaque token alone, as documented, or with ``Bearer`` before it."""

    flow: str
    scheme: str = "Bearer"

    def client(self, headers: Headers, services: Services) -> Client:
        """Return the client whose token is in the header."""
        authorization = Sensitive(headers.get("Authorization", "").strip())
        token = bearer_token(authorization) or authorization
        if not token:
            raise CredentialsMissing
        return services.clients.by_token(token, self.flow)


@frozen
class SecretOrSignedToken:
    """``Authorization: Token <secret>``, or ``Bearer`` with a signed token that the client got for it."""

    flow: str
    scheme: str = "Token"

    def client(self, headers: Headers, services: Services) -> Client:
        """Return the client whose secret or token is in the header."""
        scheme, token = scheme_and_token(headers.get("Authorization", ""))
        if not token or scheme not in ("token", "bearer"):
            raise CredentialsMissing
        if scheme == "token":
            return services.clients.by_secret(token, self.flow)[0]
        return services.clients.by_signed_token(token, self.flow)


def user_challenge(refusal: Refusal) -> str:
    """Return ``WWW-Authenticate`` for a user's access token (RFC 6750 §3.1, RFC 9470 §3)."""
    if isinstance(refusal, CredentialsMissing):
        return "Bearer"
    if isinstance(refusal, FreshLoginRequired):
        return f'Bearer error="insufficient_user_authentication", max_age="{refusal.max_age_seconds}"'
    return 'Bearer error="invalid_token"'
