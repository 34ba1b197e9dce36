"""
What an envelope is: two functions from an outcome to ``(payload, status, headers)``.

An envelope knows how things look on the wire and nothing else: no request, no Flask, no
globals. Any flow can speak any envelope, so it must have an answer for every class of error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from flask_otpauth.core import errors

Row = TypeVar("Row")

#: A JSON object, the HTTP status, and headers beside the usual ones.
Wire = tuple[Mapping[str, object], int, Mapping[str, str]]


@dataclass(frozen=True)
class Success:
    """What a handler returns: the data, a sentence, and headers that the document shows."""

    data: Mapping[str, object] = field(default_factory=dict)
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field: its path, a stable word, a sentence."""

    field: str
    kind: str
    message: str


@dataclass(frozen=True)
class Failure:
    """
    A refusal, worded by its flow.

    ``error`` is its class (:mod:`flask_otpauth.core.errors`); ``kind`` the word that the document
    has for it; ``fields`` name the fields at fault; ``data`` is what the document shows beside the
    message. ``status`` is the HTTP status where the host decided it, by ``abort(418)``.
    """

    error: type[errors.Refusal]
    message: str
    kind: str = ""
    fields: tuple[FieldError, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None

    @property
    def code(self) -> str:
        """The stable code of the error."""
        return self.error.code


class Envelope(Protocol):
    """A wire format."""

    def success(self, success: Success) -> Wire:
        """The answer to a request that was granted."""

    def failure(self, failure: Failure) -> Wire:
        """The answer to a request that was refused."""


#: The HTTP status of each branch of the errors, and of the classes that differ from theirs (RFC 9110).
STATUS: Mapping[type[errors.Refusal], int] = {
    errors.Refusal: 500,
    errors.InternalError: 500,
    errors.Unavailable: 503,
    errors.BadRequest: 400,
    errors.MethodNotAllowed: 405,
    errors.ContentTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.NotAuthenticated: 401,
    errors.CaptchaRequired: 400,
    errors.NotPermitted: 403,
    errors.NotFound: 404,
    errors.TemplateNotFound: 400,
    errors.Limited: 429,
    errors.CodeRefused: 400,
    errors.CodeExhausted: 429,
    errors.SecretRefused: 400,
    errors.SecretThrottled: 429,
    errors.NotSent: 400,
    errors.SendFailed: 502,
}


def declared(table: Mapping[type[errors.Refusal], Row], error: type[errors.Refusal]) -> Row:
    """What ``table`` says of ``error``: in its own row, else in that of its nearest base class."""
    return next(table[base] for base in error.__mro__ if base in table)


def status_of(failure: Failure) -> int:
    """The HTTP status of a failure: what the host decided, else what its class has."""
    return failure.status or declared(STATUS, failure.error)
