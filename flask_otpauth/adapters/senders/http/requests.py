"""The request for a message."""

from __future__ import annotations

import base64
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import jwt

from flask_otpauth.adapters.senders.http.bodies import Tree, as_form
from flask_otpauth.adapters.senders.http.templates import VALUES, Template, Variables, in_url
from flask_otpauth.core.record import frozen
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.ports.senders import Message

if TYPE_CHECKING:
    from flask_otpauth.adapters.senders.http.network import Request

#: The variables that are fields of a message.
FIELDS = (
    "recipient",
    "text",
    "code",
    "html",
    "subject",
    "channel",
    "locale",
    "purpose",
    "reference",
    "caller_number",
    "id",
    "template",
    "template_id",
    "client_id",
    "encoding",
)
#: All variables of a message. The brand is one of its values.
MESSAGE_VARIABLES = (*FIELDS, "brand")
_TOKEN_SECONDS = 300
#: What the value of a header can have.
VISIBLE = re.compile("[ -~]*")


class NotWritable(ValueError):
    """A value of the message cannot be sent in its place."""


class Auth:
    """What proves to the provider who sends."""

    def header(self, variables: Variables) -> str:
        """Return the header ``Authorization``."""
        raise NotImplementedError


@frozen
class BasicAuth(Auth):
    """A user and a password (RFC 7617)."""

    user: Template
    password: Template

    def header(self, variables: Variables) -> str:
        """Return the header."""
        pair = f"{self.user.fill(variables)}:{self.password.fill(variables)}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"


@frozen
class BearerAuth(Auth):
    """A token (RFC 6750)."""

    token: Template

    def header(self, variables: Variables) -> str:
        """Return the header."""
        return f"Bearer {self.token.fill(variables)}"


@frozen
class JwtAuth(Auth):
    """A token that is signed for each request (RFC 7519), with ``iat``, ``exp`` and ``jti``."""

    key: Template
    algorithm: str
    claims: Mapping[str, Template]

    def header(self, variables: Variables) -> str:
        """
        Return the header.

        :raises jwt.PyJWTError: if the key is not one for the algorithm.
        """
        now = int(time.time())  # the provider compares it with its own clock
        claims = {name: each.fill(variables) for name, each in self.claims.items()}
        times = {"iat": now, "exp": now + _TOKEN_SECONDS, "jti": str(uuid.uuid4())}
        return f"Bearer {jwt.encode({**times, **claims}, self.key.fill(variables), self.algorithm)}"


@frozen
class Choice:
    """A variable whose value depends on another variable, such as a voice on the language."""

    by: str
    #: A text for each pattern.
    texts: Mapping[str, Template]

    def made(self, variables: Variables) -> str:
        """Return the text of the first pattern that the other variable matches, or an empty text."""
        value = variables(self.by)
        found = next((self.texts[each] for each in self.texts if fnmatchcase(value, each)), None)
        return found.fill(variables) if found else ""


@frozen
class Call:
    """How a message becomes a request."""

    method: str
    url: Template
    headers: Mapping[str, Template] = field(default_factory=dict)
    query: Mapping[str, Tree] = field(default_factory=dict)
    auth: Auth | None = None
    #: Makes the body, and its type.
    body: Callable[[Variables], bytes] | None = None
    content_type: str = ""
    choices: Mapping[str, Choice] = field(default_factory=dict)
    #: Further variables: the parameters of a profile.
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)

    def request(self, message: Message) -> Request:
        """
        Return the request for ``message``.

        :raises NotWritable: if a value cannot be in a header.
        """
        from flask_otpauth.adapters.senders.http.network import Request

        variables = self.variables(message)
        url = self.url.fill(variables, in_url)
        if self.query:
            separator = "&" if "?" in url else "?"
            url = Sensitive(f"{url}{separator}{as_form(self.query, variables).decode()}")
        body = self.body(variables) if self.body else b""
        return Request(self.method, url, self._headers(variables), body)

    def variables(self, message: Message) -> Variables:
        """Return the variables of ``message``."""

        def value_of(name: str) -> str:
            if name in self.parameters:
                return self.parameters[name]
            if name in self.choices:
                return self.choices[name].made(value_of)
            if name == "brand" or name.startswith(VALUES):
                value = message.values.get(name.removeprefix(VALUES))
            else:
                value = getattr(message, name)
            return "" if value is None else str(value)

        return value_of

    def _headers(self, variables: Variables) -> dict[str, str]:
        headers = {"Content-Type": self.content_type} if self.body else {}
        for name, template in self.headers.items():
            value = template.fill(variables)
            if not VISIBLE.fullmatch(value):
                raise NotWritable(f"a character that the header {name} cannot have")
            if value or not template.is_variable:
                headers[name] = value
        if self.auth is not None:
            headers["Authorization"] = self.auth.header(variables)
        return headers
