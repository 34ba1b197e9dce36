"""``{"message", "data", "errors", "status", "status_code", "captcha"}`` (contract/sms.md)."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask_otpauth.envelopes.base import Failure, Success, Wire


class _Row(NamedTuple):
    """What an error is called, and the HTTP status that it is sent with (200: a business error)."""

    status_code: int
    status: str
    http: int = 200


_INVALID_FIELD = _Row(422, "INVALID_FIELD")

TABLE = {
    "malformed_request": _Row(400, "BAD_REQUEST"),
    "content_too_large": _Row(400, "BAD_REQUEST", 413),
    "unsupported_media_type": _Row(400, "BAD_REQUEST", 415),
    "credentials_missing": _Row(401, "UNAUTHORIZED", 401),
    "credentials_invalid": _Row(401, "UNAUTHORIZED", 401),
    "account_token_invalid": _Row(401, "UNAUTHORIZED"),
    "refresh_token_invalid": _Row(401, "UNAUTHORIZED"),
    "fresh_login_required": _Row(401, "UNAUTHORIZED", 401),
    "client_blocked": _Row(403, "REQUEST_DENIED", 403),
    "client_not_allowed": _Row(403, "REQUEST_DENIED", 403),
    "user_mismatch": _Row(403, "REQUEST_DENIED", 403),
    "campaign_paused": _Row(403, "REQUEST_DENIED", 403),
    "user_not_found": _Row(404, "NOT_FOUND"),
    "order_not_found": _Row(404, "NOT_FOUND"),
    "campaign_not_found": _Row(404, "NOT_FOUND"),
    "method_not_allowed": _Row(405, "METHOD_NOT_ALLOW", 405),
    "too_many_requests": _Row(429, "LIMITED_REQUEST", 429),
    "send_failed": _Row(500, "INTERNAL_SERVER_ERROR"),
    "internal_error": _Row(500, "INTERNAL_SERVER_ERROR", 500),
    "unavailable": _Row(500, "INTERNAL_SERVER_ERROR", 503),
}


class SmsEnvelope:
    """``http_status`` ``documented``: business errors are HTTP 200; ``semantic``: HTTP follows the code."""

    def __init__(self, http_status: str = "documented") -> None:
        self.http_status = http_status

    @classmethod
    def from_settings(cls, settings: Any) -> SmsEnvelope:
        """The envelope as a flow's settings want it."""
        return cls(getattr(settings, "http_status", "documented"))

    def success(self, success: Success) -> Wire:
        """``OK``."""
        payload: dict[str, Any] = {"message": success.message}
        if success.data:
            payload["data"] = success.data
        payload |= {"status": "OK", "status_code": 200, "captcha": []}
        return payload, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """The row's status; every value of ``errors`` is a list of messages."""
        row = TABLE.get(failure.code, _INVALID_FIELD)
        data = dict(failure.data)
        captcha = data.pop("captcha", [])
        payload: dict[str, Any] = {"message": failure.message}
        if failure.fields:
            payload["errors"] = {each.field: [each.message] for each in failure.fields}
        if data:
            payload["data"] = data
        payload |= {"status": row.status, "status_code": row.status_code, "captcha": captcha}
        http = row.status_code if self.http_status == "semantic" and row.http == 200 else row.http
        return payload, http, failure.headers
