"""
Reads the declaration of an HTTP API, and finds everything that is wrong with it.

The keys are described in ``docs/reference/senders.md``.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import jwt

from flask_otpauth.adapters.senders.declarations import Problem, WrongDeclaration
from flask_otpauth.adapters.senders.http.answers import Judge
from flask_otpauth.adapters.senders.http.bodies import Tree, as_form, as_json
from flask_otpauth.adapters.senders.http.requests import (
    MESSAGE_VARIABLES,
    VISIBLE,
    Auth,
    BasicAuth,
    BearerAuth,
    Call,
    Choice,
    JwtAuth,
)
from flask_otpauth.adapters.senders.http.templates import Template, in_url
from flask_otpauth.core.nearest import nearest
from flask_otpauth.core.record import frozen
from flask_otpauth.ports.senders import Status

#: Time limits in seconds, if the declaration has none.
CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
_LONGEST_SECONDS = 60.0

KEYS = (
    "url",
    "method",
    "headers",
    "auth",
    "json",
    "form",
    "query",
    "choices",
    "success",
    "errors",
    "message_id",
    "cost",
    "currency",
    "connect_seconds",
    "total_seconds",
    "ca_file",
)
_METHODS = ("POST", "GET", "PUT")
_AUTHS = ("basic", "bearer", "jwt")
_JWT = ("key", "algorithm", "claims")
_HEADER = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: The connection decides these.
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
#: What a message is about: without one of these, a request says nothing.
_CONTENTS = frozenset({"text", "code", "html", "caller_number"})
#: What no request can do without: one of these variables, or else the sentence is true.
Needs = tuple[tuple[frozenset[str], str], ...]
_RECIPIENT = (frozenset({"recipient"}), "no template has {recipient}")
#: A request that sends a message.
SENDING: Needs = (_RECIPIENT, (_CONTENTS, "no template has {text} or {code}"))
#: A request that has a provider send a code of its own.
STARTING: Needs = (_RECIPIENT,)
#: A request that has the provider check the code.
CHECKING: Needs = ((frozenset({"code"}), "no template has {code}"),)
#: Stands for a value of a message in a URL that is checked.
_SAMPLE = "otpauth-sample"

Path = tuple[str | int, ...]


@frozen
class Link:
    """How the provider is reached."""

    connect_seconds: float
    total_seconds: float
    #: Empty: the certificates of the system are trusted.
    ca_file: str = ""


@frozen
class Declared:
    """What a declaration says, ready for use."""

    call: Call
    judge: Judge
    link: Link


def read(
    declaration: Mapping[str, object], parameters: Mapping[str, str], needs: Needs = SENDING
) -> Declared:
    """
    Return what ``declaration`` says. ``parameters`` are further variables. ``needs`` says what is required.

    :raises WrongDeclaration: if something is wrong with it. It has all problems.
    """
    reader = _Reader(declaration, parameters, needs)
    declared = reader.declared()
    if reader.problems or declared is None:
        raise WrongDeclaration(reader.problems)
    return declared


class _Reader:
    """Reads one declaration. A wrong value becomes a problem, and reading goes on."""

    def __init__(
        self, declaration: Mapping[str, object], parameters: Mapping[str, str], needs: Needs
    ) -> None:
        self.problems: list[Problem] = []
        self._needs = needs
        self._given = declaration
        self._parameters = parameters
        self._used: set[str] = set()
        choices = declaration.get("choices")
        names = map(str, choices) if isinstance(choices, Mapping) else []
        self._known = (*MESSAGE_VARIABLES, *parameters, *names)

    def declared(self) -> Declared | None:
        self._unknown_keys((), self._given, KEYS)
        call = self._call()
        judge = Judge(
            success=self._mapping("success", self._patterns),
            errors=self._mapping("errors", self._statuses),
            message_id=self._text("message_id"),
            cost=self._text("cost"),
            currency=self._text("currency"),
        )
        connect = self._seconds("connect_seconds", CONNECT_SECONDS)
        link = Link(connect, self._seconds("total_seconds", TOTAL_SECONDS), self._ca_file())
        return Declared(call, judge, link) if call else None

    def _wrong(self, path: Path, sentence: str) -> None:
        self.problems.append(Problem(path, sentence))

    def _unknown_keys(self, path: Path, given: Mapping[Any, object], known: Collection[str]) -> None:
        for key in given:
            if key not in known:
                self._wrong((*path, key), f"unknown key{nearest(str(key), known)}")

    # -- the request --------------------------------------------------------------------------

    def _call(self) -> Call | None:
        url, method = self._url(), self._method()
        headers = self._mapping("headers", self._header)
        query, auth = self._form("query"), self._auth()
        body, content_type = self._body(method)
        choices = self._mapping("choices", self._choice)
        if url is None:
            return None
        self._demand_use()
        return Call(
            method,
            url,
            # One spelling, so that a header of the host replaces ours.
            {name.title(): each for name, each in headers.items() if each},
            query,
            auth,
            body,
            content_type,
            {name: each for name, each in choices.items() if each},
            self._parameters,
        )

    def _demand_use(self) -> None:
        """Find what no request can do without. A template that was not read might have it."""
        if self.problems:
            return
        for names, sentence in self._needs:
            if not self._used & names:
                self._wrong((), sentence)

    def _template(self, path: Path, value: object, known: Collection[str] = ()) -> Template | None:
        if not isinstance(value, str):
            self._wrong(path, "expected a string")
            return None
        try:
            template = Template(value, known or self._known)
        except ValueError as error:
            self._wrong(path, str(error))
            return None
        self._used |= template.names
        return template

    def _url(self) -> Template | None:
        template = self._template(("url",), self._given.get("url"))
        if template is None:
            return None
        url = template.fill(self._sample, in_url)
        if problem := _url_problem(url):
            self._wrong(("url",), problem)
        return template

    def _method(self) -> str:
        method = self._given.get("method", "POST")
        if method not in _METHODS:
            self._wrong(("method",), f"expected {' or '.join(_METHODS)}")
            return "POST"
        return str(method)

    def _header(self, path: Path, value: object) -> Template | None:
        name = str(path[-1])
        if not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS:
            self._wrong(path, "not a header that can be set")
        return self._visible(path, value)

    def _visible(self, path: Path, value: object) -> Template | None:
        """Read a template of a header. A key that was read from a file may end with a line break."""
        template = self._template(path, value)
        filled = template.fill(self._sample) if template else ""
        if not VISIBLE.fullmatch(filled) or filled != filled.strip():
            self._wrong(path, "a line break, or another character that a header cannot have there")
        return template

    def _sample(self, name: str) -> str:
        return self._parameters.get(name, _SAMPLE)

    def _body(self, method: str) -> tuple[Callable[..., bytes] | None, str]:
        given = [key for key in ("json", "form") if self._given.get(key) is not None]
        if len(given) > 1:
            self._wrong(("form",), "cannot be combined with json")
        if given and method == "GET":
            self._wrong((given[0],), "a GET request has no body: use query")
        form = self._form("form")
        if "json" in given:
            return partial(as_json, self._tree(("json",), self._given["json"])), "application/json"
        return (partial(as_form, form) if given else None), "application/x-www-form-urlencoded"

    def _form(self, key: str) -> dict[str, Tree]:
        return self._mapping(key, self._tree)

    def _tree(self, path: Path, value: object) -> Tree:
        if isinstance(value, str):
            return self._template(path, value)
        if isinstance(value, Mapping):
            return {str(name): self._tree((*path, name), each) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return tuple(self._tree((*path, index), each) for index, each in enumerate(value))
        if value is None or isinstance(value, (bool, int, float)):
            return value
        self._wrong(path, "expected what JSON can have")
        return None

    def _choice(self, path: Path, value: object) -> Choice | None:
        if path[-1] in (*MESSAGE_VARIABLES, *self._parameters):
            self._wrong(path, "choose another name, a variable has this one")
        if not isinstance(value, Mapping) or len(value) != 1:
            self._wrong(path, "expected one variable, such as {'locale': {'vi': 'vi-VN'}}")
            return None
        ((by, values),) = value.items()
        known = (*MESSAGE_VARIABLES, *self._parameters)
        if by not in known:
            self._wrong((*path, by), f"unknown variable{nearest(str(by), known)}")
        if not isinstance(values, Mapping):
            self._wrong((*path, by), "expected a dict of strings by value")
            return None
        texts = {
            pattern: self._template((*path, by, pattern), values[pattern], known)
            for pattern in sorted(values, key=_precision)
        }
        return Choice(by, {str(pattern): each for pattern, each in texts.items() if each})

    def _auth(self) -> Auth | None:
        given = self._given.get("auth")
        if given is None:
            return None
        if not isinstance(given, Mapping) or len(given) != 1:
            self._wrong(("auth",), f"expected a dict with one of {', '.join(_AUTHS)}")
            return None
        self._unknown_keys(("auth",), given, _AUTHS)
        ((kind, value),) = given.items()
        makers: Mapping[object, Callable[[Path, Any], Auth | None]] = {
            "basic": self._basic,
            "bearer": self._bearer,
            "jwt": self._jwt,
        }
        return makers[kind](("auth", kind), value) if kind in makers else None

    def _basic(self, path: Path, value: object) -> Auth | None:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            self._wrong(path, "expected a user and a password")
            return None
        user, password = (self._template((*path, index), each) for index, each in enumerate(value))
        return BasicAuth(user, password) if user and password else None

    def _bearer(self, path: Path, value: object) -> Auth | None:
        token = self._visible(path, value)
        return BearerAuth(token) if token else None

    def _jwt(self, path: Path, value: object) -> Auth | None:
        given = value if isinstance(value, Mapping) else {}
        self._unknown_keys(path, given, _JWT)
        key = self._template((*path, "key"), given.get("key"))
        given_claims = given.get("claims", {})
        if not isinstance(given_claims, Mapping):
            self._wrong((*path, "claims"), "expected a dict")
            return None
        claims = {name: self._template((*path, "claims", name), each) for name, each in given_claims.items()}
        if key is None:
            return None
        auth = JwtAuth(
            key, str(given.get("algorithm")), {name: each for name, each in claims.items() if each}
        )
        try:
            auth.header(lambda name: self._parameters.get(name, ""))
        except (jwt.PyJWTError, NotImplementedError, ValueError, TypeError):
            self._wrong((*path, "key"), "not a key for this algorithm (RS256 needs the extra 'crypto')")
        return auth

    # -- the answer ---------------------------------------------------------------------------

    def _patterns(self, path: Path, value: object) -> tuple[str, ...]:
        patterns = value if isinstance(value, (list, tuple)) else (value,)
        if not patterns or not all(_is_pattern(each) for each in patterns):
            self._wrong(path, "expected a value or a list of values")
        return tuple(str(each) for each in patterns)

    def _statuses(self, path: Path, value: object) -> dict[str, Status]:
        if not isinstance(value, Mapping):
            self._wrong(path, "expected a dict of statuses by value")
            return {}
        known = [each.value for each in Status]
        for pattern, status in value.items():
            if status not in known:
                self._wrong((*path, pattern), f"unknown status{nearest(str(status), known)}")
        return {
            str(each): Status(value[each]) for each in sorted(value, key=_precision) if value[each] in known
        }

    def _mapping(self, key: str, read_value: Callable[[Path, object], Any]) -> dict[str, Any]:
        given = self._given.get(key)
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            self._wrong((key,), "expected a dict")
            return {}
        return {str(name): read_value((key, name), each) for name, each in given.items()}

    def _text(self, key: str) -> str:
        value = self._given.get(key, "")
        if not isinstance(value, str):
            self._wrong((key,), "expected the path to a value in the answer, such as 'messages.0.id'")
            return ""
        return value

    # -- the connection -----------------------------------------------------------------------

    def _seconds(self, key: str, default: float) -> float:
        value = self._given.get(key, default)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 < value <= _LONGEST_SECONDS:  # type: ignore[operator]
            self._wrong((key,), f"expected a number of seconds, at most {_LONGEST_SECONDS:.0f}")
            return default
        return float(value)  # type: ignore[arg-type]

    def _ca_file(self) -> str:
        path = self._given.get("ca_file")
        if path is None:
            return ""
        try:
            ssl.create_default_context(cafile=str(path))
        except (OSError, ValueError):  # ValueError: a path with a NUL character
            self._wrong(("ca_file",), "not a file of certificates (PEM)")
        return str(path)


def _precision(pattern: object) -> int:
    """Return the place of a pattern among others: exact values come first, and ``*`` comes last."""
    text = str(pattern)
    return 2 if text == "*" else int(any(char in text for char in "*?["))


def _is_pattern(value: object) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _url_problem(url: str) -> str:
    """Return what is wrong with a URL in which a sample stands for each value of a message."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")  # a part of a name can be empty, or too long
    except ValueError:
        return "not a URL"
    if parts.scheme not in ("http", "https") or not host or re.search("[^!-~]", url):
        return "expected a URL that begins with https:// or http://"
    if _SAMPLE in parts.netloc:
        return "the host cannot depend on the message"
    if "%" in parts.netloc:  # a parameter was encoded, as it will be in each request
        return "expected a host without 'https://', a port and a path"
    if parts.username is not None or parts.fragment:
        return "a user, a password and a fragment cannot be in a URL: use auth"
    return ""
