"""``{"code": int, "message": str, "data": object}``, HTTP 200 (contract/email.md, "Error codes")."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask_otpauth.envelopes.base import STATUS, Failure, Success, Wire, status_of


class _Row(NamedTuple):
    """A row of the document's table: its code in the examples and in the table."""

    examples: int
    table: int


_ERROR = _Row(-1, -1)

#: By the document's word for the error, else by its code.
TABLE = {
    "required": _Row(1, -801),
    "invalid_otp": _Row(1, -201),
    "code_wrong": _Row(1, -201),
    "code_used": _Row(1, -203),
    "code_expired": _Row(1, -202),
    "code_exhausted": _Row(-204, -204),
    "send_failed": _Row(-205, -205),
    "cooldown_active": _Row(-206, -206),
    "quota_exceeded": _Row(-206, -206),
    "subject_locked": _Row(-206, -206),
    "too_many_requests": _Row(-206, -206),
    "user_not_found": _Row(-300, -300),
    "invalid_email": _Row(-304, -304),
    "fresh_login_required": _Row(-200, -200),
    "internal_error": _Row(-6, -6),
    "unavailable": _Row(-6, -6),
}

#: Sent as what they are in both modes, as the document's page demands.
_ALWAYS_SEMANTIC = {
    "method_not_allowed",
    "content_too_large",
    "unsupported_media_type",
    "too_many_requests",
    "credentials_missing",
    "credentials_invalid",
    "fresh_login_required",
    "internal_error",
    "unavailable",
}


class EmailEnvelope:
    """
    ``error_codes``: ``examples`` answers as the document's examples do and uses its table for
    the rest; ``table`` uses the table throughout. ``http_status``: ``always_200`` or ``semantic``.
    """

    def __init__(self, error_codes: str = "examples", http_status: str = "always_200") -> None:
        self.error_codes = error_codes
        self.http_status = http_status

    @classmethod
    def from_settings(cls, settings: Any) -> EmailEnvelope:
        """The envelope as a flow's settings want it; another flow's have no such keys."""
        return cls(
            getattr(settings, "error_codes", "examples"), getattr(settings, "http_status", "always_200")
        )

    def success(self, success: Success) -> Wire:
        """Code 0."""
        return {"code": 0, "message": success.message, "data": success.data}, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """The row's code, in the mode that is configured."""
        row = TABLE.get(failure.kind) or TABLE.get(failure.code, _ERROR)
        code = row.examples if self.error_codes == "examples" else row.table
        semantic = self.http_status == "semantic" or failure.code in _ALWAYS_SEMANTIC
        status = STATUS.get(failure.kind, status_of(failure.code)) if semantic else 200
        return {"code": code, "message": failure.message, "data": failure.data}, status, failure.headers
