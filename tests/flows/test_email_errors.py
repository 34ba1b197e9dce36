"""``email``: the table of errors, in both modes of codes and both of statuses (contract/email.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.email_caller import ADDRESS, PREFIX, EmailCaller
from tests.hosts import MakeApp


class Stage(NamedTuple):
    """What an example needs at hand."""

    caller: EmailCaller
    clock: MovableClock
    monkeypatch: pytest.MonkeyPatch

    def broken(self, error: Exception) -> TestResponse:
        """A request whose use case raises ``error``."""

        def fail(*args: object, **kwargs: object) -> None:
            raise error

        services = self.caller.app.extensions["otpauth"].services
        self.monkeypatch.setattr(type(services.codes), "send_to_user", fail)
        return self.caller.ask()


@pytest.fixture
def stage(outbox: Outbox, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> Callable[[Flask], Stage]:
    """The stage of an app."""
    return lambda app: Stage(EmailCaller(app, outbox), clock, monkeypatch)


def used(stage: Stage) -> TestResponse:
    code = stage.caller.fresh_code()
    stage.caller.verify(code)
    return stage.caller.verify(code)


def expired(stage: Stage) -> TestResponse:
    code = stage.caller.fresh_code()
    stage.clock.tick(300)
    return stage.caller.verify(code)


def wrong(stage: Stage) -> TestResponse:
    stage.caller.fresh_code()
    return stage.caller.miss()


def superseded(stage: Stage) -> TestResponse:
    first = second = stage.caller.fresh_code()
    while first == second:
        second = stage.caller.fresh_code()
    return stage.caller.verify(first)


def exhausted(stage: Stage) -> TestResponse:
    stage.caller.fresh_code()
    return stage.caller.miss(6)


def not_sent(stage: Stage) -> TestResponse:
    stage.caller.outbox.answer = lambda message: Receipt(Status.UNAVAILABLE)
    return stage.caller.ask()


def too_many(stage: Stage) -> TestResponse:
    return [stage.caller.ask() for _ in range(6)][-1]


def locked(stage: Stage) -> TestResponse:
    for _ in range(3):
        stage.caller.fresh_code()
        stage.caller.miss(5)
    return stage.caller.verify(another(stage.caller.code))


def disabled(stage: Stage) -> TestResponse:
    app = stage.caller.app
    with app.app_context():
        users = app.extensions["test_otpauth"].users
        user = users.create(email=ADDRESS)
        code = stage.caller.fresh_code()
        users.disable(user.id)
    return stage.caller.verify(code)


def reused_token(stage: Stage) -> TestResponse:
    token = stage.caller.login()["refreshToken"]
    stage.caller.refresh(token)
    stage.clock.tick(11)
    return stage.caller.refresh(token)


class Row(NamedTuple):
    """A row of the page's table."""

    kind: str
    happens: Callable[[Stage], TestResponse]
    message: str
    examples: int
    table: int
    semantic: int
    always_200: int = 200


TABLE = [
    Row("no email", lambda s: s.caller.post("/request-otp"), "Email is required", 1, -801, 400),
    Row("blank email", lambda s: s.caller.ask("  "), "Email is required", 1, -801, 400),
    Row("null email", lambda s: s.caller.ask(None), "Email is required", 1, -801, 400),  # type: ignore[arg-type]
    Row(
        "no code",
        lambda s: s.caller.post("/verify-otp", {"email": ADDRESS}),
        "OTP code is required",
        1,
        -801,
        400,
    ),
    Row("blank code", lambda s: s.caller.verify(" "), "OTP code is required", 1, -801, 400),
    Row("null code", lambda s: s.caller.verify(None), "OTP code is required", 1, -801, 400),
    Row("no token", lambda s: s.caller.post("/refresh-token"), "Refresh token is required", 1, -801, 400),
    Row("blank token", lambda s: s.caller.refresh(""), "Refresh token is required", 1, -801, 400),
    Row("wrong code", wrong, "Invalid OTP", 1, -201, 400),
    Row("shapeless code", lambda s: s.caller.verify("12345"), "Invalid OTP", 1, -201, 400),
    Row("superseded code", superseded, "Invalid OTP", 1, -201, 400),
    Row("none requested", lambda s: s.caller.verify("123456"), "Invalid OTP", 1, -201, 400),
    Row("used", used, "OTP has already been used", 1, -203, 400),
    Row("expired", expired, "OTP has expired", 1, -202, 400),
    Row("exhausted", exhausted, "Maximum OTP attempts exceeded", -204, -204, 429),
    Row("not sent", not_sent, "Failed to send OTP", -205, -205, 502),
    Row("too many", too_many, "Too many OTP requests", -206, -206, 429),
    Row("locked", locked, "Too many OTP requests", -206, -206, 429),
    Row("disabled", disabled, "User not found", -300, -300, 404),
    Row("no address", lambda s: s.caller.ask("nobody"), "Invalid email", -304, -304, 400),
    Row("unknown token", lambda s: s.caller.refresh("unknown"), "Invalid refresh token", -1, -1, 401),
    Row("shapeless token", lambda s: s.caller.refresh(5), "Invalid refresh token", -1, -1, 401),
    Row("reused token", reused_token, "Invalid refresh token", -1, -1, 401),
    Row("malformed", lambda s: s.caller.post("/request-otp", []), "Invalid request", -1, -1, 400),
    Row("a bug", lambda s: s.broken(KeyError("secret")), "System error", -6, -6, 500, 500),
    Row("store down", lambda s: s.broken(StorageUnavailable("x")), "System error", -6, -6, 503, 503),
    Row(
        "wrong method",
        lambda s: s.caller.app.test_client().get(PREFIX + "/request-otp"),
        "Method Not Allowed",
        *(-1, -1),
        *(405, 405),
    ),
    Row("logged out", lambda s: s.caller.post("/logout"), "Unauthorized", -1, -1, 401, 401),
]


@pytest.mark.parametrize("http_status", ["always_200", "semantic"])
@pytest.mark.parametrize("error_codes", ["examples", "table"])
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.kind)
def test_every_row_of_the_table_of_errors(
    row: Row,
    error_codes: str,
    http_status: str,
    make_app: MakeApp,
    stage: Callable[[Flask], Stage],
) -> None:
    app = make_app(flows=("email",), email_error_codes=error_codes, email_http_status=http_status)

    answer = row.happens(stage(app))

    assert answer.json == {"code": getattr(row, error_codes), "message": row.message, "data": {}}
    assert answer.status_code == getattr(row, http_status)
    assert answer.content_type == "application/json"
    assert ("Retry-After" in answer.headers) == (row.kind in ("too many", "locked", "store down"))
    assert ("WWW-Authenticate" in answer.headers) == (answer.status_code == 401)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Email is required"),
        ({"otpCode": "12"}, "Email is required"),
        ({"email": "nobody"}, "Invalid email"),
        ({"email": "nobody", "otpCode": "12"}, "Invalid email"),
        ({"email": ADDRESS}, "OTP code is required"),
        ({"email": ADDRESS, "otpCode": "12"}, "Invalid OTP"),
    ],
)
def test_of_several_faults_the_first_is_told(
    body: dict[str, Any], message: str, make_app: MakeApp, outbox: Outbox
) -> None:
    answer = EmailCaller(make_app(), outbox).post("/verify-otp", body)

    assert answer.json["message"] == message


def test_a_success_is_200_in_every_mode(make_app: MakeApp, outbox: Outbox) -> None:
    caller = EmailCaller(make_app(email_error_codes="table", email_http_status="semantic"), outbox)

    asked = caller.ask()
    verified = caller.verify(caller.code)

    assert (asked.status_code, asked.json["code"]) == (200, 0)
    assert (verified.status_code, verified.json["code"]) == (200, 0)


def test_the_flow_speaks_rfc_9457_where_it_is_told_to(make_app: MakeApp, outbox: Outbox) -> None:
    caller = EmailCaller(make_app(email_envelope="problem"), outbox)
    caller.ask()

    wrong_code, no_email = caller.miss(), caller.post("/request-otp")

    assert wrong_code.status_code == 400
    assert wrong_code.content_type == "application/problem+json"
    assert wrong_code.json == {"type": "urn:flask-otpauth:code_wrong", "title": "Invalid OTP", "status": 400}
    assert no_email.json["errors"] == [
        {"pointer": "#/email", "code": "required", "detail": "Email is required"}
    ]
    assert caller.verify(caller.code).json["email"] == ADDRESS
