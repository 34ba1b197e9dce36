"""RFC 9457: plain data on success, ``application/problem+json`` on errors, semantic statuses."""

from __future__ import annotations

from flask_otpauth.web.envelope import Failure, Success, Wire, status_of


class ProblemEnvelope:
    """
    ``type`` is a URN of the stable code, ``title`` the flow's sentence, ``errors`` the fields
    with JSON pointers (RFC 9457 §3, RFC 6901).
    """

    @classmethod
    def from_settings(cls, settings: object) -> ProblemEnvelope:
        """There is nothing to set."""
        return cls()

    def success(self, success: Success) -> Wire:
        """The data as they are."""
        return success.data, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """A problem document."""
        status = status_of(failure)
        # The members of the RFC last: a document may show something of its own by their names.
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
