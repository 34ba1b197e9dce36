"""The envelope ``{"data": object | null, "errors": [{"message": str}] | null}`` (contract/flashcall.md)."""

from __future__ import annotations

from flask_otpauth.core import errors
from flask_otpauth.web.envelope import Failure, Success, Wire, status_of


class FlashcallEnvelope:
    """An error has no data, and the HTTP status of its class. ``errors`` lists all faults."""

    @classmethod
    def from_settings(cls, settings: object) -> FlashcallEnvelope:
        """Return the envelope. It has no settings."""
        return cls()

    def success(self, success: Success) -> Wire:
        """Return the data without errors."""
        return {"data": success.data, "errors": None}, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """Return the errors without data."""
        messages = [each.message for each in failure.fields] or [failure.message]
        # The document answers 403 to every client that is not authenticated.
        denied = issubclass(failure.error, (errors.CredentialsMissing, errors.CredentialsInvalid))
        status = 403 if denied else status_of(failure)
        payload = {"data": None, "errors": [{"message": message} for message in messages]}
        return payload, status, failure.headers
