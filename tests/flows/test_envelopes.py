"""Any flow can use any envelope: those of the package, ``problem`` (RFC 9457), and one of a host."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from flask_otpauth.core import errors
from flask_otpauth.envelopes import Failure, Success, Wire
from flask_otpauth.flows import FLOWS
from flask_otpauth.flows.email import envelope as email_envelope
from flask_otpauth.flows.sms import envelope as sms_envelope
from flask_otpauth.flows.sms import oauth_envelope
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import Outbox
from flask_otpauth.web.envelope import STATUS
from flask_otpauth.wiring.envelopes import packaged_envelopes
from tests.hosts import MakeApp

PACKAGED = packaged_envelopes(FLOWS)


class HostEnvelope:
    """An envelope of a host."""

    def success(self, success: Success) -> Wire:
        """Return everything in one object."""
        return {"ok": True, "result": success.data}, 200, success.headers

    def failure(self, failure: Failure) -> Wire:
        """Return only the stable code."""
        return {"ok": False, "why": failure.code}, 418, failure.headers


ENVELOPES: Mapping[str, Any] = MappingProxyType(
    {**{name: name for name in PACKAGED}, "host's": "tests.flows.test_envelopes:HostEnvelope"}
)

#: In a pattern, these stand for the data of a success and for the HTTP status of a refusal.
DATA, HTTP_STATUS = object(), object()
TEXT, NO_ZERO = re.compile(".+"), re.compile("-?[1-9][0-9]*")

#: What every body of an envelope has: a pattern for a success and one for a refusal. A type or a regular
#: expression stands for what it matches. A key with ``?`` can be missing. ``...`` as a key allows other keys.
SHAPES: Mapping[str, tuple[Any, Any]] = {
    "account": (
        DATA,
        {
            "detail": str,
            "errors?": dict,
            "error_code?": str,
            "error_message?": str,
            "status?": str,
            "otp?": object,
            "user_id?": object,
            "captcha?": object,
        },
    ),
    "email": (
        {"code": 0, "message": str, "data": DATA},
        {"code": NO_ZERO, "message": TEXT, "data": object},
    ),
    "flashcall": ({"data": DATA, "errors": None}, {"data": None, "errors": [{"message": TEXT}]}),
    # RFC 6749 §5.2 allows only these characters.
    "oauth": (
        DATA,
        {"error": str, "error_description?": re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")},
    ),
    "problem": (
        DATA,
        {"type": re.compile("urn:flask-otpauth:.*"), "title": TEXT, "status": HTTP_STATUS, ...: object},
    ),
    "sms": (
        {"status": "OK", "status_code": 200, "data?": DATA, ...: object},
        {"status_code": re.compile("[4-9][0-9]{2}"), "message": TEXT, "captcha": object, ...: object},
    ),
    "voice": (
        {"message": "OK", "code": 200, "status": True, "data": DATA},
        {"code": HTTP_STATUS, "status": False, "data": {"error": TEXT, ...: object}, ...: object},
    ),
    "host's": ({"ok": True, "result": DATA}, {"ok": object, "why": object}),
}


def matches(pattern: Any, value: Any, data: Any, status: int) -> bool:
    """Return whether ``value`` matches ``pattern``, with these data and this HTTP status."""
    if pattern is DATA or pattern is HTTP_STATUS:
        return bool(value == (data if pattern is DATA else status))
    if isinstance(pattern, re.Pattern):
        return pattern.fullmatch(str(value)) is not None
    if isinstance(pattern, type):
        return isinstance(value, pattern)
    if isinstance(pattern, list):
        return isinstance(value, list) and all(matches(pattern[0], each, data, status) for each in value)
    if isinstance(pattern, dict):
        return isinstance(value, dict) and _fields_match(pattern, value, data, status)
    return bool(value == pattern and type(value) is type(pattern))


def _fields_match(pattern: dict[Any, Any], value: dict[str, Any], data: Any, status: int) -> bool:
    names = {name if name is ... else name.removesuffix("?"): each for name, each in pattern.items()}
    missing = names.keys() - value.keys() - {...}
    if value.keys() - names.keys() and ... not in names:
        return False
    if not all(f"{name}?" in pattern and (names[name] is not DATA or not data) for name in missing):
        return False
    return all(matches(names[name], each, data, status) for name, each in value.items() if name in names)


class Caller:
    """A client that may use every flow, in any envelope."""

    def __init__(self, app: Flask, outbox: Outbox) -> None:
        self.app = app
        self.outbox = outbox
        services = app.extensions["otpauth"].services
        with app.app_context():
            self.client = services.clients.create("all", ("sms", "flashcall", "voice", "account"))
            self.campaign = app.extensions["otpauth"].use_cases["voice"].campaigns.create(self.client.id).id
            services.users.create(email="customer@stamps.co.id", full_name="Foo", password="secret123")
            client, generation = services.clients.by_secret(self.client.secret, "sms")
            voice = services.clients.buy_token(client, generation, "voice", timedelta(days=1), 20)
            sms = services.clients.sign_token(client, generation, "sms", timedelta(days=1))
        self.headers = {
            "email": {},
            "sms": {"Authorization": f"Bearer {sms}"},
            "flashcall": {"X-Application-Token": self.client.secret},
            "voice": {"Authorization": voice},
            "account": {"Authorization": f"Token {self.client.secret}"},
        }

    def post(self, flow: str, path: str, body: Any) -> TestResponse:
        """Send a request with the credential of the flow."""
        return self.app.test_client().post(path, json=body, headers=self.headers[flow])


Answers = Iterator[tuple[TestResponse, Any]]


def email(caller: Caller) -> Answers:
    """Return each answer with the data of its success, or with ``None`` if it is a refusal."""
    named = {"email": "User@example.com"}
    yield caller.post("email", "/apis/auth/request-otp", named), {**named, "expireInSeconds": 300}
    yield caller.post("email", "/apis/auth/verify-otp", {**named, "otpCode": "12345"}), None
    login = caller.post("email", "/apis/auth/verify-otp", {**named, "otpCode": caller.outbox.last.code})
    yield login, ANY
    yield caller.post("email", "/apis/auth/verify-otp", {**named, "otpCode": caller.outbox.last.code}), None
    yield caller.post("email", "/apis/auth/request-otp", {"email": "no address"}), None
    yield caller.post("email", "/apis/auth/refresh-token", {"refreshToken": "x"}), None
    yield caller.post("email", "/apis/auth/logout", {}), None
    for _ in range(5):
        limited = caller.post("email", "/apis/auth/request-otp", named)
    yield limited, None


def sms(caller: Caller) -> Answers:
    """As :func:`email`."""
    named = {"cc_phone": "84", "phone": "0987654321"}
    wait = {"otp": {"refresh_after": 90, "status": "wait"}}
    yield caller.post("sms", "/api/auth/resend-otp", named), wait
    yield caller.post("sms", "/api/auth/resend-otp", named), None
    yield caller.post("sms", "/api/auth/resend-otp", {"cc_phone": "x", "phone": "1"}), None
    yield caller.post("sms", "/api/auth/resend-otp", {**named, "captcha": "wrong"}), None
    yield caller.post("sms", "/api/auth/resend-otp", {"account_token": "x"}), None
    yield caller.post("sms", "/api/auth/verify-otp", {**named, "otp": "12345"}), None
    right = {**named, "otp": caller.outbox.last.code}
    yield caller.post("sms", "/api/auth/verify-otp", right), {"user_id": None, "otp": {"refresh_after": 90}}


def flashcall(caller: Caller) -> Answers:
    """As :func:`email`."""
    order = caller.post("flashcall", "/v1/orders?fields=code.value", {"phone": "79991234567", "code": "0345"})
    shown = {"prefix": "7487260", "mask": "7487260****"}
    order_id = caller.outbox.last.reference
    yield order, {"id": order_id, "cid": shown, "code": {"len": 4, "value": "0345"}}
    yield caller.post("flashcall", "/v1/orders", {"phone": "1", "code": "x"}), None
    http, headers = caller.app.test_client(), caller.headers["flashcall"]
    yield http.get(f"/v1/auth/{order_id}/0000", headers=headers), None
    yield http.get("/v1/auth/x/y", headers=headers), None
    yield http.get(f"/v1/auth/{order_id}/0345", headers=headers), {"success": True}
    yield http.get(f"/v1/auth/{order_id}/0345", headers=headers), None
    for _ in range(5):
        limited = caller.post("flashcall", "/v1/orders", {"phone": "79991234567"})
    yield limited, None


def voice(caller: Caller) -> Answers:
    """As :func:`email`."""
    url, contact = (
        f"/api/v1/campaigns/{caller.campaign}/voiceotp",
        {"phone_number": "0771122330", "otp": "123456"},
    )
    buying = "/api/v1/users/generate_access_token"
    yield caller.post("voice", buying, {"secret_key": caller.client.secret}), ANY
    yield caller.post("voice", buying, {"secret_key": "x"}), None
    yield caller.post("voice", buying, {}), None
    yield (
        caller.post("voice", url, {"userid": caller.client.id, "contact": contact}),
        {"campaign_id": caller.campaign},
    )
    yield caller.post("voice", url, {"userid": caller.client.id, "contact": {}}), None
    yield caller.post("voice", url, {"userid": "somebody", "contact": contact}), None
    yield (
        caller.post(
            "voice", "/api/v1/campaigns/x/voiceotp", {"userid": caller.client.id, "contact": contact}
        ),
        None,
    )
    for turn in range(5):
        body = {"userid": caller.client.id, "contact": {**contact, "otp": f"10000{turn}"}}
        limited = caller.post("voice", url, body)
    yield limited, None


def account(caller: Caller) -> Answers:
    """As :func:`email`."""
    named, ok = {"user": "customer@stamps.co.id"}, {"status": "ok"}
    pins = {"pin": "123456", "confirm_pin": "123456"}
    yield caller.post("account", "/api/pin/set", {**named, **pins}), ok
    yield caller.post("account", "/api/pin/set", {**named, **pins, "confirm_pin": "1"}), None
    yield caller.post("account", "/api/pin/validate", {**named, "pin": "000000"}), None
    yield caller.post("account", "/api/pin/unblock", {"user": "nobody"}), None
    yield caller.post("account", "/api/pin/reset", {**named, **pins, "otp": "000000"}), None
    yield caller.post("account", "/api/auth/validate-mobile-number", {"mobile_number": "x"}), None
    yield caller.post("account", "/api/auth/validate-mobile-number", {"mobile_number": "081234567890"}), ok
    password = {"email": named["user"], "new_password": "secure_password"}
    stored = {"id": 1, "name": "Foo", "email": named["user"], **ok}
    yield caller.post("account", "/api/auth/set-password", password), stored
    for _ in range(6):
        limited = caller.post("account", "/api/pin/request-otp-for-reset", named)
    yield limited, None


def what_every_flow_may_meet(caller: Caller, flow: str, path: str, body: Any) -> Answers:
    """Return refusals that each document words differently."""
    http, headers = caller.app.test_client(), caller.headers[flow]
    yield http.post(path, data=b"{", content_type="application/json", headers=headers), None
    yield http.post(path, data=b"{}", content_type="text/plain", headers=headers), None
    yield http.post(path, data=b" " * 20_000, content_type="application/json", headers=headers), None
    yield http.put(path, headers=headers), None
    if headers:
        yield http.post(path, json=body), None
    caller.outbox.answer = lambda message: Receipt(Status.REJECTED)
    yield caller.post(flow, path, body), None
    caller.outbox.answer = None
    caller.app.extensions["otpauth"].services.storage.database.engine.dispose()
    yield caller.post(flow, path, body), None


ANY: Any = object()
SAID: Mapping[str, Callable[[Caller], Answers]] = {
    "email": email,
    "sms": sms,
    "flashcall": flashcall,
    "voice": voice,
    "account": account,
}
#: A path of each flow that sends a code, with a valid body.
SENDING: Mapping[str, tuple[str, Any]] = {
    "email": ("/apis/auth/request-otp", {"email": "another@example.com"}),
    "sms": ("/api/auth/resend-otp", {"cc_phone": "84", "phone": "0912345678"}),
    "flashcall": ("/v1/orders", {"phone": "79997654321"}),
    "voice": ("", {"contact": {"phone_number": "0912345678", "otp": "123456"}}),
    "account": (
        "/api/auth/request-otp-for-password-reset",
        {"identifier": "customer@stamps.co.id", "type": "email", "template_code": "code"},
    ),
}


def ask_captcha(phone: str, answer: object) -> dict[str, str] | None:
    """Return a captcha only after a wrong answer."""
    return {"image": "3+4"} if answer == "wrong" else None


def check(answer: TestResponse, data: Any, envelope: str) -> None:
    """Return whether ``answer`` is in that envelope: a success with ``data``, or a refusal."""
    granted, refused = SHAPES[envelope]
    problem = envelope == "problem" and data is None
    assert answer.content_type == ("application/problem+json" if problem else "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    body = json.loads(answer.data)
    if data is None:
        assert matches(refused, body, None, answer.status_code), body
        assert envelope != "host's" or answer.status_code == 418
    else:
        expected = data if data is not ANY else _granted(body, envelope)
        assert answer.status_code == 200, body
        assert matches(granted, body, expected, 200), body


def _granted(body: Any, envelope: str) -> Any:
    key = {"host's": "result", "account": "", "oauth": "", "problem": ""}.get(envelope, "data")
    return body[key] if key else body


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("flow", SAID)
def test_a_flow_speaks_an_envelope(make_app: MakeApp, outbox: Outbox, flow: str, envelope: str) -> None:
    app = make_app(**{f"{flow}_envelope": ENVELOPES[envelope]}, sms_captcha=ask_captcha)
    caller = Caller(app, outbox)

    for answer, data in SAID[flow](caller):
        check(answer, data, envelope)


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("flow", SAID)
def test_what_every_flow_may_meet_is_told_in_any_envelope(
    make_app: MakeApp, outbox: Outbox, flow: str, envelope: str
) -> None:
    app = make_app(**{f"{flow}_envelope": ENVELOPES[envelope]})
    caller = Caller(app, outbox)
    path, body = SENDING[flow]
    if flow == "voice":
        path, body = f"/api/v1/campaigns/{caller.campaign}/voiceotp", {**body, "userid": caller.client.id}

    for answer, data in what_every_flow_may_meet(caller, flow, path, body):
        check(answer, data, envelope)


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_headers_that_are_not_the_envelopes_stay(make_app: MakeApp, outbox: Outbox, envelope: str) -> None:
    app = make_app(sms_envelope=ENVELOPES[envelope])
    caller, named = Caller(app, outbox), {"cc_phone": "84", "phone": "0987654321"}

    caller.post("sms", "/api/auth/resend-otp", named)
    waiting = caller.post("sms", "/api/auth/resend-otp", named)
    method = app.test_client().get("/api/auth/resend-otp")

    assert waiting.headers["Retry-After"] == "90"
    assert method.headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("given", [HostEnvelope(), HostEnvelope, "tests.flows.test_envelopes:HostEnvelope"])
def test_an_envelope_is_given_as_an_instance_a_class_or_a_path(make_app: MakeApp, given: Any) -> None:
    app = make_app(email_envelope=given)

    answer = app.test_client().post("/apis/auth/request-otp", json={"email": "user@example.com"})

    assert answer.json == {"ok": True, "result": {"email": "user@example.com", "expireInSeconds": 300}}


def test_the_token_path_of_sms_speaks_as_the_rfc_says_whatever_the_flow_speaks(make_app: MakeApp) -> None:
    answer = make_app(sms_envelope="voice").test_client().post("/oauth/token", json={"grant_type": "x"})

    assert answer.json["error"] == "unsupported_grant_type"


# -- problem documents ----------------------------------------------------------------------


def test_a_problem_points_to_the_fields_at_fault(make_app: MakeApp, outbox: Outbox) -> None:
    caller = Caller(make_app(voice_envelope="problem"), outbox)
    url = f"/api/v1/campaigns/{caller.campaign}/voiceotp"

    answer = caller.post(
        "voice", url, {"userid": "u", "contact": {"phone_number": "0771122330", "otp": "12"}}
    )

    detail = "contact.otp must be 4 to 10 digits"
    assert answer.status_code == 400
    assert answer.json == {
        "type": "urn:flask-otpauth:invalid_fields",
        "title": detail,
        "status": 400,
        "errors": [{"pointer": "#/contact/otp", "code": "digits", "detail": detail}],
    }


# -- every refusal there is -----------------------------------------------------------------


def refusals() -> list[errors.Refusal]:
    """Return a refusal of each class."""
    made = {
        errors.MethodNotAllowed: lambda: errors.MethodNotAllowed("POST"),
        errors.FreshLoginRequired: lambda: errors.FreshLoginRequired(300),
        errors.CaptchaRequired: lambda: errors.CaptchaRequired({"image": "3+4"}),
        errors.SecretTooWeak: lambda: errors.SecretTooWeak("pin", "common_pin"),
        errors.NoAddress: lambda: errors.NoAddress("email"),
    }
    found, branches = [], [errors.Refusal]
    while branches:
        branch = branches.pop()
        branches += branch.__subclasses__()
        if issubclass(branch, errors.Limited):
            made[branch] = lambda branch=branch: branch(5, 3)
        if branch is not errors.InvalidFields:
            found.append(made.get(branch, branch)())
    return found


@pytest.mark.parametrize("flow", FLOWS)
def test_every_flow_has_words_for_every_refusal_and_every_envelope_a_form(
    make_app: MakeApp, flow: str
) -> None:
    settings = make_app().extensions["otpauth"].by_flow[flow]
    envelopes = [make(settings) for make in PACKAGED.values()]

    for refusal in refusals():
        failure = FLOWS[flow].messages.failure_for(refusal, settings, {})
        for envelope in envelopes:
            payload, status, _ = envelope.failure(failure)
            assert isinstance(json.loads(json.dumps(payload)), dict)
            assert failure.message
            assert status == 200 or 400 <= status <= 599


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_calls_nothing_a_failure_of_the_system_but_that(make_app: MakeApp, flow: str) -> None:
    settings = make_app().extensions["otpauth"].by_flow[flow]
    words = {type(each): FLOWS[flow].messages.failure_for(each, settings, {}).message for each in refusals()}

    told = {error for error, message in words.items() if message == words[errors.InternalError]}

    assert told <= {errors.Refusal, errors.InternalError, *branch_of(errors.Unavailable)}


@pytest.mark.parametrize("table", [STATUS, email_envelope.TABLE, oauth_envelope.TABLE, sms_envelope.TABLE])
def test_a_table_of_an_envelope_knows_every_error_by_its_branch(table: Mapping[Any, Any]) -> None:
    assert table.keys() <= branch_of(errors.Refusal)
    if table is not email_envelope.TABLE:  # In its document, everything that is not in the table is -1.
        unknown = {each for each in branch_of(errors.Refusal) if declared_in(table, each) is errors.Refusal}
        assert unknown == {errors.Refusal}


def branch_of(error: type[errors.Refusal]) -> set[type[errors.Refusal]]:
    """Return ``error`` and all its subclasses."""
    return {error}.union(*(branch_of(each) for each in error.__subclasses__()))


def declared_in(table: Mapping[Any, Any], error: type[errors.Refusal]) -> type[errors.Refusal]:
    """Return the class that has the row for ``error``."""
    return next(base for base in error.__mro__ if base in table)


#: The status in a body, for the envelopes that have one.
SHOWN: Mapping[str, Callable[[Any], int]] = {
    "problem": lambda body: body["status"],
    "sms": lambda body: body["status_code"],
    "voice": lambda body: body["code"],
}
#: The statuses in which body and HTTP differ. Business errors are HTTP 200 as well.
DOCUMENTED = {"sms": {(400, 413), (400, 415), (500, 503)}}


@pytest.mark.parametrize("envelope", SHOWN)
def test_the_status_in_a_body_is_that_of_the_answer_for_every_error(make_app: MakeApp, envelope: str) -> None:
    by_flow = make_app().extensions["otpauth"].by_flow
    made = PACKAGED[envelope](by_flow.get(envelope, by_flow["email"]))

    for refusal in refusals():
        failure = FLOWS["email"].messages.failure_for(refusal, by_flow["email"], {})
        body, status, _ = made.failure(failure)
        shown = SHOWN[envelope](body)
        business = envelope == "sms" and status == 200
        assert shown == status or business or (shown, status) in DOCUMENTED.get(envelope, ()), refusal


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("flow", SENDING)
def test_what_a_host_decides_by_abort_is_in_the_body_as_well(
    make_app: MakeApp, flow: str, envelope: str
) -> None:
    app = make_app(**{f"{flow}_envelope": ENVELOPES[envelope]})

    @app.before_request
    def closed() -> None:
        error = HTTPException("closed")
        error.code = int(request.args["status"])
        raise error

    for status in (401, 402, 403, 404, 405, 409, 410, 418, 422, 451, 501, 502, 504, 599):
        path = SENDING[flow][0] or "/api/v1/campaigns/x/voiceotp"
        answer = app.test_client().post(path, query_string={"status": status}, json={})

        body = json.loads(answer.data)
        assert answer.status_code == (418 if envelope == "host's" else status)
        if envelope in SHOWN:
            assert SHOWN[envelope](body) == status
        else:
            assert matches(SHAPES[envelope][1], body, None, answer.status_code)
        assert "Service Error" not in answer.text or status >= 500


class OverTheLimit(errors.Limited):
    """An error that a hook of the host raises."""


@pytest.mark.parametrize("envelope", PACKAGED)
def test_an_error_that_a_host_derived_is_told_as_what_it_is_derived_from(envelope: str) -> None:
    settings = FLOWS["email"].settings()
    refusals = (OverTheLimit(5), errors.Limited(5))
    failure, base = (FLOWS["email"].messages.failure_for(made, settings, {}) for made in refusals)

    assert PACKAGED[envelope](settings).failure(failure) == PACKAGED[envelope](settings).failure(base)
