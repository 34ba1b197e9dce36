"""What all flows have in common (contract/index.md): requests, methods, errors, responses."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import pytest
from flask import Flask, Response, abort, got_request_exception, redirect, request
from pydantic import AfterValidator
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from flask_otpauth import OtpAuth
from flask_otpauth.core.errors import Fault, InvalidFields, StorageUnavailable
from flask_otpauth.engine.codes import Target
from flask_otpauth.engine.resets import ByCode
from flask_otpauth.flows.account.bodies import Customer, SetPassword
from flask_otpauth.senders import Message
from flask_otpauth.testing import Outbox
from flask_otpauth.web.body import MAX_BODY_BYTES, Body, ParseContext, parse, read_object
from flask_otpauth.web.flow import Call
from tests.hosts import SECRET_KEY, MakeApp

NAMES = {405: "Method Not Allowed", 413: "Content Too Large", 415: "Unsupported Media Type"}


@dataclass(frozen=True)
class Documented:
    """
    One flow as a client meets it: a sending path, a good body, and how its refusals look.

    ``refusals``: status and body for ``malformed``, ``bug``, ``down``, ``limited``, and each of 405,
    413, 415.
    """

    name: str
    path: str
    body: Mapping[str, Any]
    refusals: Mapping[object, tuple[int, Any]]
    text_fields: tuple[str, ...]
    credential: str = ""


def _email(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "data": {}}


def _sms(status_code: int, status: str, message: str) -> dict[str, Any]:
    return {"message": message, "status": status, "status_code": status_code, "captcha": []}


def _flashcall(message: str) -> dict[str, Any]:
    return {"data": None, "errors": [{"message": message}]}


def _voice(status: int, name: str, message: str) -> dict[str, Any]:
    return {"message": name, "code": status, "status": False, "data": {"error": message}}


MALFORMED = "Malformed request"

FLOWS = {
    "email": Documented(
        "email",
        "/apis/auth/request-otp",
        {"email": "user@example.com"},
        {
            "malformed": (200, _email(-1, "Invalid request")),
            "bug": (500, _email(-6, "System error")),
            "down": (503, _email(-6, "System error")),
            "limited": (429, _email(-206, "Too many OTP requests")),
            **{status: (status, _email(-1, name)) for status, name in NAMES.items()},
        },
        ("email",),
    ),
    "sms": Documented(
        "sms",
        "/api/auth/resend-otp",
        {"cc_phone": "84", "phone": "0987654321"},
        {
            "malformed": (200, _sms(400, "BAD_REQUEST", "Yêu cầu không hợp lệ")),
            "bug": (500, _sms(500, "INTERNAL_SERVER_ERROR", "Lỗi hệ thống")),
            "down": (503, _sms(500, "INTERNAL_SERVER_ERROR", "Lỗi hệ thống")),
            "limited": (429, _sms(429, "LIMITED_REQUEST", "Quá nhiều yêu cầu")),
            405: (405, _sms(405, "METHOD_NOT_ALLOW", "Phương thức không được hỗ trợ")),
            413: (413, _sms(400, "BAD_REQUEST", "Nội dung quá lớn")),
            415: (415, _sms(400, "BAD_REQUEST", "Kiểu nội dung không được hỗ trợ")),
        },
        ("cc_phone", "phone"),
        "sms",
    ),
    "flashcall": Documented(
        "flashcall",
        "/v1/orders",
        {"phone": "79991234567"},
        {
            "malformed": (400, _flashcall("invalid request")),
            "bug": (500, _flashcall("internal server error")),
            "down": (503, _flashcall("service unavailable")),
            "limited": (429, _flashcall("too many requests")),
            **{status: (status, _flashcall(name.lower())) for status, name in NAMES.items()},
        },
        ("phone", "code"),
        "secret",
    ),
    "voice": Documented(
        "voice",
        "/api/v1/campaigns/{campaign}/voiceotp",
        {"userid": "{client}", "contact": {"phone_number": "0771122330", "otp": "123456"}},
        {
            "malformed": (400, _voice(400, "Bad Request", "invalid request")),
            "bug": (500, _voice(500, "Service Error", "Service Error")),
            "down": (503, _voice(503, "Service Unavailable", "Service Unavailable")),
            "limited": (429, _voice(429, "Too Many Requests", "Too Many Requests")),
            **{status: (status, _voice(status, name, name)) for status, name in NAMES.items()},
        },
        ("userid",),
        "voice",
    ),
    "account": Documented(
        "account",
        "/api/pin/request-otp-for-reset",
        {"user": "customer@stamps.co.id"},
        {
            "malformed": (
                400,
                {
                    "detail": MALFORMED,
                    "errors": {},
                    "error_code": "malformed_request",
                    "error_message": MALFORMED,
                },
            ),
            "bug": (500, {"detail": "Internal Server Error"}),
            "down": (503, {"detail": "Service Unavailable"}),
            "limited": (429, {"detail": "Too Many Requests"}),
            **{status: (status, {"detail": name}) for status, name in NAMES.items()},
        },
        ("user",),
        "token",
    ),
}


@dataclass
class Caller:
    """A client that may use one flow."""

    app: Flask
    flow: Documented
    outbox: Outbox
    headers: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    sent_before: int = 0

    @property
    def sent(self) -> list[Message]:
        """Return the messages that the app sent in this test."""
        return self.outbox.messages[self.sent_before :]

    @property
    def path(self) -> str:
        """Return the path that sends a code."""
        return self.flow.path.format(**self.places)

    @property
    def body(self) -> dict[str, Any]:
        """Return a valid body."""
        return {
            name: value.format(**self.places) if isinstance(value, str) else value
            for name, value in self.flow.body.items()
        }

    def open(self, method: str = "POST", suffix: str = "", **options: Any) -> TestResponse:
        """Send any request."""
        headers = {**self.headers, **options.pop("headers", {})}
        return self.app.test_client().open(self.path + suffix, method=method, headers=headers, **options)

    def send(self, raw: bytes, content_type: str | None = "application/json", **options: Any) -> TestResponse:
        """``POST`` these bytes."""
        return self.open(data=raw, content_type=content_type, **options)

    def granted(self, **options: Any) -> TestResponse:
        """``POST`` the good body."""
        return self.open(json=self.body, **options)

    def refused(self, what: object) -> tuple[int, Any]:
        """Return the answer with which the flow refuses ``what``."""
        return self.flow.refusals[what]


def entitled(app: Flask, flow: Documented, outbox: Outbox | None = None) -> Caller:
    """Return a client of ``flow`` with its credential, a campaign and a customer."""
    otpauth, client = app.extensions["test_otpauth"], app.test_client()
    with app.app_context():
        made = otpauth.clients.create("all", flows=("sms", "flashcall", "voice", "account"))
        campaign = otpauth.campaigns.create(made.id)
        otpauth.users.create(email="customer@stamps.co.id")
    headers: dict[str, str] = {}
    if flow.credential == "sms":
        asked = {"grant_type": "client_credentials", "client_id": made.id, "client_secret": made.secret}
        token = client.post("/oauth/token", json={**asked, "scope": "*"}).json["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
    if flow.credential == "secret":
        headers = {"X-Application-Token": made.secret}
    if flow.credential == "voice":
        bought = client.post("/api/v1/users/generate_access_token", json={"secret_key": made.secret})
        headers = {"Authorization": bought.json["data"]["access_token"]}
    if flow.credential == "token":
        headers = {"Authorization": f"Token {made.secret}"}
    return Caller(app, flow, outbox or Outbox(), headers, {"campaign": campaign.id, "client": made.id})


@pytest.fixture(params=FLOWS, scope="module")
def flow(request: pytest.FixtureRequest) -> Documented:
    return FLOWS[request.param]


@pytest.fixture(scope="module")
def lasting(flow: Documented) -> Caller:
    """One app for all tests that do not change its state. Subjects have no limits."""
    outbox = Outbox()
    unlimited = {f"OTPAUTH_{name.upper()}_SEND_QUOTAS": () for name in FLOWS}
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        OTPAUTH_FLOWS=tuple(FLOWS),
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_DATABASE_URI="sqlite://",
        OTPAUTH_IP_LIMITS=None,
        OTPAUTH_SMS_COOLDOWN=0,
        OTPAUTH_SMS_DAY="sliding",
        OTPAUTH_ACCOUNT_OTP_DAILY_LIMIT=100,
        **unlimited,
    )
    app.extensions["test_otpauth"] = OtpAuth(app)
    return entitled(app, flow, outbox)


@pytest.fixture
def caller(lasting: Caller) -> Caller:
    return replace(lasting, sent_before=len(lasting.outbox.messages))


def seen(answer: TestResponse) -> tuple[int, Any]:
    """Return status and body of an answer, which must be one of a flow."""
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json


# -- granted ---------------------------------------------------------------------------------


def test_the_good_body_is_granted(make_app: MakeApp, flow: Documented, outbox: Outbox) -> None:
    caller = entitled(make_app(), flow, outbox)

    answer = caller.granted()

    assert seen(answer)[0] == 200
    # If no template is named, ``account`` returns the code in the answer instead.
    assert len(caller.sent) == (0 if caller.flow.name == "account" else 1)


@pytest.mark.parametrize("suffix", ["", "/", "?", "/?", "?email=x&phone=1&user=2&userid=3&unknown=4"])
def test_a_trailing_slash_and_a_query_string_change_nothing(suffix: str, caller: Caller) -> None:
    answer = caller.granted(suffix=suffix)

    assert seen(answer)[0] == 200
    assert answer.history == ()


@pytest.mark.parametrize("accept", ["text/html", "*/*", "", "image/png", "application/xml;q=0.9"])
def test_any_accept_gets_json(accept: str, caller: Caller) -> None:
    assert seen(caller.granted(headers={"Accept": accept}))[0] == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/json;x=y",
    ],
)
def test_parameters_of_the_content_type_are_allowed(content_type: str, caller: Caller) -> None:
    assert seen(caller.send(json.dumps(caller.body).encode(), content_type))[0] == 200


def test_unknown_fields_are_ignored(caller: Caller) -> None:
    body = {**caller.body, "unknown": {"deep": [1, None, True, 1.5, "é", "\u0000"]}, "": 1}

    assert seen(caller.open(json=body))[0] == 200


# -- malformed -------------------------------------------------------------------------------

NO_JSON = {
    "broken": b"{",
    "a trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "a missing colon": b'{"a", "b"}',
    "a comment": b'{"a": 1} // x',
    "two values": b'{"a": 1}{"b": 2}',
    "blank": b" ",
    "an array": b"[]",
    "an array of objects": b'[{"a": 1}]',
    "a text": b'"a"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "-Infinity": b'{"a": -Infinity}',
    "a key twice": b'{"a": 1, "a": 1}',
    "a key twice inside": b'{"x": [{"a": 1, "a": 2}]}',
    "a byte-order mark": b'\xef\xbb\xbf{"a": 1}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a": 1}'.encode("utf-16-le"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "Latin-1": '{"a": "é"}'.encode("latin-1"),
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "a lone surrogate": b'{"a": "\\ud800"}',
    "a lone surrogate inside": b'{"x": [[{"a": "\\udc00x"}]]}',
    "a lone surrogate as a key": b'{"\\ud800": 1}',
    "a NUL byte": b'{"a": 1}\x00',
    "a raw control character": b'{"a": "\x01"}',
    "a bad escape": b'{"a": "\\x41"}',
    "a number with a leading zero": b'{"a": 012345}',
    "a hexadecimal number": b'{"a": 0x10}',
    "thirty-three levels": b'{"a":' * 33 + b"1" + b"}" * 33,
    "thirty-three levels of lists": b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
    "as deep as it fits": b"[" * (MAX_BODY_BYTES - 1),
    "as deep as it fits, in objects": (b'{"a":' * MAX_BODY_BYTES)[:MAX_BODY_BYTES],
    "form data": b"a=1&b=2",
}


@pytest.mark.parametrize("raw", NO_JSON.values(), ids=list(NO_JSON))
def test_what_is_not_one_json_object_is_malformed(raw: bytes, caller: Caller) -> None:
    answer = caller.send(raw)

    assert seen(answer) == caller.refused("malformed")
    assert caller.sent == []


def test_thirty_two_levels_are_fine(caller: Caller) -> None:
    good = json.dumps(caller.body)[:-1]

    deep = caller.send(f'{good}, "x": {"[" * 31 + "]" * 31}}}'.encode())

    assert seen(deep)[0] == 200


def test_a_pair_of_surrogates_is_a_character(caller: Caller) -> None:
    good = json.dumps(caller.body)[:-1]

    assert seen(caller.send(f'{good}, "x": "\\ud83d\\ude00"}}'.encode()))[0] == 200


# -- empty, too large, another type ----------------------------------------------------------


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "image/png", None])
def test_an_empty_body_counts_as_an_empty_object_whatever_its_type(
    content_type: str | None, caller: Caller
) -> None:
    empty, braces = caller.send(b"", content_type), caller.send(b"{}")

    assert seen(empty) == seen(braces)
    assert seen(empty) != caller.refused("malformed")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/json",
        "application/problem+json",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "json",
        "",
        None,
    ],
)
def test_another_content_type_is_415(content_type: str | None, caller: Caller) -> None:
    answer = caller.send(json.dumps(caller.body).encode(), content_type)

    assert seen(answer) == caller.refused(415)
    assert caller.sent == []


def test_a_body_of_sixteen_kibibytes_is_taken_and_one_byte_more_is_413(caller: Caller) -> None:
    raw = json.dumps(caller.body).encode()

    fits = caller.send(raw.ljust(MAX_BODY_BYTES))
    too_large = caller.send(raw.ljust(MAX_BODY_BYTES + 1))

    assert seen(fits)[0] == 200
    assert seen(too_large) == caller.refused(413)


def test_a_body_whose_length_nobody_announced_is_measured(caller: Caller) -> None:
    raw = json.dumps(caller.body).encode().ljust(MAX_BODY_BYTES + 1)
    unannounced = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}

    answer = caller.open(
        input_stream=io.BytesIO(raw), content_type="application/json", environ_overrides=unannounced
    )

    assert seen(answer) == caller.refused(413)


def test_of_a_body_whose_length_nobody_announced_not_more_is_read_than_is_allowed(caller: Caller) -> None:
    stream = io.BytesIO(b" " * 100 * MAX_BODY_BYTES)
    unannounced = {"wsgi.input_terminated": True, "CONTENT_LENGTH": "", "wsgi.input": stream}

    answer = caller.open(content_type="application/json", environ_overrides=unannounced)

    assert seen(answer) == caller.refused(413)
    assert stream.tell() <= MAX_BODY_BYTES + 1


def test_a_host_may_allow_less(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = json.dumps(caller.body).encode()

    for limit in (len(raw) - 1, 0):
        monkeypatch.setitem(caller.app.config, "MAX_CONTENT_LENGTH", limit)

        assert seen(caller.send(raw)) == caller.refused(413)


class Arriving(io.BytesIO):
    """A body of which a server returns at most ten bytes at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(10 if size is None or size < 0 else min(size, 10))


class Reset(io.BytesIO):
    """A body whose client closes the connection."""

    def read(self, size: int | None = -1) -> bytes:
        raise ConnectionResetError


def with_input(stream: io.BytesIO, length: int) -> dict[str, Any]:
    """Return options for a body that the server reads from ``stream``."""
    overrides = {"wsgi.input": stream, "CONTENT_LENGTH": str(length)}
    return {"content_type": "application/json", "environ_overrides": overrides}


def test_a_body_that_arrives_in_pieces_is_read_to_its_end_and_not_further(caller: Caller) -> None:
    raw = json.dumps(caller.body).encode()
    stream = Arriving(raw + b"the next request")

    answer = caller.open(**with_input(stream, len(raw)))

    assert seen(answer)[0] == 200
    assert stream.getvalue()[stream.tell() :] == b"the next request"


def test_a_body_that_ends_too_early_is_malformed(caller: Caller) -> None:
    raw = json.dumps(caller.body).encode()

    for stream in (io.BytesIO(raw), io.BytesIO(), Reset()):
        answer = caller.open(**with_input(stream, len(raw) + 1))

        assert seen(answer) == caller.refused("malformed")
    assert caller.sent == []


def test_a_hook_of_the_host_can_read_the_body_afterwards(make_app: MakeApp, flow: Documented) -> None:
    app, read = make_app(), list[bytes]()

    @app.after_request
    def look(response: Response) -> Response:
        read.extend([request.get_data(), request.get_data()])
        return response

    caller = entitled(app, flow)
    read.clear()
    raw = json.dumps(caller.body).encode()

    assert seen(caller.send(raw))[0] == 200
    assert read == [raw, raw]


class Unread(io.BytesIO):
    """A body that nobody may read."""

    def readinto(self, buffer: Any) -> int:
        raise AssertionError("the body was read")

    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError("the body was read")


def test_a_body_that_is_announced_as_too_large_is_not_read(caller: Caller) -> None:
    announced = {"CONTENT_LENGTH": str(10**12)}

    answer = caller.open(input_stream=Unread(), content_type="application/json", environ_overrides=announced)

    assert seen(answer) == caller.refused(413)


def test_a_body_that_a_hook_of_the_host_has_read_is_measured_all_the_same(
    make_app: MakeApp, flow: Documented
) -> None:
    app = make_app()
    app.before_request(lambda: request.get_data() and None)
    caller = entitled(app, flow)
    raw = json.dumps(caller.body).encode()

    assert seen(caller.send(raw))[0] == 200
    assert seen(caller.send(raw.ljust(MAX_BODY_BYTES + 1))) == caller.refused(413)


# -- wrong types -----------------------------------------------------------------------------

NO_TEXT = [0, 12345, -1, 1.5, True, False, [], ["x"], {}, {"a": "b"}, 10**25, -(10**25)]


@pytest.mark.parametrize(
    "value", [*NO_TEXT, "x\0", "\0", "x" * 4097, "x" * 16_000], ids=lambda value: repr(value)[:20]
)
def test_a_field_of_the_wrong_type_an_over_long_one_or_a_nul_is_a_refusal_of_the_flow(
    value: object, caller: Caller
) -> None:
    for name in caller.flow.text_fields:
        answer = caller.open(json={**caller.body, name: value})

        status, body = seen(answer)
        assert status < 500
        assert body != caller.granted().json
    assert {message.recipient for message in caller.sent} <= {
        "user@example.com",
        "+84987654321",
        "+79991234567",
        "+84771122330",
    }


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63)])
def test_an_integer_of_64_bits_is_read(number: int) -> None:
    assert read_object(json.dumps({"user": number}).encode()) == {"user": number}


def test_a_fault_names_the_field_and_has_nothing_of_its_value(app: Flask) -> None:
    def refuse(value: str) -> str:
        raise ValueError(f"{value} is not a name")

    class Names(Body):
        names: list[Annotated[str, AfterValidator(refuse)]]

    state = app.extensions["otpauth"]
    context = ParseContext(state.by_flow["account"], state.services.addresses)

    with pytest.raises(InvalidFields) as refused:
        parse(Names, {"names": ["secret"]}, context)

    assert refused.value.faults == (Fault("names", "value_error"),)


@pytest.mark.parametrize("value", [None, "", "  ", "\t\n"], ids=repr)
def test_null_and_blank_count_as_missing(value: str | None, caller: Caller) -> None:
    name = next(iter(caller.body))
    without = {key: given for key, given in caller.body.items() if key != name}

    missing, blank = caller.open(json=without), caller.open(json={**without, name: value})

    assert seen(blank) == seen(missing)


# -- methods ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "FOO"])
def test_another_method_is_405_and_has_no_effect(method: str, caller: Caller) -> None:
    answer = caller.open(method, json=caller.body)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST, OPTIONS"
    if method == "HEAD":
        assert answer.data == b""
    else:
        assert seen(answer) == caller.refused(405)
    assert caller.sent == []


@pytest.fixture(scope="module")
def all_paths() -> tuple[Flask, dict[str, str]]:
    """An app with every path, and the method of each."""
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        OTPAUTH_FLOWS=tuple(FLOWS),
        OTPAUTH_SENDERS=Outbox().senders,
        OTPAUTH_DATABASE_URI="sqlite://",
        OTPAUTH_IP_LIMITS=None,
        OTPAUTH_VOICE_VERIFY=True,
        OTPAUTH_FLASHCALL_AUTH_POST=True,
    )
    OtpAuth(app)
    rules = [rule.rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("otpauth_")]
    assert len(rules) > 20
    paths = [re.sub("<.*?>", "x", rule) for rule in rules]
    return app, {path: "GET" if path == "/v1/auth/x/x" else "POST" for path in paths}


@pytest.mark.parametrize("suffix", ["", "/"])
def test_options_is_empty_and_asks_for_no_credential_on_every_path(
    all_paths: tuple[Flask, dict[str, str]], suffix: str
) -> None:
    app, methods = all_paths

    for path, method in methods.items():
        answer = app.test_client().options(path + suffix)

        assert (answer.status_code, answer.data) == (200, b""), path
        assert answer.headers["Allow"] == f"{method}, OPTIONS", path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert "html" not in answer.content_type, path


@pytest.mark.parametrize("suffix", ["", "/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_every_path_takes_its_own_method_alone_and_says_so_before_anything_else(
    all_paths: tuple[Flask, dict[str, str]], method: str, suffix: str
) -> None:
    app, methods = all_paths

    for path, own in methods.items():
        answer = app.test_client().open(path + suffix, method=method)

        assert (answer.status_code == 405) == (method != own), path
        assert answer.status_code != 404, path
        if method != own:
            assert answer.headers["Allow"] == f"{own}, OPTIONS", path
            assert answer.content_type == "application/json", path
            assert (answer.data == b"") == (method == "HEAD"), path


def test_405_comes_before_authentication_and_authentication_before_the_body(caller: Caller) -> None:
    client = caller.app.test_client()

    assert client.get(caller.path).status_code == 405
    if caller.flow.credential:
        anonymous = client.post(caller.path, data=b"{", content_type="application/json")
        assert seen(anonymous) == seen(client.post(caller.path, json=caller.body))
        assert seen(anonymous) != caller.refused("malformed")


def test_an_unknown_path_under_the_prefix_is_the_hosts_own_404(make_app: MakeApp, flow: Documented) -> None:
    app = make_app()

    @app.errorhandler(404)
    def lost(error: HTTPException) -> tuple[str, int]:
        return "the host's own", 404

    prefix = flow.path.rsplit("/", 1)[0]
    paths = [
        f"{prefix}/unknown",
        f"{prefix}//{flow.path.rsplit('/', 1)[1]}",
        f"{flow.path}//",
        f"/{flow.path}",
    ]

    assert [app.test_client().post(path, json={}).text for path in paths] == ["the host's own"] * len(paths)


# -- errors ----------------------------------------------------------------------------------


def breaking(caller: Caller, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the use case behind the flow's path raise ``error``."""

    def fail(*args: object, **kwargs: object) -> None:
        raise error

    codes = type(caller.app.extensions["otpauth"].services.codes)
    monkeypatch.setattr(codes, "send", fail)
    monkeypatch.setattr(codes, "send_to_user", fail)
    monkeypatch.setattr(codes, "issue", fail)


def test_a_bug_is_told_without_details_and_to_those_who_collect_bugs(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bug = ZeroDivisionError("a detail that nobody must see")
    breaking(caller, monkeypatch, bug)
    collected: list[Exception] = []

    def collect(sender: Flask, exception: Exception) -> None:
        collected.append(exception)

    with got_request_exception.connected_to(collect, caller.app):
        answer = caller.granted()

    assert seen(answer) == caller.refused("bug")
    assert b"detail that nobody" not in answer.data
    assert collected == [bug]
    assert "a detail that nobody must see" in caplog.text


def test_a_store_that_is_down_is_503_with_retry_after_and_says_why_in_the_log(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    breaking(caller, monkeypatch, StorageUnavailable("the disk is full"))

    answer = caller.granted()

    assert seen(answer) == caller.refused("down")
    assert answer.headers["Retry-After"] == "5"
    assert "the disk is full" in caplog.text


def aborting(status: int) -> Callable[[], None]:
    """Add a hook of the host that refuses every request."""

    def hook() -> None:
        abort(status)

    return hook


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(400, "malformed"), (413, 413), (415, 415), (429, "limited"), (500, "bug"), (503, "down")],
)
def test_what_a_hook_of_the_host_refuses_is_told_in_the_flows_envelope(
    status: int, refusal: object, make_app: MakeApp, flow: Documented
) -> None:
    app = make_app()

    @app.errorhandler(status)
    def page(error: HTTPException) -> tuple[str, int]:
        return "<h1>a page of the host's</h1>", status

    caller = entitled(app, flow)
    app.before_request_funcs.setdefault(None, []).append(aborting(status))
    answer = caller.granted()

    assert seen(answer) == caller.refused(refusal)


@pytest.mark.parametrize("status", [401, 403, 404, 451])
def test_the_status_of_a_hosts_own_refusal_stays(status: int, make_app: MakeApp, flow: Documented) -> None:
    app = make_app()
    caller = entitled(app, flow)
    app.before_request_funcs.setdefault(None, []).append(aborting(status))

    answer = caller.granted()

    assert seen(answer)[0] == status


@pytest.mark.parametrize(
    "aborting",
    [lambda: abort(Response("tea", 418)), lambda: abort(403, response=Response("tea", 418))],
    ids=["a response", "a status with a response"],
)
def test_a_response_that_a_hook_of_the_host_made_is_left_alone(
    aborting: Callable[[], None], make_app: MakeApp, flow: Documented
) -> None:
    app = make_app()
    caller = entitled(app, flow)
    app.before_request_funcs.setdefault(None, []).append(
        lambda: abort(redirect("/maintenance")) if request.args else aborting()
    )

    assert (caller.granted().status_code, caller.granted().text) == (418, "tea")
    assert caller.granted(suffix="?x=1").location == "/maintenance"


def test_a_hook_of_the_host_that_breaks_is_told_in_the_flows_envelope(
    make_app: MakeApp, flow: Documented
) -> None:
    app = make_app()
    caller = entitled(app, flow)

    def broken() -> None:
        raise ValueError("a detail")

    app.before_request_funcs.setdefault(None, []).append(broken)

    assert seen(caller.granted()) == caller.refused("bug")


def test_an_after_hook_of_the_host_that_breaks_is_told_in_the_flows_envelope(
    make_app: MakeApp, flow: Documented, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(TESTING=False)
    caller = entitled(app, flow)

    def broken(response: Response) -> Response:
        raise ValueError("a detail")

    app.after_request_funcs.setdefault(None, []).append(broken)

    assert seen(caller.granted()) == caller.refused("bug")
    assert "a detail" in caplog.text


# -- responses -------------------------------------------------------------------------------


def test_text_is_utf_8_and_not_escaped(make_app: MakeApp) -> None:
    caller = entitled(make_app(), FLOWS["sms"])

    answer = caller.send(b"[]")

    assert "Yêu cầu không hợp lệ".encode() in answer.data


def test_an_echoed_address_is_not_escaped(app: Flask) -> None:
    caller = entitled(app, FLOWS["email"])

    answer = caller.open(json={"email": "người@example.com"})

    assert "người@example.com".encode() in answer.data


def test_a_prefix_is_a_setting(make_app: MakeApp, flow: Documented) -> None:
    prefix = {
        "email": "/apis/auth",
        "sms": "/api/auth",
        "flashcall": "/v1",
        "voice": "/api/v1",
        "account": "/api",
    }
    app = make_app(**{f"{flow.name}_url_prefix": "/elsewhere"})
    caller = entitled(make_app(), flow)

    moved = caller.path.replace(prefix[flow.name], "/elsewhere", 1)
    statuses = [app.test_client().options(path).status_code for path in (moved, caller.path)]

    assert statuses == [200, 404]


# -- repr ------------------------------------------------------------------------------------


def test_what_a_request_holds_is_in_no_repr(app: Flask) -> None:
    state = app.extensions["otpauth"]
    door = ParseContext(state.by_flow["account"], state.services.addresses)
    given = {"email": "victim@example.com", "new_password": "correct horse battery"}

    body = parse(SetPassword, given, door)
    named = parse(Customer, {"user": given["email"]}, door)
    # With letters beyond f, because a repr can contain the address of an object in memory.
    call = Call(
        state.by_flow["account"],
        None,
        path={"order_code": "code-0345"},
        authorization="Bearer a-secret-token",
    )
    target = Target("pin", body.email.canonical)
    policy = state.by_flow["account"].policy("pin")
    proof = ByCode(state.services.codes, policy, target, "guess-271828", "$argon2id$judged")
    shown = [repr(body), str(body), repr(named), repr(body.email), repr(call), repr(target), repr(proof)]

    for secret in (*given.values(), "code-0345", "a-secret-token", "guess-271828", "argon2id"):
        assert secret not in " ".join(shown)


def as_no_content(response: Response) -> None:
    response.status_code = 204


def with_location(response: Response) -> None:
    response.headers["Location"] = "/nächste"


def with_more(response: Response) -> None:
    response.data = b"[0, 1, 2]"


@pytest.mark.parametrize(
    ("change", "header", "sent"),
    [
        (as_no_content, "Content-Length", None),
        (with_location, "Location", "/n%C3%A4chste"),
        (with_more, "Content-Length", "9"),
    ],
)
def test_an_answer_that_a_hook_of_the_host_has_changed_is_sent_as_any_other(
    change: Callable[[Response], None], header: str, sent: str | None, make_app: MakeApp, flow: Documented
) -> None:
    app, changes = make_app(), list[Callable[[Response], None]]()

    @app.after_request
    def change_it(response: Response) -> Response:
        for each in changes:
            each(response)
        return response

    caller = entitled(app, flow)
    changes.append(change)

    assert caller.granted().headers.get(header) == sent
