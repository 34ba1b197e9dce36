"""The envelope ``{"message": str, "code": int, "status": bool, "data": object}`` (contract/voice.md)."""

from __future__ import annotations

from flask_otpauth.web.envelope import Failure, Success, Wire, status_of

#: The names of RFC 9110, and the document's own name for a 500.
NAMES = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Service Error",
    503: "Service Unavailable",
}
#: Statuses that only a host can choose (RFC 9110, RFC 6585, RFC 7725).
_OF_HOSTS = {
    402: "Payment Required",
    406: "Not Acceptable",
    408: "Request Timeout",
    410: "Gone",
    411: "Length Required",
    412: "Precondition Failed",
    414: "URI Too Long",
    422: "Unprocessable Content",
    423: "Locked",
    428: "Precondition Required",
    451: "Unavailable For Legal Reasons",
    501: "Not Implemented",
    502: "Bad Gateway",
    504: "Gateway Timeout",
}


class VoiceEnvelope:
    """
    ``code`` is the HTTP status, and ``message`` is its name.

    :param message_key: the name of the field ``message`` in failures.
    """

    def __init__(self, message_key: str = "message") -> None:
        self.message_key = message_key

    @classmethod
    def from_settings(cls, settings: object) -> VoiceEnvelope:
        """Return the envelope for the settings of a flow."""
        return cls(getattr(settings, "failure_message_key", "message"))

    def success(self, success: Success) -> Wire:
        """Return the answer with ``OK`` as its message."""
        payload = {"message": NAMES[200], "code": 200, "status": True, "data": success.data}
        return payload, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """
        Return the answer, with the detail in ``data.error``.

        The document has no 502, so that is a 500. A status that the host chose stays. If it has no name, it
        gets that of its class (RFC 9110 §15).
        """
        status = status_of(failure)
        if failure.status is None and status not in NAMES:
            status = 500
        name = NAMES.get(status) or _OF_HOSTS.get(status) or NAMES[status // 100 * 100]
        payload = {
            self.message_key: name,
            "code": status,
            "status": False,
            "data": {"error": failure.message},
        }
        return payload, status, failure.headers
