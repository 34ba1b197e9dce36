"""Providers that own the codes, over HTTP: fake ones on loopback that behave as their documentation says."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest

from flask_otpauth import ConfigurationError
from flask_otpauth.adapters.senders.declarations import WrongDeclaration
from flask_otpauth.adapters.senders.http.owner import HttpCodeOwner
from flask_otpauth.senders import Check, CodeOwner, Message, Status
from flask_otpauth.testing import Outbox
from tests.flows.email_caller import EmailCaller
from tests.hosts import MakeApp

PHONE, LANDLINE, BUSY = "+84987654321", "+84241234567", "+84912345678"
Answer = tuple[int, Any]


class FakeTwilio:
    """Verifications by id: the code, and its wrong guesses. One that is approved is deleted."""

    def __init__(self) -> None:
        self.live: dict[str, list[Any]] = {}
        self.channels: list[str] = []

    def answer(self, path: str, authorization: str, body: bytes) -> Answer:
        """Answer a request."""

        def error(status: int, code: int) -> Answer:
            return status, {"code": code, "message": "An error", "status": status}

        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        if base64.b64decode(authorization.removeprefix("Basic ")) != b"AC1:swordfish":
            return error(401, 20003)
        if path == "/v2/Services/VA1/Verifications":
            errors = {LANDLINE: (403, 60205), BUSY: (429, 60203), "nobody": (400, 60200)}
            if fields["To"] in errors:
                return error(*errors[fields["To"]])
            self.channels.append(fields["Channel"])
            sid = f"VE{len(self.channels)}"
            self.live[sid] = ["012345", 0, fields["To"]]
            return 201, {"sid": sid, "status": "pending", "to": fields["To"]}
        return self._check(fields) if path == "/v2/Services/VA1/VerificationCheck" else error(404, 20404)

    def _check(self, fields: dict[str, str]) -> Answer:
        by_address = (sid for sid, (_, _, to) in self.live.items() if to == fields.get("To"))
        sid = fields.get("VerificationSid") or next(by_address, "")
        if sid not in self.live:
            return 404, {"code": 20404, "status": 404}
        verification = self.live[sid]
        if verification[1] >= 5:
            return 429, {"code": 60202, "status": 429}
        if fields["Code"] == verification[0]:
            del self.live[sid]
            return 200, {"sid": sid, "status": "approved", "valid": True}
        verification[1] += 1
        return 200, {"sid": sid, "status": "pending", "valid": False}


class FakeVonage:
    """Requests by id: the code, and its wrong guesses. One that has ended is not found."""

    def __init__(self) -> None:
        self.live: dict[str, list[Any]] = {}
        self.started: list[Any] = []

    def answer(self, path: str, authorization: str, body: bytes) -> Answer:
        """Answer a request."""
        fields = json.loads(body)
        if base64.b64decode(authorization.removeprefix("Basic ")) != b"key1:swordfish":
            return 401, {"title": "Unauthorized"}
        if path == "/v2/verify":
            (step,) = fields["workflow"]
            assert fields["code_length"] == 6
            if step["to"] == BUSY[1:]:
                return 409, {"title": "Conflict", "detail": "Concurrent verifications are not allowed"}
            if step["to"] == LANDLINE[1:]:
                wrong = [{"name": "workflow[0].to", "reason": "not valid"}]
                return 422, {"title": "Invalid params", "invalid_parameters": wrong}
            self.started.append(fields)
            request_id = f"request-{len(self.started)}"
            self.live[request_id] = ["012345", 0]
            return 202, {"request_id": request_id}
        request_id = path.removeprefix("/v2/verify/")
        if request_id not in self.live:
            return 404, {"title": "Not Found"}
        verification = self.live[request_id]
        if fields["code"] == verification[0]:
            del self.live[request_id]
            return 200, {"request_id": request_id, "status": "completed"}
        verification[1] += 1
        if verification[1] >= 3:
            del self.live[request_id]
            return 410, {"title": "Invalid Code"}
        return 400, {"title": "Invalid Code"}


class Server:
    """Serves a fake provider. ``broken`` replaces its answers by a status and a body."""

    def __init__(self, answer: Callable[[str, str, bytes], Answer]) -> None:
        owner = self
        self.broken: tuple[int, bytes] | None = None

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, document = answer(self.path, self.headers.get("Authorization", ""), body)
                data = json.dumps(document).encode()
                if owner.broken is not None:
                    status, data = owner.broken
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def twilio() -> FakeTwilio:
    return FakeTwilio()


@pytest.fixture
def vonage() -> FakeVonage:
    return FakeVonage()


@pytest.fixture(params=["twilio-verify", "vonage-verify"])
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(profile: str, twilio: FakeTwilio, vonage: FakeVonage) -> Iterator[Server]:
    server = Server((twilio if profile == "twilio-verify" else vonage).answer)
    yield server
    server.close()


@pytest.fixture
def declaration(profile: str, server: Server) -> dict[str, Any]:
    if profile == "twilio-verify":
        api = f"{server.url}/v2/Services/{{service_sid}}"
        return {
            "profile": profile,
            "account_sid": "AC1",
            "auth_token": "swordfish",
            "service_sid": "VA1",
            "url": f"{api}/Verifications",
            "check": {"url": f"{api}/VerificationCheck"},
        }
    return {
        "profile": profile,
        "api_key": "key1",
        "api_secret": "swordfish",
        "brand": "Acme",
        "whatsapp_from": "+447000000000",
        "url": f"{server.url}/v2/verify",
        "check": {"url": f"{server.url}/v2/verify/{{provider_id}}"},
    }


def message(recipient: str = PHONE, channel: str = "sms") -> Message:
    return Message(channel, recipient, "", id="0123456789abcdef")


def test_a_code_is_sent_and_checked(declaration: dict[str, Any]) -> None:
    owner = HttpCodeOwner(declaration)

    receipt = owner.send(message())
    checks = [owner.check(PHONE, code, receipt.provider_id) for code in ("111111", "012345", "012345")]

    assert isinstance(owner, CodeOwner)
    assert receipt.status is Status.ACCEPTED
    assert checks == [Check.WRONG, Check.APPROVED, Check.UNKNOWN]


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "voice", "email"])
def test_each_channel_has_its_own_name(
    declaration: dict[str, Any], channel: str, profile: str, twilio: FakeTwilio, vonage: FakeVonage
) -> None:
    owner = HttpCodeOwner(declaration)

    assert owner.problem_on(channel) == ""
    assert owner.send(message(channel=channel)).status is Status.ACCEPTED
    steps = [each["workflow"][0]["channel"] for each in vonage.started]
    named = {"voice": "call"}.get(channel, channel) if profile == "twilio-verify" else channel
    assert [*twilio.channels, *steps] == [named]


def test_a_flash_call_is_not_offered(declaration: dict[str, Any]) -> None:
    assert HttpCodeOwner(declaration).problem_on("flashcall")


@pytest.mark.parametrize("recipient", [LANDLINE, BUSY])
def test_a_refusal_is_a_definite_failure(declaration: dict[str, Any], recipient: str, profile: str) -> None:
    receipt = HttpCodeOwner(declaration).send(message(recipient))

    busy = Status.RATE_LIMITED if profile == "twilio-verify" else Status.REJECTED
    assert receipt.status is (busy if recipient == BUSY else Status.INVALID_RECIPIENT)


def test_wrong_credentials_are_told(declaration: dict[str, Any]) -> None:
    wrong = {**declaration, "auth_token": "guess"} if "auth_token" in declaration else declaration
    wrong = {**wrong, "api_secret": "guess"} if "api_secret" in declaration else wrong
    owner = HttpCodeOwner(wrong)

    assert owner.send(message()).status is Status.AUTH_ERROR
    with pytest.raises(ValueError, match="HTTP 401"):
        owner.check(PHONE, "012345", "VE1")


def test_after_too_many_guesses_the_provider_has_ended_it(declaration: dict[str, Any]) -> None:
    owner = HttpCodeOwner(declaration)
    provider_id = owner.send(message()).provider_id

    checks = [owner.check(PHONE, "111111", provider_id) for _ in range(6)]

    assert checks[0] is Check.WRONG
    assert checks[-1] is Check.UNKNOWN
    assert Check.APPROVED not in checks


@pytest.mark.parametrize(
    "broken",
    [
        (200, b"<html>approved completed</html>"),
        (200, b""),
        (200, b'{"status": "appro'),
        (200, b'{"status": null}'),
        (500, b'{"status": 500}'),
        (302, b""),
        (200, b'{"status": "approved"' + b" " * 70_000 + b"}"),
    ],
)
def test_an_answer_that_is_not_clear_approves_nothing(
    declaration: dict[str, Any], server: Server, broken: tuple[int, bytes]
) -> None:
    owner = HttpCodeOwner(declaration)
    provider_id = owner.send(message()).provider_id
    server.broken = broken

    with pytest.raises(ValueError, match=f"HTTP {broken[0]}"):
        owner.check(PHONE, "012345", provider_id)


def test_an_id_cannot_lead_to_another_path(declaration: dict[str, Any]) -> None:
    owner = HttpCodeOwner(declaration)
    owner.send(message())

    assert owner.check(PHONE, "012345", "../verify?x=") in (Check.UNKNOWN, Check.WRONG)


def test_after_a_timeout_the_address_is_enough_for_twilio(declaration: dict[str, Any], profile: str) -> None:
    owner = HttpCodeOwner(declaration)
    owner.send(message())

    expected = Check.APPROVED if profile == "twilio-verify" else Check.UNKNOWN
    assert owner.check(PHONE, "012345", "") is expected


def test_an_app_that_only_declares_it_logs_users_in(
    make_app: MakeApp, outbox: Outbox, declaration: dict[str, Any], server: Server
) -> None:
    caller = EmailCaller(make_app(flows=("email",), senders={"email": declaration}), outbox)

    asked = caller.ask()
    told = [caller.verify(code).json["message"] for code in ("111111", "012345", "012345")]
    caller.ask()
    server.broken = (503, b"")
    down = caller.verify("012345")

    assert asked.json["message"] == "OTP sent successfully"
    assert told == ["Invalid OTP", "Login successful", "Invalid OTP"]
    assert down.status_code == 503


@pytest.mark.parametrize("profile", ["vonage-verify"], indirect=True)
def test_any_api_can_be_declared(server: Server) -> None:
    owner = HttpCodeOwner(
        {
            "url": f"{server.url}/v2/verify",
            "auth": {"basic": ("key1", "swordfish")},
            "json": {"code_length": 6, "workflow": [{"to": "{recipient:digits}"}]},
            "success": {"request_id": "*"},
            "message_id": "request_id",
            "check": {
                "url": f"{server.url}/v2/verify/{{provider_id}}",
                "json": {"code": "{code}"},
                "outcomes": {"status": {"completed": "approved"}, "http": {"400": "wrong"}},
            },
        }
    )
    receipt = owner.send(message())

    assert owner.check(PHONE, "111111", receipt.provider_id) is Check.WRONG
    assert owner.check(PHONE, "012345", receipt.provider_id) is Check.APPROVED


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ("approved", "['check']: expected a dict"),
        ({"outcomes": {"status": "approved"}}, "['check']['outcomes']: expected a dict of dicts"),
        ({"outcomes": {"status": {"ok": "right"}}}, "['check']['outcomes']['status']['ok']: unknown outcome"),
        ({"outcomes": {"status": {"no": "wrong"}}}, "['check']['outcomes']: no answer means 'approved'"),
        ({"outcomes": {"a": {"b": "approved"}}}, "['check']['url']"),
        (
            {"url": "https://x.example/", "outcomes": {"a": {"b": "approved"}}},
            "['check']: no template has {code}",
        ),
        (
            {"urll": "https://x.example/", "outcomes": {"a": {"b": "approved"}}},
            "['check']['urll']: unknown key",
        ),
    ],
)
def test_a_wrong_declaration_names_the_key(check: Any, told: str) -> None:
    with pytest.raises(WrongDeclaration) as error:
        HttpCodeOwner({"url": "https://x.example/", "json": {"to": "{recipient}"}, "check": check})

    assert told in str(error.value)


def test_a_start_up_error_names_what_a_profile_needs(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="needs .*'service_sid'"):
        make_app(flows=("email",), senders={"email": {"profile": "twilio-verify"}})
