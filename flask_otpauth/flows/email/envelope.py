"""The envelope ``{"code": int, "message": str, "data": object}`` (contract/email.md, "Error codes")."""

from __future__ import annotations

from typing import NamedTuple

from flask_otpauth.core import errors
from flask_otpauth.web.envelope import Failure, Success, Wire, declared, status_of


class _Row(NamedTuple):
    """The two codes that the document has for an error."""

    #: The code in its examples.
    examples: int
    #: The code in its table.
    table: int


_ERROR = _Row(-1, -1)

#: By class of error.
TABLE = {
    errors.Refusal: _ERROR,
    errors.CodeWrong: _Row(1, -201),
    errors.CodeUsed: _Row(1, -203),
    errors.CodeExpired: _Row(1, -202),
    errors.CodeExhausted: _Row(-204, -204),
    errors.SendFailed: _Row(-205, -205),
    errors.Limited: _Row(-206, -206),
    errors.UserNotFound: _Row(-300, -300),
    errors.FreshLoginRequired: _Row(-200, -200),
    errors.InternalError: _Row(-6, -6),
    errors.Unavailable: _Row(-6, -6),
}

#: By the document's word for the fault of a field.
_FIELDS = {"required": _Row(1, -801), "invalid_otp": _Row(1, -201), "invalid_email": _Row(-304, -304)}

#: These have their own HTTP status in both modes, as the page of the contract says.
_ALWAYS_SEMANTIC = (
    errors.MethodNotAllowed,
    errors.ContentTooLarge,
    errors.UnsupportedMediaType,
    errors.IdempotencyKeyInvalid,
    errors.IdempotencyKeyNotAccepted,
    errors.Conflict,
    errors.TooManyRequests,
    errors.CredentialsMissing,
    errors.CredentialsInvalid,
    errors.FreshLoginRequired,
    errors.InternalError,
    errors.Unavailable,
)


class EmailEnvelope:
    """
    The envelope of the document.

    :param error_codes: ``examples`` for the codes of the document's examples, and of its table if no example
        has the error; ``table`` for the codes of the table.
    :param http_status: ``always_200`` or ``semantic``.
    """

    def __init__(self, error_codes: str = "examples", http_status: str = "always_200") -> None:
        self.error_codes = error_codes
        self.http_status = http_status

    @classmethod
    def from_settings(cls, settings: object) -> EmailEnvelope:
        """Return the envelope for the settings of a flow. Other flows do not have these settings."""
        return cls(
            getattr(settings, "error_codes", "examples"), getattr(settings, "http_status", "always_200")
        )

    def success(self, success: Success) -> Wire:
        """Return the answer with code 0."""
        return {"code": 0, "message": success.message, "data": success.data}, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """Return the answer with the code of the error."""
        row = _FIELDS.get(failure.kind) or declared(TABLE, failure.error)
        code = row.examples if self.error_codes == "examples" else row.table
        return (
            {"code": code, "message": failure.message, "data": failure.data},
            self._status(failure),
            failure.headers,
        )

    def _status(self, failure: Failure) -> int:
        always = failure.status is not None or issubclass(failure.error, _ALWAYS_SEMANTIC)
        if not always and self.http_status != "semantic":
            return 200
        # A malformed refresh token is a fault of its field, and also a token that is not valid.
        return 401 if failure.kind == errors.RefreshTokenInvalid.code else status_of(failure)
