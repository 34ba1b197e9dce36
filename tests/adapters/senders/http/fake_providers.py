"""
Providers on the loopback interface that behave as their public documentation says, errors included.

The pages are the ``sources`` of each profile. Which error there is depends on the recipient: see ``CASES``.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt

#: What is wrong with a message whose recipient ends like this: a number, or the name in an e-mail address.
CASES = {"1": "invalid", "2": "opted out", "3": "too fast", "4": "no balance"}


@dataclass(frozen=True)
class Incoming:
    """A request as the provider reads it."""

    method: str
    path: str
    headers: Mapping[str, str]
    fields: Any

    @property
    def basic(self) -> str:
        """``user:password`` of basic authentication."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        return base64.b64decode(value).decode() if scheme == "Basic" else ""


#: An answer: its status, and a document or a text.
Answer = tuple[int, Any]
Fake = Callable[[Incoming], Answer]


def case(recipient: str) -> str:
    """What is wrong with a recipient, or an empty text."""
    name = recipient.partition("@")[0]
    return CASES.get(name[-1:], "")


# -- SMS, WhatsApp and calls ---------------------------------------------------------------------


def twilio(request: Incoming) -> Answer:
    def error(status: int, code: int, message: str) -> Answer:
        more = f"https://www.twilio.com/docs/errors/{code}"
        return status, {"code": code, "message": message, "more_info": more, "status": status}

    if request.basic != "AC1:swordfish":
        return error(401, 20003, "Authenticate")
    to = request.fields["To"]
    errors = {
        "invalid": (400, 21211, f"Invalid 'To' Phone Number: {to}"),
        "opted out": (400, 21610, "Attempt to send to unsubscribed recipient"),
        "too fast": (429, 20429, "Too Many Requests"),
        "no balance": (400, 21606, "The 'From' phone number is not valid for this destination"),
    }
    if case(to):
        return error(*errors[case(to)])
    if request.path == "/2010-04-01/Accounts/AC1/Calls.json":
        assert request.fields["Twiml"].startswith("<Response><Say voice=")
        return 201, {"sid": "CA1", "status": "queued", "price": None, "price_unit": "USD"}
    assert request.path == "/2010-04-01/Accounts/AC1/Messages.json"
    if to.startswith("whatsapp:"):
        assert json.loads(request.fields["ContentVariables"]) == {"1": "035790"}
        assert request.fields["From"].startswith("whatsapp:")
    document = {"sid": "SM1", "status": "queued", "error_code": None, "price": None, "price_unit": "USD"}
    return 201, document


def vonage(request: Incoming) -> Answer:
    if request.path == "/v1/calls":
        return _vonage_call(request)
    assert request.path == "/sms/json"
    assert request.fields["type"] == ("text" if request.fields["text"].isascii() else "unicode")
    statuses = {"invalid": "6", "opted out": "7", "too fast": "1", "no balance": "9"}
    status = "4" if request.basic != "key1:swordfish" else statuses.get(case(request.fields["to"]), "0")
    message = {"to": request.fields["to"], "message-id": "0A1", "status": "0", "message-price": "0.03330000"}
    if status != "0":
        message = {"status": status, "error-text": "An error"}
    return 200, {"message-count": "1", "messages": [message]}


def _vonage_call(request: Incoming) -> Answer:
    token = request.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    if claims["application_id"] != "app-1" or not {"iat", "exp", "jti"} <= claims.keys():
        return 401, {"type": "UNAUTHORIZED", "error_title": "Unauthorized"}
    (to,) = request.fields["to"]
    assert request.fields["ncco"][0]["action"] == "talk"
    match case(to["number"]):
        case "invalid":
            wrong = {"to[0].number": "not a phone number"}
            return 400, {"type": "BAD_REQUEST", "error_title": "Bad Request", "invalid_parameters": wrong}
        case "too fast":
            return 429, {"type": "TOO_MANY_REQUESTS", "error_title": "Too Many Requests"}
    return 201, {"uuid": "call-1", "status": "started", "direction": "outbound"}


def infobip(request: Incoming) -> Answer:
    assert request.path == "/sms/3/messages"
    if request.headers["authorization"] != "App swordfish":
        described = "The request lacks valid authentication credentials."
        return 401, {"errorCode": "E401", "description": described, "violations": [], "resources": []}
    (message,) = request.fields["messages"]
    (destination,) = message["destinations"]
    assert message["content"]["text"]
    found = case(destination["to"])
    if found == "too fast":
        return 429, {"errorCode": "E429", "description": "Too many requests."}
    names = {
        "invalid": (52, "REJECTED_INVALID_DESTINATION"),
        "opted out": (8, "REJECTED_DND"),
        "no balance": (12, "REJECTED_NOT_ENOUGH_CREDITS"),
    }
    if found in names:
        number, name = names[found]
        status = {"groupId": 5, "groupName": "REJECTED", "id": number, "name": name}
    else:
        status = {"groupId": 1, "groupName": "PENDING", "id": 26, "name": "PENDING_ACCEPTED"}
    return 200, {"messages": [{"messageId": destination["messageId"], "status": status}]}


def plivo(request: Incoming) -> Answer:
    assert request.path == "/v1/Account/MA1/Message/"
    if request.basic != "MA1:swordfish":
        return (
            401,
            "Could not verify your access level for that URL.\nYou have to login with proper credentials",
        )
    match case(request.fields["dst"]):
        case "invalid":
            return 400, {"api_id": "a-1", "error": "dst parameter is not valid"}
        case "opted out":
            return 400, {"api_id": "a-1", "error": "The destination number has opted out"}
        case "too fast":
            return 429, {"api_id": "a-1", "error": "too many requests"}
        case "no balance":
            return 402, {"api_id": "a-1", "error": "insufficient credit"}
    return 202, {"api_id": "a-1", "message": "message(s) queued", "message_uuid": ["db3c"]}


def messagebird(request: Incoming) -> Answer:
    def error(status: int, code: int, described: str, parameter: str | None) -> Answer:
        return status, {"errors": [{"code": code, "description": described, "parameter": parameter}]}

    assert request.path in ("/messages", "/voicemessages")
    if request.headers["authorization"] != "AccessKey swordfish":
        return error(401, 2, "Request not allowed (incorrect access_key)", "access_key")
    (recipient,) = request.fields["recipients"]
    match case(recipient):
        case "invalid":
            return error(422, 9, "no (correct) recipients found", "recipients")
        case "opted out":
            return error(422, 7, "the recipient is blacklisted", None)
        case "too fast":
            return 429, {"errors": []}
        case "no balance":
            return error(402, 25, "Not enough balance", None)
    sent = {"totalCount": 1, "totalSentCount": 1, "items": [{"recipient": int(recipient), "status": "sent"}]}
    return 201, {"id": "e8077d80", "recipients": sent}


def sinch(request: Incoming) -> Answer:
    if request.path == "/calling/v1/callouts":
        return _sinch_call(request)
    assert request.path == "/xms/v1/plan-1/batches"
    if request.headers["authorization"] != "Bearer swordfish":
        return 401, ""
    (recipient,) = request.fields["to"]
    match case(recipient):
        case "invalid":
            text = "The (+1) is not a valid phone number"
            return 400, {"code": "syntax_invalid_parameter_format", "text": text}
        case "too fast":
            return 429, {"code": "rate_limit_exceeded", "text": "Too many requests"}
        case "no balance":
            return 402, {"code": "402", "text": "You have reached 0 balance on your account"}
    return 201, {"id": "01FC66621XXXXX119Z8PMV1QPQ", "to": [recipient], "canceled": False}


def _sinch_call(request: Incoming) -> Answer:
    if request.basic != "app-key:swordfish":
        return 401, {"errorCode": 40100, "message": "Authorization failed", "reference": "r"}
    callout = request.fields["ttsCallout"]
    assert request.fields["method"] == "ttsCallout"
    match case(callout["destination"]["endpoint"]):
        case "no balance":
            return 402, {"errorCode": 40200, "message": "Insufficient funds", "reference": "r"}
        case "too fast":
            return 429, {"errorCode": 42900, "message": "Too many requests", "reference": "r"}
    return 200, {"callId": "d5c9"}


def whatsapp(request: Incoming) -> Answer:
    def error(status: int, code: int, message: str) -> Answer:
        return status, {
            "error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "f"}
        }

    assert re.fullmatch("/v23.0/[0-9]+/messages", request.path)
    if request.headers["authorization"] != "Bearer swordfish":
        return error(401, 190, "Invalid OAuth access token")
    template = request.fields["template"]
    (body, button) = template["components"]
    assert (body["type"], button["type"], button["sub_type"], button["index"]) == (
        "body",
        "button",
        "url",
        "0",
    )
    assert body["parameters"] == button["parameters"] == [{"type": "text", "text": "035790"}]
    assert "text" not in request.fields
    if template["language"]["code"] not in ("en", "en_US", "vi"):
        return error(404, 132001, "Template name does not exist in the translation")
    match case(request.fields["to"]):
        case "invalid":
            return error(400, 131026, "Message undeliverable")
        case "opted out":
            return error(400, 131050, "The recipient has stopped messages from you")
        case "too fast":
            return error(400, 130429, "Rate limit hit")
        case "no balance":
            return error(400, 131042, "Business eligibility payment issue")
    contacts = [{"input": request.fields["to"], "wa_id": request.fields["to"]}]
    messages = [{"id": "wamid.1", "message_status": "accepted"}]
    return 200, {"messaging_product": "whatsapp", "contacts": contacts, "messages": messages}


# -- e-mail --------------------------------------------------------------------------------------


def resend(request: Incoming) -> Answer:
    def error(status: int, name: str, message: str) -> Answer:
        return status, {"statusCode": status, "name": name, "message": message}

    assert request.path == "/emails"
    if request.headers["authorization"] != "Bearer swordfish":
        return error(401, "validation_error", "API key is invalid")
    assert request.headers["idempotency-key"] == "abcdefghij012345"
    (recipient,) = request.fields["to"]
    match case(recipient):
        case "invalid":
            message = "Invalid `to` field. The email address needs to follow the `email@example.com` format."
            return error(422, "validation_error", message)
        case "too fast":
            return error(429, "rate_limit_exceeded", "Too many requests.")
        case "no balance":
            return error(429, "monthly_quota_exceeded", "You have reached your monthly email sending quota.")
    return 200, {"id": "49a3999c"}


def postmark(request: Incoming) -> Answer:
    assert request.path == "/email"
    if request.headers["x-postmark-server-token"] != "swordfish":
        return 401, {"ErrorCode": 10, "Message": "No Account or Server API tokens were supplied or valid."}
    assert request.fields["TrackOpens"] is False
    assert request.fields["TrackLinks"] == "None"
    match case(request.fields["To"]):
        case "invalid":
            return 422, {"ErrorCode": 300, "Message": "Error parsing 'To': Illegal email address 'x'."}
        case "opted out":
            return 422, {"ErrorCode": 406, "Message": "You tried to send to a recipient marked as inactive."}
        case "too fast":
            return 429, {"ErrorCode": 429, "Message": "Rate limit exceeded."}
        case "no balance":
            return 422, {"ErrorCode": 405, "Message": "Not allowed to send."}
    return 200, {"To": request.fields["To"], "MessageID": "b7bc2f4a", "ErrorCode": 0, "Message": "OK"}


def mailgun(request: Incoming) -> Answer:
    assert request.path == "/v3/shop.example/messages"
    if request.basic != "api:swordfish":
        return 401, "Forbidden"
    assert request.fields["o:tracking-clicks"] == "no"
    match case(request.fields["to"]):
        case "invalid":
            message = "'to' parameter is not a valid address. please check documentation"
            return 400, {"message": message}
        case "too fast":
            return 429, {"message": "Rate limit exceeded"}
        case "no balance":
            return 402, {"message": "Payment required"}
    return 200, {"id": "<2026@shop.example>", "message": "Queued. Thank you."}


def brevo(request: Incoming) -> Answer:
    assert request.path == "/v3/smtp/email"
    if request.headers["api-key"] != "swordfish":
        return 401, {"code": "unauthorized", "message": "Key not found"}
    (recipient,) = request.fields["to"]
    match case(recipient["email"]):
        case "invalid":
            return 400, {"code": "invalid_parameter", "message": "email is not valid in to"}
        case "too fast":
            return 429, {"code": "too_many_requests", "message": "Too many requests"}
        case "no balance":
            return 402, {"code": "not_enough_credits", "message": "You do not have enough credits"}
    return 201, {"messageId": "<2026@relay.example>"}


FAKES: Mapping[str, Fake] = {
    "twilio": twilio,
    "vonage": vonage,
    "infobip": infobip,
    "plivo": plivo,
    "messagebird": messagebird,
    "sinch": sinch,
    "whatsapp": whatsapp,
    "resend": resend,
    "postmark": postmark,
    "mailgun": mailgun,
    "brevo": brevo,
}


@dataclass
class FakeProvider:
    """A running provider, and the requests that it got."""

    url: str
    requests: list[Incoming] = field(default_factory=list)
    #: What an ``assert`` of the fake found wrong with a request.
    complaints: list[str] = field(default_factory=list)


@contextmanager
def serving(name: str) -> Iterator[FakeProvider]:
    """Serve the fake of that name on the loopback interface."""
    found = FakeProvider("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_POST(self) -> None:
            request = self._incoming()
            found.requests.append(request)
            try:
                status, document = FAKES[name](request)
            except (AssertionError, LookupError, ValueError) as error:
                found.complaints.append(repr(error))
                status, document = 500, "the fake complains"
            text = document if isinstance(document, str) else json.dumps(document)
            self.send_response(status)
            self.send_header(
                "Content-Type", "text/plain" if isinstance(document, str) else "application/json"
            )
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def _incoming(self) -> Incoming:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            is_json = self.headers["Content-Type"] == "application/json"
            fields = json.loads(body) if is_json else dict(parse_qsl(body, strict_parsing=True))
            headers = {key.lower(): value for key, value in self.headers.items()}
            return Incoming(self.command, urlsplit(self.path).path, headers, fields)

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        server.shutdown()
        thread.join()
