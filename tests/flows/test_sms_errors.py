"""The table of statuses of contract/sms.md, row by row, in both modes; and what surrounds the two paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth import ConfigurationError
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import Outbox
from tests.flows.sms_caller import NUMBER, PHONE, RESEND, TOKEN, VERIFY, SmsCaller, new_user, outcome
from tests.hosts import MakeApp, otpauth_of

Act = Callable[[SmsCaller], TestResponse]


def raw(caller: SmsCaller, data: bytes | str, content_type: str | None = "application/json") -> TestResponse:
    return caller.app.test_client().post(RESEND, data=data, content_type=content_type, headers=caller.headers)


def without_token(caller: SmsCaller) -> TestResponse:
    return caller.app.test_client().post(RESEND, json=PHONE)


def of_a_blocked_client(caller: SmsCaller) -> TestResponse:
    with caller.app.app_context():
        otpauth_of(caller.app).clients.block(caller.client.id)
    return caller.resend()


def by_another_method(caller: SmsCaller) -> TestResponse:
    return caller.app.test_client().get(RESEND)


def beyond_the_rate_limit(caller: SmsCaller) -> TestResponse:
    caller.resend()
    return caller.resend()


def with_a_sender_that_fails(caller: SmsCaller) -> TestResponse:
    caller.outbox.answer = lambda message: Receipt(Status.REJECTED)
    return caller.resend()


def with_a_bug(caller: SmsCaller) -> TestResponse:
    return caller.resend(captcha="raise")


def with_the_store_down(caller: SmsCaller) -> TestResponse:
    storage = caller.app.extensions["otpauth"].services.storage
    storage.tables.challenges.drop(storage.database.engine)
    return caller.resend()


SYSTEM = "Lỗi hệ thống"

#: What is done, and what it answers: status_code, status, message, HTTP as documented and semantic.
ROWS: dict[str, tuple[Act, int, str, str, int, int]] = {
    "success": (SmsCaller.resend, 200, "OK", "Gửi mã OTP thành công", 200, 200),
    "malformed": (lambda c: raw(c, "{"), 400, "BAD_REQUEST", "Yêu cầu không hợp lệ", 200, 400),
    "too large": (lambda c: raw(c, b" " * 16_385), 400, "BAD_REQUEST", "Nội dung quá lớn", 413, 413),
    "media type": (
        lambda c: raw(c, "x=1", "text/plain"),
        *(400, "BAD_REQUEST", "Kiểu nội dung không được hỗ trợ", 415, 415),
    ),
    "no API token": (without_token, 401, "UNAUTHORIZED", "Vui lòng đăng nhập để tiếp tục", 401, 401),
    "account token": (
        lambda c: c.resend(account_token="x"),
        *(401, "UNAUTHORIZED", "Vui lòng đăng nhập để tiếp tục", 200, 401),
    ),
    "blocked client": (of_a_blocked_client, 403, "REQUEST_DENIED", "Yêu cầu bị từ chối", 403, 403),
    "unknown phone": (
        lambda c: c.resend(cc_phone="84", phone="0912345678"),
        *(404, "NOT_FOUND", "Số điện thoại chưa tồn tại trên hệ thống", 200, 404),
    ),
    "method": (by_another_method, 405, "METHOD_NOT_ALLOW", "Phương thức không được hỗ trợ", 405, 405),
    "invalid field": (
        lambda c: c.resend(cc_phone="x", phone="1"),
        *(422, "INVALID_FIELD", "Mã quốc gia không hợp lệ", 200, 422),
    ),
    "wrong code": (lambda c: c.verify("12"), 422, "INVALID_FIELD", "Mã OTP không chính xác", 200, 422),
    "rate limit": (beyond_the_rate_limit, 429, "LIMITED_REQUEST", "Quá nhiều yêu cầu", 429, 429),
    "not sent": (with_a_sender_that_fails, 500, "INTERNAL_SERVER_ERROR", "Không thể gửi mã OTP", 200, 500),
    "bug": (with_a_bug, 500, "INTERNAL_SERVER_ERROR", SYSTEM, 500, 500),
    "store down": (with_the_store_down, 500, "INTERNAL_SERVER_ERROR", SYSTEM, 503, 503),
}

#: Refusals that end by themselves.
ENDING = {"rate limit", "store down"}


def captcha(phone: str, answer: object) -> None:
    """A hook that has a bug where a test wants one."""
    if answer == "raise":
        raise ZeroDivisionError("details that no client may see")


@pytest.mark.parametrize("mode", ["documented", "semantic"])
@pytest.mark.parametrize("row", ROWS)
def test_each_row_of_the_table_has_its_status(make_app: MakeApp, outbox: Outbox, row: str, mode: str) -> None:
    app = make_app(
        sms_http_status=mode,
        sms_unknown_phone="reject",
        sms_captcha=captcha,
        ip_limits={"sms.resend-otp": "1 per day"},
    )
    new_user(app, phone=NUMBER)
    act, status_code, status, message, documented, semantic = ROWS[row]

    answer = act(SmsCaller(app, outbox))

    assert answer.status_code == (documented if mode == "documented" else semantic)
    assert answer.json["status_code"] == status_code
    assert answer.json["status"] == status
    assert answer.json["message"] == message
    assert answer.json["captcha"] == []
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert message in answer.get_data(as_text=True)
    assert ("Retry-After" in answer.headers) == (row in ENDING)
    assert ("errors" in answer.json) == (status_code == 422)
    assert "ZeroDivisionError" not in answer.get_data(as_text=True)


def test_the_hardened_profile_answers_with_semantic_statuses(make_app: MakeApp, outbox: Outbox) -> None:
    assert SmsCaller(make_app(profile="hardened"), outbox).resend(cc_phone="x", phone="1").status_code == 422


# -- parameters of every call ---------------------------------------------------------------


GIVE = "Vui lòng cung cấp {}"
INVALID = "{} không hợp lệ"


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({}, {"device_id": GIVE, "platform": GIVE}),
        ({"device_id": "d1"}, {"platform": GIVE}),
        ({"device_id": " ", "platform": "ios"}, {"device_id": GIVE}),
        ({"device_id": "d1", "platform": "windows"}, {"platform": INVALID}),
        ({"device_id": "d1", "platform": 5}, {"platform": INVALID}),
        ({"device_id": 5, "platform": "android"}, {"device_id": INVALID}),
        ({"device_id": "d1", "platform": "ios"}, {}),
        ({"device_id": "d1", "platform": "android"}, {}),
    ],
    ids=str,
)
def test_parameters_of_every_call_may_be_made_required(
    make_app: MakeApp, outbox: Outbox, fields: dict[str, Any], errors: dict[str, str]
) -> None:
    caller = SmsCaller(make_app(sms_required_fields=("device_id", "platform")), outbox)

    asked, verified = caller.resend(**fields), caller.verify("12", **fields)

    told_of = {name: [sentence.format(name)] for name, sentence in errors.items()}
    assert asked.json.get("errors", {}) == told_of
    assert verified.json["errors"] == (told_of or {"otp": ["Mã OTP không chính xác"]})


@pytest.mark.parametrize(
    "fields", [{}, {"device_id": 5, "platform": "windows"}, {"device_id": [], "platform": {}}], ids=str
)
def test_by_default_no_client_fails_on_them(app: Flask, outbox: Outbox, fields: dict[str, Any]) -> None:
    assert SmsCaller(app, outbox).resend(**fields).json["status"] == "OK"


def test_lang_may_be_required_too(make_app: MakeApp, outbox: Outbox) -> None:
    caller = SmsCaller(make_app(sms_required_fields=["lang"]), outbox)

    assert list(caller.resend().json["errors"]) == ["lang"]
    assert caller.resend(lang="en").json["status"] == "OK"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("required_fields", ("app_version",)),
        ("origin", "https://example.com"),
        ("origin", "example.com #123456\n"),
        ("captcha", "nowhere:hook"),
        ("captcha", 5),
        ("unknown_phone", "ignore"),
        ("http_status", "sometimes"),
        ("token_path", "token"),
        ("timezone", "Asia/Nowhere"),
    ],
)
def test_a_setting_that_cannot_work_is_told_at_start_up(
    make_app: MakeApp, setting: str, value: object
) -> None:
    with pytest.raises(ConfigurationError, match=f"OTPAUTH_SMS_{setting.upper()}"):
        make_app(**{f"sms_{setting}": value})


# -- the rate limit -------------------------------------------------------------------------


def from_address(caller: SmsCaller, address: str, number: int) -> TestResponse:
    body = {"cc_phone": "84", "phone": f"098765432{number}"}
    return caller.post(RESEND, body, environ_overrides={"REMOTE_ADDR": address})


def test_the_limit_in_front_counts_addresses_and_not_clients(make_app: MakeApp, outbox: Outbox) -> None:
    # One API token is on many phones, and one phone may hold several.
    app = make_app(ip_limits={"send": "2 per day"})
    one, other = SmsCaller(app, outbox), SmsCaller(app, outbox)

    answers = [
        from_address(one, "192.0.2.1", 1),
        from_address(other, "192.0.2.1", 2),
        from_address(one, "192.0.2.1", 3),
        from_address(one, "192.0.2.2", 4),
        from_address(one, "2001:db8::1", 5),
        from_address(one, "2001:db8::2", 6),
        from_address(one, "2001:db8::3", 7),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 200, 200, 200, 429]
    assert outcome(answers[2]) == (429, "Quá nhiều yêu cầu")


@pytest.mark.parametrize(("path", "requests"), [(RESEND, 100), (VERIFY, 300), (TOKEN, 10)])
def test_by_default_an_address_is_heard_so_often(
    make_app: MakeApp, outbox: Outbox, path: str, requests: int
) -> None:
    app = make_app(ip_limits={})
    caller = SmsCaller(app, outbox)
    bought = 1 if path == TOKEN else 0

    statuses = [caller.post(path, {}).status_code for _ in range(requests - bought + 1)]

    assert 429 not in statuses[:-1]
    assert statuses[-1] == 429


def test_requests_without_a_token_count_like_any_other(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(ip_limits={"send": "3 per day", "authentication": "1 per day"})
    good = SmsCaller(app, outbox)
    bad = SmsCaller(app, outbox, good.client, {"Authorization": "Bearer x"})

    refused = [bad.resend().status_code for _ in range(3)]

    assert refused == [401, 401, 401]
    assert good.resend().status_code == 429
