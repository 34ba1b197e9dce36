"""The token endpoint's own format: RFC 6749 §5.1 and §5.2."""

from __future__ import annotations

import re
from typing import Any

from flask_otpauth.envelopes.base import Failure, Success, Wire, status_of

_ERRORS = {
    "credentials_missing": "invalid_client",
    "credentials_invalid": "invalid_client",
    "client_blocked": "invalid_client",
    "client_not_allowed": "invalid_client",
    "unsupported_grant_type": "unsupported_grant_type",
    "invalid_scope": "invalid_scope",
    "too_many_requests": "temporarily_unavailable",
    "unavailable": "temporarily_unavailable",
    "internal_error": "server_error",
}

#: What RFC 6749 §5.2 allows in ``error_description``.
_DESCRIPTION = re.compile(r"[ -!#-\[\]-~]+")


class OAuthEnvelope:
    """
    ``error`` is a word of RFC 6749; an unknown client and a blocked one read alike. A sentence
    that the RFC's characters cannot write is left out.
    """

    @classmethod
    def from_settings(cls, settings: Any) -> OAuthEnvelope:
        """There is nothing to set."""
        return cls()

    def success(self, success: Success) -> Wire:
        """The token as it is."""
        return success.data, 200, {"Pragma": "no-cache", **success.headers}

    def failure(self, failure: Failure) -> Wire:
        """400, or 401 where the client is not proved."""
        error = _ERRORS.get(failure.kind) or _ERRORS.get(failure.code, "invalid_request")
        status = 401 if error == "invalid_client" else status_of(failure.code)
        payload = {"error": error}
        if _DESCRIPTION.fullmatch(failure.message):
            payload["error_description"] = failure.message
        return payload, status, failure.headers
