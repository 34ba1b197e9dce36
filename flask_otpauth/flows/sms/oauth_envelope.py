"""The envelope of the token endpoint (RFC 6749 §5.1 and §5.2)."""

from __future__ import annotations

import re

from flask_otpauth.core import errors
from flask_otpauth.web.envelope import Failure, Success, Wire, declared, status_of

#: The words of RFC 6749 §5.2 and §4.1.2.1, by class of error.
TABLE = {
    errors.Refusal: "server_error",
    errors.BadRequest: "invalid_request",
    errors.NotAuthenticated: "invalid_client",
    errors.CaptchaRequired: "invalid_request",
    errors.NotPermitted: "invalid_client",
    errors.NotFound: "invalid_request",
    errors.Limited: "temporarily_unavailable",
    errors.CodeRefused: "invalid_request",
    errors.SecretRefused: "invalid_request",
    errors.NotSent: "server_error",
    errors.NoAddress: "invalid_request",
    errors.InternalError: "server_error",
    errors.Unavailable: "temporarily_unavailable",
}

#: The words for the fault of a field that the RFC has too.
_FIELDS = ("unsupported_grant_type", "invalid_scope")

#: The characters that RFC 6749 §5.2 allows in ``error_description``.
_DESCRIPTION = re.compile(r"[ -!#-\[\]-~]+")


class OAuthEnvelope:
    """
    ``error`` is a word of RFC 6749. An unknown client gets the same answer as a blocked one. A sentence with
    other characters than the RFC allows is left out.
    """

    @classmethod
    def from_settings(cls, settings: object) -> OAuthEnvelope:
        """Return the envelope. It has no settings."""
        return cls()

    def success(self, success: Success) -> Wire:
        """Return the token unchanged."""
        return success.data, 200, {"Pragma": "no-cache", **success.headers}

    def failure(self, failure: Failure) -> Wire:
        """Return the answer with 400, or with 401 if the client is not authenticated."""
        error = failure.kind if failure.kind in _FIELDS else declared(TABLE, failure.error)
        unauthenticated = error == "invalid_client" and failure.status is None
        status = 401 if unauthenticated else status_of(failure)
        payload = {"error": error}
        if _DESCRIPTION.fullmatch(failure.message):
            payload["error_description"] = failure.message
        return payload, status, failure.headers
