"""The token endpoint's own format: RFC 6749 §5.1 and §5.2."""

from __future__ import annotations

import re

from flask_otpauth.core import errors
from flask_otpauth.web.envelope import Failure, Success, Wire, declared, status_of

#: By class of error: words of RFC 6749 §5.2 and §4.1.2.1.
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

#: The document's words for what is wrong with a field that are words of the RFC.
_FIELDS = ("unsupported_grant_type", "invalid_scope")

#: What RFC 6749 §5.2 allows in ``error_description``.
_DESCRIPTION = re.compile(r"[ -!#-\[\]-~]+")


class OAuthEnvelope:
    """
    ``error`` is a word of RFC 6749; an unknown client and a blocked one read alike. A sentence
    that the RFC's characters cannot write is left out.
    """

    @classmethod
    def from_settings(cls, settings: object) -> OAuthEnvelope:
        """There is nothing to set."""
        return cls()

    def success(self, success: Success) -> Wire:
        """The token as it is."""
        return success.data, 200, {"Pragma": "no-cache", **success.headers}

    def failure(self, failure: Failure) -> Wire:
        """400, or 401 where the client is not proved."""
        error = failure.kind if failure.kind in _FIELDS else declared(TABLE, failure.error)
        unproved = error == "invalid_client" and failure.status is None
        status = 401 if unproved else status_of(failure)
        payload = {"error": error}
        if _DESCRIPTION.fullmatch(failure.message):
            payload["error_description"] = failure.message
        return payload, status, failure.headers
