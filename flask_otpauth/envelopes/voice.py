"""``{"message": str, "code": int, "status": bool, "data": object}`` (contract/voice.md)."""

from __future__ import annotations

from typing import Any

from flask_otpauth.envelopes.base import Failure, Success, Wire, status_of

NAMES = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Service Error",
    503: "Service Unavailable",
}


class VoiceEnvelope:
    """``code`` is the HTTP status, ``message`` its name; ``message_key`` is what failures call it."""

    def __init__(self, message_key: str = "message") -> None:
        self.message_key = message_key

    @classmethod
    def from_settings(cls, settings: Any) -> VoiceEnvelope:
        """The envelope as a flow's settings want it."""
        return cls(getattr(settings, "failure_message_key", "message"))

    def success(self, success: Success) -> Wire:
        """``OK``."""
        payload = {"message": NAMES[200], "code": 200, "status": True, "data": success.data}
        return payload, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """The status, and the detail in ``data.error``. The document knows no 502: it is a 500."""
        status = status_of(failure.code)
        status = status if status in NAMES else 500
        payload = {
            self.message_key: NAMES[status],
            "code": status,
            "status": False,
            "data": {"error": failure.message},
        }
        return payload, status, failure.headers
