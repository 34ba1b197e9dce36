"""``{"detail", "errors", "error_code", "error_message"}`` on errors (contract/account.md)."""

from __future__ import annotations

from flask_otpauth.core import errors
from flask_otpauth.web.envelope import Failure, Success, Wire, status_of

#: Told with the fault of a field; every other status in ``detail`` alone.
_OF_A_FIELD = frozenset({400, 429, 502})

#: Invalid values of a field to the document, whatever they are elsewhere.
_INVALID = (errors.NotFound, errors.CodeExhausted)


class AccountEnvelope:
    """Everything that a field is to blame for is 400, but for limits (429) and a failed sending (502)."""

    @classmethod
    def from_settings(cls, settings: object) -> AccountEnvelope:
        """There is nothing to set."""
        return cls()

    def success(self, success: Success) -> Wire:
        """The data as they are."""
        return success.data, 200, {"Vary": "Accept", **success.headers}

    def failure(self, failure: Failure) -> Wire:
        """All faults in ``errors``; the other keys speak of the first."""
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
