"""
What an envelope is: two functions from an outcome to ``(payload, status, headers)``.

An envelope knows how things look on the wire and nothing else: no request, no Flask, no
globals. Any flow can speak any envelope, so it must have an answer for every code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

#: A JSON object, the HTTP status, and headers beside the usual ones.
Wire = tuple[Mapping[str, Any], int, Mapping[str, str]]


@dataclass(frozen=True)
class Success:
    """What a handler returns: the data, a sentence, and headers that the document shows."""

    data: Mapping[str, Any] = field(default_factory=dict)
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

    ``code`` is the stable code of the error (:mod:`flask_otpauth.core.errors`, or
    ``internal_error`` and ``unavailable``); ``kind`` the word that the document has for it;
    ``fields`` name the fields at fault; ``data`` is what the document shows beside the message.
    """

    code: str
    message: str
    kind: str = ""
    fields: tuple[FieldError, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class Envelope(Protocol):
    """A wire format."""

    def success(self, success: Success) -> Wire:
        """The answer to a request that was granted."""

    def failure(self, failure: Failure) -> Wire:
        """The answer to a request that was refused."""


#: The HTTP status of each code where an envelope has no other (RFC 9110).
STATUS: Mapping[str, int] = {
    "malformed_request": 400,
    "method_not_allowed": 405,
    "content_too_large": 413,
    "unsupported_media_type": 415,
    "credentials_missing": 401,
    "credentials_invalid": 401,
    "fresh_login_required": 401,
    "refresh_token_invalid": 401,
    "account_token_invalid": 401,
    "client_blocked": 403,
    "client_not_allowed": 403,
    "user_mismatch": 403,
    "campaign_paused": 403,
    "user_not_found": 404,
    "order_not_found": 404,
    "campaign_not_found": 404,
    "cooldown_active": 429,
    "quota_exceeded": 429,
    "subject_locked": 429,
    "too_many_requests": 429,
    "code_exhausted": 429,
    "secret_throttled": 429,
    "send_failed": 502,
    "internal_error": 500,
    "unavailable": 503,
}


def status_of(code: str) -> int:
    """The semantic HTTP status of a code: 400 where the request itself is at fault."""
    return STATUS.get(code, 400)
