"""``{"data": object | null, "errors": [{"message": str}] | null}`` (contract/flashcall.md)."""

from __future__ import annotations

from flask_otpauth.core import errors
from flask_otpauth.web.envelope import Failure, Success, Wire, status_of


class FlashcallEnvelope:
    """An error has no data and the HTTP status of its kind; several faults are listed."""

    @classmethod
    def from_settings(cls, settings: object) -> FlashcallEnvelope:
        """There is nothing to set."""
        return cls()

    def success(self, success: Success) -> Wire:
        """Data, no errors."""
        return {"data": success.data, "errors": None}, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """Errors, no data."""
        messages = [each.message for each in failure.fields] or [failure.message]
        # The document has one answer, 403, to whoever is not let in.
        denied = issubclass(failure.error, (errors.CredentialsMissing, errors.CredentialsInvalid))
        status = 403 if denied else status_of(failure)
        payload = {"data": None, "errors": [{"message": message} for message in messages]}
        return payload, status, failure.headers
