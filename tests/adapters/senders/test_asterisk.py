"""The sender for Asterisk, with a server that behaves as the documentation of its REST interface says."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from flask_otpauth.adapters.senders.asterisk import AsteriskSender, AsteriskServer
from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.ports.senders import Message, Receipt, Status
from flask_otpauth.testing import Outbox
from tests.flows.flashcall_caller import Application
from tests.hosts import MakeApp

USER, PASSWORD = "otpauth", "a password of the test"
FLASH_CALL = Message("flashcall", "+79991234567", "1234", caller_number="74872601234", id="0123456789abcdef")
SPOKEN = Message(
    "voice", "+84987654321", "1234", text="Your code is 1 2 3 4.", locale="en", id="0123456789abcdef"
)
#: Where the call of a dialplan is: its state and its extension.
Step = tuple[str, str]
ENDED: Step = ("", "")


@dataclass
class FakeAsterisk:
    """One call goes through ``steps``, one for each question. Before them it is down."""

    steps: list[Step] = field(default_factory=list)
    #: What answers instead, by method.
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    order: dict[str, Any] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        self.asked.append((method, path))
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if headers["Authorization"] != f"Basic {expected}":
            return 401, {"message": "Authentication required"}
        if method in self.answers:
            return self.answers[method]
        if not path.startswith("/ari/channels/"):
            return 404, {"message": "Resource not found"}
        return self._of_channel(method, path.removeprefix("/ari/channels/"), body)

    def _of_channel(self, method: str, call: str, body: bytes) -> tuple[int, Any]:
        if method == "POST":
            return self._originate(call, json.loads(body))
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if call not in self.calls or (method == "GET" and step == ENDED):
            self.calls.discard(call)
            return 404, {"message": "Channel not found"}
        if method == "DELETE":
            self.calls.remove(call)
            return 204, None
        return 200, self._channel(call, step)

    def _originate(self, call: str, order: dict[str, Any]) -> tuple[int, Any]:
        if "/" not in order["endpoint"] or ("app" in order) == ("extension" in order):
            return 400, {"message": "Invalid endpoint specified"}
        if call in self.calls:
            return 409, {"message": "Channel with given unique ID already exists"}
        self.order = order
        self.calls.add(call)
        return 200, self._channel(call, ("Down", "s"))

    def _channel(self, call: str, step: Step) -> dict[str, Any]:
        state, extension = step
        caller = {"name": "", "number": self.order.get("callerId", "")}
        dialplan = {"context": "default", "exten": extension, "priority": 1, "app_name": "", "app_data": ""}
        return {
            "id": call,
            "name": "PJSIP/trunk-00000001",
            "state": state,
            "caller": caller,
            "dialplan": dialplan,
        }


def serve(asterisk: FakeAsterisk) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, found = asterisk.answer(self.command, self.path, self.headers, body)
            content = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if status != 204:
                self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the names that the base class calls

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    asterisk.url = f"http://127.0.0.1:{server.server_port}/ari"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


@pytest.fixture
def asterisk() -> Iterator[FakeAsterisk]:
    found = FakeAsterisk()
    server = serve(found)
    yield found
    server.shutdown()
    server.server_close()


def declaration(asterisk: FakeAsterisk, **more: object) -> dict[str, object]:
    return {
        "url": asterisk.url,
        "username": USER,
        "password": PASSWORD,
        "endpoint": "PJSIP/{recipient}@trunk",
        "context": "otpauth",
        "poll_seconds": 0.01,
        "ring_seconds": 0.05,
        "answer_seconds": 0.2,
        "speech_seconds": 0.2,
        **more,
    }


@pytest.fixture
def send(asterisk: FakeAsterisk) -> Iterator[Callable[..., Receipt]]:
    clients = []

    def send(message: Message, **more: object) -> Receipt:
        sender = AsteriskSender(AsteriskServer.model_validate(declaration(asterisk, **more)))
        clients.append(sender._client)  # noqa: SLF001 - a test closes its connections
        return sender.send(message)

    yield send
    for each in clients:
        each.close()


Send = Callable[..., Receipt]


def test_a_phone_that_rings_has_seen_the_number_and_is_hung_up_on(asterisk: FakeAsterisk, send: Send) -> None:
    asterisk.steps = [("Down", "s"), ("Ringing", "s")]

    receipt = send(FLASH_CALL)

    assert (receipt.status, receipt.provider_id) == (Status.ACCEPTED, "otpauth-0123456789abcdef")
    assert asterisk.order == {
        "endpoint": "PJSIP/+79991234567@trunk",
        "callerId": "74872601234",
        "timeout": 1,
        "app": "otpauth",
    }
    assert asterisk.asked[0] == ("POST", "/ari/channels/otpauth-0123456789abcdef")
    assert asterisk.asked[-1] == ("DELETE", "/ari/channels/otpauth-0123456789abcdef")
    assert asterisk.calls == set()


def test_a_client_of_the_flow_is_told_the_number_that_asterisk_calls_from(
    asterisk: FakeAsterisk, make_app: MakeApp, outbox: Outbox
) -> None:
    asterisk.steps = [("Ringing", "s")]
    server = {"profile": "asterisk", **declaration(asterisk)}
    app = make_app(flows=("flashcall",), providers={"pbx": server}, senders={"flashcall": "pbx"})

    answer = Application(app, outbox).order("79991234567", query="?fields=code.value")

    order = answer.json["data"]
    assert asterisk.order["callerId"] == order["cid"]["prefix"] + order["code"]["value"]
    assert asterisk.order["endpoint"] == "PJSIP/+79991234567@trunk"


@pytest.mark.parametrize("last", [("Up", "s"), ENDED])
def test_a_phone_that_is_answered_or_declined_while_it_rings_has_seen_the_number(
    asterisk: FakeAsterisk, send: Send, last: Step
) -> None:
    asterisk.steps = [("Ringing", "s"), last]

    assert send(FLASH_CALL).status is Status.ACCEPTED


def test_a_call_that_ends_before_it_rings_is_a_definite_failure(asterisk: FakeAsterisk, send: Send) -> None:
    asterisk.steps = [("Down", "s"), ENDED]

    assert send(FLASH_CALL).status is Status.UNAVAILABLE


def test_a_call_that_does_not_ring_in_time_is_ended(asterisk: FakeAsterisk, send: Send) -> None:
    asterisk.steps = [("Down", "s")]

    receipt = send(FLASH_CALL)

    assert receipt.status is Status.UNAVAILABLE
    assert asterisk.asked[-1][0] == "DELETE"


def test_the_dialplan_speaks_and_says_when_it_is_ready(asterisk: FakeAsterisk, send: Send) -> None:
    asterisk.steps = [("Ringing", "s"), ("Up", "speak"), ("Up", "speak"), ("Up", "spoken")]

    receipt = send(SPOKEN, caller_number="+842400")

    assert (receipt.status, receipt.detail) == (Status.ACCEPTED, "it was spoken completely")
    assert asterisk.order == {
        "endpoint": "PJSIP/+84987654321@trunk",
        "callerId": "+842400",
        "timeout": 1,
        "context": "otpauth",
        "extension": "speak",
        "priority": 1,
        "variables": {"OTP_TEXT": SPOKEN.text, "OTP_CODE": "1234", "OTP_LANGUAGE": "en"},
    }
    assert asterisk.asked[-1][0] == "DELETE"


@pytest.mark.parametrize("steps", [[("Ringing", "s"), ENDED], [("Ringing", "s"), ("Up", "speak"), ENDED]])
def test_a_phone_that_hangs_up_before_the_last_word_leaves_the_outcome_unknown(
    asterisk: FakeAsterisk, send: Send, steps: list[Step]
) -> None:
    asterisk.steps = steps

    assert send(SPOKEN).status is Status.TIMEOUT


def test_a_busy_phone_never_rang(asterisk: FakeAsterisk, send: Send) -> None:
    asterisk.steps = [("Down", "s"), ENDED]

    assert send(SPOKEN).status is Status.UNAVAILABLE


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((400, b'{"message": "Invalid endpoint specified"}'), Status.REJECTED),
        ((403, b"Forbidden"), Status.AUTH_ERROR),
        ((404, b"<html>"), Status.REJECTED),
        ((409, b""), Status.TIMEOUT),
        ((500, b'{"message": "Allocation failed"}'), Status.UNAVAILABLE),
        ((503, b""), Status.UNAVAILABLE),
        ((302, b""), Status.TIMEOUT),
        ((201, b"x" * 100_000), Status.TIMEOUT),
    ],
)
def test_an_order_that_is_not_taken_has_a_receipt(
    asterisk: FakeAsterisk, send: Send, answer: tuple[int, bytes], status: Status
) -> None:
    asterisk.answers["POST"] = answer

    receipt = send(FLASH_CALL)

    assert receipt.status is status
    assert len(asterisk.asked) == 1


def test_wrong_credentials_are_an_error_of_authentication(asterisk: FakeAsterisk, send: Send) -> None:
    assert send(FLASH_CALL, password="wrong").status is Status.AUTH_ERROR


@pytest.mark.parametrize("body", [b"<html>", b"null", b'{"state": "Up"}', b"[" * 50_000])
def test_states_that_cannot_be_read_say_nothing(asterisk: FakeAsterisk, send: Send, body: bytes) -> None:
    asterisk.steps = [("Down", "s")]
    asterisk.answers["GET"] = (200, body)

    assert send(FLASH_CALL).status is Status.UNAVAILABLE


def test_a_call_that_cannot_be_ended_leaves_the_outcome_unknown(asterisk: FakeAsterisk, send: Send) -> None:
    asterisk.steps = [("Down", "s")]
    asterisk.answers["DELETE"] = (500, b"")

    assert send(FLASH_CALL).status is Status.TIMEOUT


def test_a_message_that_is_handed_over_twice_calls_once(asterisk: FakeAsterisk, send: Send) -> None:
    asterisk.steps = [("Ringing", "s")]
    asterisk.calls.add("otpauth-0123456789abcdef")

    receipt = send(FLASH_CALL)

    assert (receipt.status, receipt.detail) == (Status.TIMEOUT, "HTTP 409: this call was placed before")
    assert len(asterisk.asked) == 1


def test_a_server_that_is_not_there_is_unavailable(asterisk: FakeAsterisk, send: Send) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert send(FLASH_CALL, url=f"http://127.0.0.1:{port}/ari").status is Status.UNAVAILABLE


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (Message("flashcall", "7999@trunk&x=y", "1"), Status.INVALID_RECIPIENT),
        (Message("flashcall", "+7999", "1", caller_number='"x" <1>'), Status.REJECTED),
        (Message("sms", "+7999", "1"), Status.REJECTED),
    ],
)
def test_what_is_no_call_is_not_placed(
    asterisk: FakeAsterisk, send: Send, message: Message, status: Status
) -> None:
    assert send(message).status is status
    assert asterisk.asked == []


def test_voice_calls_without_a_context_stop_the_app(make_app: MakeApp, asterisk: FakeAsterisk) -> None:
    server = {"profile": "asterisk", **declaration(asterisk, context="")}

    with pytest.raises(ConfigurationError) as raised:
        make_app(flows=("voice",), senders={"voice": server})

    assert "cannot send on channel 'voice': voice calls need a context" in str(raised.value)


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"url": "127.0.0.1:8088"}, "['url']: expected a URL such as"),
        ({"url": "http://user@pbx/ari"}, "['url']: expected a URL such as"),
        ({"url": "http://pbx:99999/ari"}, "['url']: expected a URL such as"),
        ({"url": "http://[::1/ari"}, "['url']: expected a URL such as"),
        ({"url": "http://pbx/a ri"}, "['url']: expected a URL such as"),
        ({"url": "http://pbx/ari#x"}, "['url']: expected a URL such as"),
        ({"endpoint": "PJSIP/trunk"}, "['endpoint']: expected an endpoint with {recipient}"),
        ({"endpoint": "PJSIP/{phone}@trunk"}, "['endpoint']: expected an endpoint with {recipient}"),
        ({"caller_number": "shop"}, "['caller_number']: expected a phone number"),
        ({"contxt": "otpauth"}, "['contxt']: unknown key; did you mean context?"),
        ({"password": None}, "['password']: expected a valid string"),
    ],
)
def test_a_wrong_declaration_stops_the_app_and_names_the_key(
    make_app: MakeApp, declared: dict[str, object], problem: str
) -> None:
    right = {
        "profile": "asterisk",
        "url": "http://pbx:8088/ari",
        "username": "a",
        "password": "b",
        "endpoint": "PJSIP/{digits}@trunk",
    }

    with pytest.raises(ConfigurationError) as raised:
        make_app(flows=("flashcall",), providers={"pbx": {**right, **declared}}, senders={"flashcall": "pbx"})

    assert f"OTPAUTH_PROVIDERS['pbx']{problem}" in str(raised.value)
