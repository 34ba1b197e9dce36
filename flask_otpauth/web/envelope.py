"""
What an envelope is: two functions that turn an outcome into ``(payload, status, headers)``.

An envelope knows the wire format and nothing else: no request, no Flask, no globals. Any flow can use
any envelope, so an envelope must have an answer for every class of error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Protocol, TypeVar

from flask_otpauth.core import errors
from flask_otpauth.core.record import frozen, record

Row = TypeVar("Row")

#: A JSON object, the HTTP status, and headers in addition to the usual ones.
Wire = tuple[Mapping[str, object], int, Mapping[str, str]]


@record
class Success:
    """What a handler returns: the data, a sentence, and headers that the document shows."""

    data: Mapping[str, object] = field(default_factory=dict)
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@frozen
class FieldError:
    """What is wrong with one field."""

    #: Its path, such as ``contact.otp``.
    field: str
    #: A stable word for the fault.
    kind: str
    #: A sentence.
    message: str


@frozen
class Failure:
    """A refusal in the words of its flow."""

    #: Its class (:mod:`flask_otpauth.core.errors`).
    error: type[errors.Refusal]
    message: str
    #: The word that the document of the flow has for it.
    kind: str = ""
    #: The fields at fault.
    fields: tuple[FieldError, ...] = ()
    #: What the document shows in addition to the message.
    data: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    #: The HTTP status, if the host decided it with ``abort(418)``.
    status: int | None = None

    @property
    def code(self) -> str:
        """Return the stable code of the error."""
        return self.error.code


class Envelope(Protocol):
    """A wire format."""

    def success(self, success: Success) -> Wire:
        """Return the answer to a request that succeeded."""

    def failure(self, failure: Failure) -> Wire:
        """Return the answer to a request that was refused."""


#: The HTTP status of the errors (RFC 9110). A class without a row has the status of its base class.
STATUS: Mapping[type[errors.Refusal], int] = {
    errors.Refusal: 500,
    errors.InternalError: 500,
    errors.Unavailable: 503,
    errors.BadRequest: 400,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
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
    """Return the row of ``table`` for ``error``, or else for its nearest base class."""
    return next(table[base] for base in error.__mro__ if base in table)


def status_of(failure: Failure) -> int:
    """Return the HTTP status of a failure: the one that the host decided, or else that of its class."""
    return failure.status or declared(STATUS, failure.error)
