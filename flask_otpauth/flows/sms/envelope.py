"""The envelope ``{"message", "data", "errors", "status", "status_code", "captcha"}`` (contract/sms.md)."""

from __future__ import annotations

from typing import NamedTuple

from flask_otpauth.core import errors
from flask_otpauth.web.envelope import Failure, Success, Wire, declared


class _Row(NamedTuple):
    """What an error has in the envelope."""

    status_code: int
    status: str
    #: The HTTP status; 200 for a business error.
    http: int = 200


_INVALID_FIELD = _Row(422, "INVALID_FIELD")

TABLE = {
    errors.Refusal: _Row(500, "INTERNAL_SERVER_ERROR", 500),
    errors.InternalError: _Row(500, "INTERNAL_SERVER_ERROR", 500),
    errors.Unavailable: _Row(500, "INTERNAL_SERVER_ERROR", 503),
    errors.BadRequest: _Row(400, "BAD_REQUEST"),
    errors.MethodNotAllowed: _Row(405, "METHOD_NOT_ALLOW", 405),
    errors.ContentTooLarge: _Row(400, "BAD_REQUEST", 413),
    errors.UnsupportedMediaType: _Row(400, "BAD_REQUEST", 415),
    errors.InvalidFields: _INVALID_FIELD,
    errors.IdempotencyKeyInvalid: _Row(400, "BAD_REQUEST", 400),
    errors.IdempotencyKeyNotAccepted: _Row(400, "BAD_REQUEST", 400),
    errors.Conflict: _Row(409, "CONFLICT", 409),
    errors.NotAuthenticated: _Row(401, "UNAUTHORIZED", 401),
    errors.AccountTokenInvalid: _Row(401, "UNAUTHORIZED"),
    errors.RefreshTokenInvalid: _Row(401, "UNAUTHORIZED"),
    errors.CaptchaRequired: _INVALID_FIELD,
    errors.NotPermitted: _Row(403, "REQUEST_DENIED", 403),
    errors.NotFound: _Row(404, "NOT_FOUND"),
    errors.TemplateNotFound: _INVALID_FIELD,
    errors.Limited: _INVALID_FIELD,
    errors.TooManyRequests: _Row(429, "LIMITED_REQUEST", 429),
    errors.CodeRefused: _INVALID_FIELD,
    errors.SecretRefused: _INVALID_FIELD,
    errors.NotSent: _INVALID_FIELD,
    errors.SendFailed: _Row(500, "INTERNAL_SERVER_ERROR"),
}


class SmsEnvelope:
    """
    The envelope of the document.

    :param http_status: ``documented`` if business errors have HTTP 200, or ``semantic`` if they have the HTTP
        status of their ``status_code``.
    """

    def __init__(self, http_status: str = "documented") -> None:
        self.http_status = http_status

    @classmethod
    def from_settings(cls, settings: object) -> SmsEnvelope:
        """Return the envelope for the settings of a flow."""
        return cls(getattr(settings, "http_status", "documented"))

    def success(self, success: Success) -> Wire:
        """Return the answer with the status ``OK``."""
        payload: dict[str, object] = {"message": success.message}
        if success.data:
            payload["data"] = success.data
        payload |= {"status": "OK", "status_code": 200, "captcha": []}
        return payload, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """Return the answer with the status of the error. Each value of ``errors`` is a list of messages."""
        row = declared(TABLE, failure.error)
        if failure.status is not None:
            row = _Row(failure.status, row.status, failure.status)
        data = dict(failure.data)
        captcha = data.pop("captcha", [])
        payload: dict[str, object] = {"message": failure.message}
        if failure.fields:
            payload["errors"] = {each.field: [each.message] for each in failure.fields}
        if data:
            payload["data"] = data
        payload |= {"status": row.status, "status_code": row.status_code, "captcha": captcha}
        http = row.status_code if self.http_status == "semantic" and row.http == 200 else row.http
        return payload, http, failure.headers
