"""The envelope ``{"detail", "errors", "error_code", "error_message"}`` of errors (contract/account.md)."""

from __future__ import annotations

from flask_otpauth.core import errors
from flask_otpauth.web.envelope import Failure, Success, Wire, status_of

#: The statuses of errors that name a field. An error with another status has only ``detail``.
_OF_A_FIELD = frozenset({400, 429, 502})

#: To the document, these are invalid values of a field.
_INVALID = (errors.NotFound, errors.CodeExhausted)


class AccountEnvelope:
    """Every error of a field is 400, except limits (429) and a message that was not sent (502)."""

    @classmethod
    def from_settings(cls, settings: object) -> AccountEnvelope:
        """Return the envelope. It has no settings."""
        return cls()

    def success(self, success: Success) -> Wire:
        """Return the data unchanged."""
        return success.data, 200, {"Vary": "Accept", **success.headers}

    def failure(self, failure: Failure) -> Wire:
        """Return all faults in ``errors``. The other keys are about the first one."""
        invalid = failure.status is None and issubclass(failure.error, _INVALID)
        status = 400 if invalid else status_of(failure)
        headers = {"Vary": "Accept", **failure.headers}
        by_host = failure.status is not None
        if by_host or status not in _OF_A_FIELD or (status == 429 and not failure.fields):
            return {"detail": failure.message}, status, headers
        first = failure.fields[0] if failure.fields else None
        sentence = f"{first.field}: {first.message}" if first else failure.message
        payload: dict[str, object] = {
            **(failure.data if status == 400 else {}),
            "detail": sentence,
            "errors": {each.field: each.message for each in failure.fields},
            "error_code": first.kind if first else failure.kind,
            "error_message": sentence,
        }
        return payload, status, headers
