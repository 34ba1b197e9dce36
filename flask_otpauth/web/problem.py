"""The envelope ``problem``: plain data on success, ``application/problem+json`` on errors (RFC 9457)."""

from __future__ import annotations

from flask_otpauth.web.envelope import Failure, Success, Wire, status_of


class ProblemEnvelope:
    """
    ``type`` is a URN of the stable code, ``title`` the flow's sentence, and ``errors`` has the fields with
    JSON pointers (RFC 9457 §3, RFC 6901). Errors have the HTTP statuses of RFC 9110.
    """

    @classmethod
    def from_settings(cls, settings: object) -> ProblemEnvelope:
        """Return the envelope. It has no settings."""
        return cls()

    def success(self, success: Success) -> Wire:
        """Return the data unchanged."""
        return success.data, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """Return a problem document."""
        status = status_of(failure)
        # The members of the RFC come last, because ``data`` may have others with the same names.
        problem: dict[str, object] = {
            **failure.data,
            "type": f"urn:flask-otpauth:{failure.code}",
            "title": failure.message,
            "status": status,
        }
        if failure.fields:
            problem["errors"] = [
                {"pointer": "#/" + each.field.replace(".", "/"), "code": each.kind, "detail": each.message}
                for each in failure.fields
            ]
        return problem, status, {**failure.headers, "Content-Type": "application/problem+json"}
