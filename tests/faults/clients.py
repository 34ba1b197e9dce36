"""The clients: what they call over HTTP, and the outcomes that the documents of the flows have."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from flask_otpauth.engine.clients import Credentials
from tests.faults.limits import USUAL

TIMEOUT_SECONDS = 15


class Outcome(Enum):
    """What a client was answered."""

    SENT = "sent"
    LIMITED = "limited"
    #: The message was certainly not sent. A clock that is stepped within a request makes its code expire.
    NOT_SENT = "not sent"
    ACCEPTED = "accepted"
    WRONG = "wrong"
    USED = "used"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    LOCKED = "locked"
    #: 503 as the contract says: in the envelope of the flow, and with ``Retry-After``.
    UNAVAILABLE = "unavailable"
    #: No answer. The request may have had its effect.
    NO_ANSWER = "no answer"
    #: An answer that no document has: a 500, a 503 without ``Retry-After``, a page of HTML.
    STRANGE = "strange"


#: The request may have had its effect, or not.
UNKNOWN = (Outcome.UNAVAILABLE, Outcome.NO_ANSWER, Outcome.STRANGE)


@dataclass(frozen=True)
class Answer:
    """An answer, and what is in it."""

    outcome: Outcome
    #: What a report shows of it.
    seen: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """A request, but for the address of the server."""

    method: str
    path: str
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Flow:
    """How one flow is called, and which answers its document has."""

    name: str
    #: Makes the request for a code, for a recipient and an application.
    ask: Callable[[str, Credentials], Request]
    #: Makes the request with a code, for what the answer to the first one named and the application.
    submit: Callable[[Mapping[str, Any], str, Credentials], Request]
    #: Reads what an answer says: a code and a sentence.
    says: Callable[[int, Any], tuple[int, str]]
    #: What that means.
    asked: Mapping[tuple[int, str], Outcome]
    submitted: Mapping[tuple[int, str], Outcome]
    #: What it says where the store is down.
    unavailable: tuple[int, str]
    #: Whether a guess that was not judged is told from a wrong one.
    tells_state: bool

    @property
    def code_length(self) -> int:
        """The number of digits of a code."""
        return 6 if self.name == "email" else 4

    @property
    def has_applications(self) -> bool:
        """Whether an application calls it, and has a cap."""
        return USUAL[self.name].cap is not None


def _email_body(path: str, **fields: object) -> Request:
    return Request("POST", f"/apis/auth/{path}", fields)


EMAIL = Flow(
    "email",
    ask=lambda recipient, _: _email_body("request-otp", email=recipient),
    submit=lambda asked, code, _: _email_body("verify-otp", email=asked["email"], otpCode=code),
    says=lambda _, payload: (payload["code"], payload["message"]),
    asked={
        (0, "OTP sent successfully"): Outcome.SENT,
        (-205, "Failed to send OTP"): Outcome.NOT_SENT,
        (-206, "Too many OTP requests"): Outcome.LIMITED,
    },
    submitted={
        (0, "Login successful"): Outcome.ACCEPTED,
        (1, "Invalid OTP"): Outcome.WRONG,
        (1, "OTP has already been used"): Outcome.USED,
        (1, "OTP has expired"): Outcome.EXPIRED,
        (-204, "Maximum OTP attempts exceeded"): Outcome.EXHAUSTED,
        (-206, "Too many OTP requests"): Outcome.LOCKED,
    },
    unavailable=(-6, "System error"),
    tells_state=False,
)


def _of_application(client: Credentials) -> dict[str, str]:
    return {"X-Application-Token": client.secret}


FLASHCALL = Flow(
    "flashcall",
    ask=lambda recipient, client: Request(
        "POST", "/v1/orders", {"phone": recipient}, _of_application(client)
    ),
    submit=lambda asked, code, client: Request(
        "GET", f"/v1/auth/{asked['id']}/{code}", headers=_of_application(client)
    ),
    says=lambda status, payload: (status, payload["errors"][0]["message"] if payload["errors"] else ""),
    asked={
        (200, ""): Outcome.SENT,
        (502, "call could not be placed"): Outcome.NOT_SENT,
        (429, "too many requests"): Outcome.LIMITED,
    },
    submitted={
        (200, ""): Outcome.ACCEPTED,
        (400, "invalid code"): Outcome.WRONG,
        (400, "order already used"): Outcome.USED,
        (400, "order expired"): Outcome.EXPIRED,
        (429, "too many attempts"): Outcome.EXHAUSTED,
    },
    unavailable=(503, "service unavailable"),
    tells_state=True,
)

#: One whose limits and code are one row, and one where they are two, with a cap.
FLOWS = (EMAIL, FLASHCALL)


@dataclass(frozen=True)
class Http:
    """Sends requests to a port of this machine, each on a connection of its own."""

    port: int

    def ask(self, flow: Flow, recipient: str, client: Credentials) -> Answer:
        """Ask for a code."""
        return self._answer(flow, flow.ask(recipient, client), flow.asked)

    def submit(self, flow: Flow, asked: Mapping[str, Any], code: str, client: Credentials) -> Answer:
        """Submit a code."""
        return self._answer(flow, flow.submit(asked, code, client), flow.submitted)

    def _answer(self, flow: Flow, request: Request, known: Mapping[tuple[int, str], Outcome]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            body = None if request.body is None else json.dumps(request.body)
            headers = {"Content-Type": "application/json", **request.headers}
            connection.request(request.method, request.path, body, headers)
            response = connection.getresponse()
            return _read(flow, response, response.read(), known)
        except (OSError, http.client.HTTPException) as error:
            return Answer(Outcome.NO_ANSWER, type(error).__name__)
        finally:
            connection.close()


def _read(
    flow: Flow,
    response: http.client.HTTPResponse,
    body: bytes,
    known: Mapping[tuple[int, str], Outcome],
) -> Answer:
    seen = f"{flow.name} {response.status} {body[:200]!r}"
    try:
        payload = json.loads(body)
        said = flow.says(response.status, payload)
    except (ValueError, KeyError, TypeError):
        return Answer(Outcome.STRANGE, seen)
    if response.status == 503:
        waits = response.getheader("Retry-After", "")
        as_documented = said == flow.unavailable and waits.isdigit() and int(waits) > 0
        return Answer(Outcome.UNAVAILABLE if as_documented else Outcome.STRANGE, f"{seen}, {waits!r}")
    return Answer(known.get(said, Outcome.STRANGE), seen, payload["data"] or {})
