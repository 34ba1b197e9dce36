"""``POST /verify-otp``: namings, the states of a code, and what each of them shows (contract/sms.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import signals
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.sms_caller import (
    NUMBER,
    PHONE,
    SPELLINGS,
    SmsCaller,
    account_token,
    new_user,
    outcome,
)
from tests.hosts import otpauth_of

RIGHT = (200, "Mã xác thực chính xác")
WRONG = (422, "Mã OTP không chính xác")
OTHER_NUMBER = {"cc_phone": "84", "phone": "0912345678"}


@pytest.fixture
def reasons(app: Flask) -> Iterator[list[str]]:
    """Why guesses were refused, as the host's listener hears it."""
    heard: list[str] = []

    def listen(sender: object, **facts: Any) -> None:
        heard.append(facts["reason"])

    with signals.code_refused.connected_to(listen, app):
        yield heard


def refused(user_id: str | None, refresh_after: int) -> dict[str, Any]:
    """The documented refusal."""
    return {
        "message": "Mã OTP không chính xác",
        "data": {"user_id": user_id, "otp": {"refresh_after": refresh_after}},
        "errors": {"otp": ["Mã OTP không chính xác"]},
        "status": "INVALID_FIELD",
        "status_code": 422,
        "captcha": [],
    }


def is_verified(app: Flask, user_id: str) -> bool:
    with app.app_context():
        verified: bool = otpauth_of(app).users.find(int(user_id)).phone_verified
        return verified


# -- the right code -------------------------------------------------------------------------


def test_the_right_code_of_an_account_is_answered_as_documented(caller: SmsCaller, app: Flask) -> None:
    user_id = new_user(app, phone=NUMBER)
    code = caller.fresh_code()

    answer = caller.verify(code)

    assert answer.status_code == 200
    assert answer.json == {
        "message": "Mã xác thực chính xác",
        "data": {"user_id": user_id, "otp": {"refresh_after": 90}},
        "status": "OK",
        "status_code": 200,
        "captcha": [],
    }
    assert is_verified(app, user_id)


def test_a_number_without_an_account_has_no_user_id(caller: SmsCaller) -> None:
    answer = caller.verify(caller.fresh_code())

    assert outcome(answer) == RIGHT
    assert answer.json["data"]["user_id"] is None


def test_it_is_told_in_english_too(caller: SmsCaller) -> None:
    code = caller.fresh_code()

    wrong, right = caller.verify(another(code), lang="en"), caller.verify(code, lang="en")

    assert (outcome(wrong), outcome(right)) == (
        (422, "The OTP is not correct"),
        (200, "The OTP is correct"),
    )


@pytest.mark.parametrize("fields", SPELLINGS, ids=str)
def test_the_number_may_be_spelled_in_any_way(caller: SmsCaller, fields: dict[str, str]) -> None:
    assert outcome(caller.verify(caller.fresh_code(), **fields)) == RIGHT


@pytest.mark.parametrize("naming", ["account_token", "phone", "user_id"])
def test_whoever_was_sent_the_code_may_be_named_in_three_ways(
    caller: SmsCaller, app: Flask, naming: str
) -> None:
    user_id = new_user(app, phone=NUMBER)
    ways = {
        "account_token": {"account_token": account_token(app, user_id)},
        "phone": PHONE,
        "user_id": {"user_id": user_id},
    }

    answer = caller.verify(caller.fresh_code(), **ways[naming])

    assert outcome(answer) == RIGHT
    assert answer.json["data"]["user_id"] == user_id
    assert is_verified(app, user_id)


@pytest.mark.parametrize(
    "also",
    [
        OTHER_NUMBER,
        {"cc_phone": 5, "phone": "nonsense"},
        {"user_id": "999999"},
        {**OTHER_NUMBER, "user_id": []},
    ],
    ids=str,
)
def test_an_account_token_wins_over_phone_and_user_id(
    caller: SmsCaller, app: Flask, also: dict[str, Any]
) -> None:
    user_id = new_user(app, phone=NUMBER)
    code = caller.fresh_code()

    answer = caller.verify(code, account_token=account_token(app, user_id), **also)

    assert outcome(answer) == RIGHT
    assert answer.json["data"]["user_id"] == user_id


def test_a_phone_wins_over_a_user_id(caller: SmsCaller, app: Flask) -> None:
    mine, other = new_user(app, phone=NUMBER), new_user(app, phone="+84912345678")
    code = caller.fresh_code()

    wrong = caller.verify(another(code), **PHONE, user_id=mine)
    right = caller.verify(code, **PHONE, user_id=other)

    assert wrong.json["data"]["user_id"] is None
    assert right.json["data"]["user_id"] == mine


def test_a_code_that_an_account_token_asked_for_is_the_numbers(caller: SmsCaller, app: Flask) -> None:
    token = account_token(app, new_user(app, phone=NUMBER))

    assert outcome(caller.verify(caller.fresh_code(account_token=token), **PHONE)) == RIGHT


def test_refresh_after_is_the_wait_until_the_next_send(caller: SmsCaller, clock: MovableClock) -> None:
    code = caller.fresh_code()
    waits = []
    for seconds in (0, 22, 67, 1):
        clock.tick(seconds)
        waits.append(caller.verify(another(code)).json["data"]["otp"]["refresh_after"])

    assert waits == [90, 68, 1, 0]
    assert caller.verify(code).json["data"]["otp"]["refresh_after"] == 0


def test_after_the_days_last_code_refresh_after_is_the_rest_of_the_day(
    caller: SmsCaller, clock: MovableClock
) -> None:
    for _ in range(3):
        code = caller.fresh_code()
        clock.tick(90)

    assert caller.verify(code).json["data"]["otp"]["refresh_after"] == 7 * 3600 - 270


# -- every other state reads as the wrong code ----------------------------------------------


def expire(caller: SmsCaller, clock: MovableClock) -> str:
    code = caller.fresh_code()
    clock.tick(300)
    return code


def use(caller: SmsCaller, clock: MovableClock) -> str:
    code = caller.fresh_code()
    caller.verify(code)
    return code


def supersede(caller: SmsCaller, clock: MovableClock) -> str:
    code = caller.fresh_code()
    clock.tick(90)
    while caller.fresh_code() == code:
        clock.tick(90)
    return code


def exhaust(caller: SmsCaller, clock: MovableClock) -> str:
    code = caller.fresh_code()
    for _ in range(5):
        caller.verify(another(code))
    return code


def lock(caller: SmsCaller, clock: MovableClock) -> str:
    for _ in range(3):
        code = exhaust(caller, clock)
        clock.tick(90)
    clock.tick(days=1)
    clock.tick(-600)
    return code


STATES: dict[str, tuple[Callable[[SmsCaller, MovableClock], str], str]] = {
    "none requested": (lambda caller, clock: "123456", "none"),
    "wrong": (lambda caller, clock: another(caller.fresh_code()), "wrong"),
    "used": (use, "code_used"),
    "another than the used one": (lambda caller, clock: another(use(caller, clock)), "used"),
    "superseded": (supersede, "wrong"),
    "expired": (expire, "code_expired"),
    "another than the expired one": (lambda caller, clock: another(expire(caller, clock)), "expired"),
    "exhausted": (exhaust, "code_exhausted"),
    "locked": (lock, "subject_locked"),
}


@pytest.mark.parametrize("state", STATES)
def test_every_refused_state_reads_as_the_wrong_code_and_signals_tell_them_apart(
    caller: SmsCaller, clock: MovableClock, reasons: list[str], state: str
) -> None:
    arrange, reason = STATES[state]
    code = arrange(caller, clock)
    reasons.clear()

    answer = caller.verify(code)

    assert answer.status_code == 200
    assert answer.json == refused(None, answer.json["data"]["otp"]["refresh_after"])
    assert "Retry-After" not in answer.headers
    assert reasons == [reason]


@pytest.mark.parametrize(
    "otp",
    [
        "12345",
        "1234567",
        " 123456",
        "123456\n",
        "١٢٣٤٥٦",
        "１２３４５６",
        "12345a",
        "+12345",
        "1e5000",
        "123456\0",
    ],
)
def test_a_code_of_the_wrong_shape_reads_as_wrong_and_is_not_counted(
    caller: SmsCaller, reasons: list[str], otp: str
) -> None:
    code = caller.fresh_code()

    answers = [caller.verify(otp) for _ in range(6)]

    assert answers[-1].json == refused(None, 90)
    assert reasons == ["shape"] * 6
    assert outcome(caller.verify(code)) == RIGHT


@pytest.mark.parametrize("otp", [123456, 123456.0, True, ["123456"], {"otp": "123456"}, 10**40])
def test_a_code_that_is_no_string_is_never_right(
    caller: SmsCaller, monkeypatch: pytest.MonkeyPatch, otp: object
) -> None:
    monkeypatch.setattr("flask_otpauth.engine.codes.draw_code", lambda length: "123456")
    caller.fresh_code()

    answers = [caller.verify(otp) for _ in range(6)]

    assert {outcome(answer) for answer in answers} == {WRONG}
    assert outcome(caller.verify("123456")) == RIGHT


# -- whose code it is -----------------------------------------------------------------------


def test_a_refusal_shows_only_the_user_that_the_caller_named(caller: SmsCaller, app: Flask) -> None:
    user_id = new_user(app, phone=NUMBER)
    token = account_token(app, user_id)
    wrong = another(caller.fresh_code())

    shown = {
        "phone": caller.verify(wrong, **PHONE).json,
        "token": caller.verify(wrong, account_token=token).json,
        "user_id": caller.verify(wrong, user_id=user_id).json,
        "unknown": caller.verify(wrong, user_id=" 999999 ").json,
        "no_phone": caller.verify(wrong, user_id=new_user(app, email="user@example.com")).json,
    }

    assert shown == {
        "phone": refused(None, 90),
        "token": refused(user_id, 90),
        "user_id": refused(user_id, 90),
        "unknown": refused("999999", 0),
        "no_phone": refused(str(int(user_id) + 1), 0),
    }


def test_a_code_is_worth_nothing_for_another_number_user_or_client(
    caller: SmsCaller, app: Flask, outbox: Outbox
) -> None:
    user_id, other = new_user(app, phone=NUMBER), new_user(app, phone="+84912345678")
    code = caller.fresh_code()

    tries = [
        caller.verify(code, **OTHER_NUMBER),
        caller.verify(code, user_id=other),
        caller.verify(code, account_token=account_token(app, other)),
        SmsCaller(app, outbox).verify(code),
        SmsCaller(app, outbox).verify(code, user_id=user_id),
    ]

    assert {outcome(answer) for answer in tries} == {WRONG}
    assert outcome(caller.verify(code)) == RIGHT


def test_an_account_that_was_disabled_meanwhile_is_not_there(caller: SmsCaller, app: Flask) -> None:
    user_id = new_user(app, phone=NUMBER)
    code = caller.fresh_code()
    with app.app_context():
        otpauth_of(app).users.disable(user_id)

    answer = caller.verify(code)

    assert answer.json == {
        "message": "Số điện thoại chưa tồn tại trên hệ thống",
        "status": "NOT_FOUND",
        "status_code": 404,
        "captcha": [],
    }
    assert not is_verified(app, user_id)


def test_a_wrong_code_verifies_no_phone(caller: SmsCaller, app: Flask) -> None:
    user_id = new_user(app, phone=NUMBER)

    caller.verify(another(caller.fresh_code()))

    assert not is_verified(app, user_id)


def test_a_user_with_an_id_of_their_hosts_own_kind_is_named_by_it(caller: SmsCaller) -> None:
    assert caller.verify("123456", user_id="1aLxX2AON5").json == refused("1aLxX2AON5", 0)


# -- what is missing or invalid -------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**PHONE}, "otp"),
        ({**PHONE, "otp": None}, "otp"),
        ({**PHONE, "otp": " "}, "otp"),
        ({"otp": "123456"}, "account_token"),
        ({"otp": "123456", "user_id": " "}, "account_token"),
        ({"otp": "123456", "phone": "0987654321"}, "cc_phone"),
        ({"otp": "123456", "cc_phone": "84"}, "phone"),
        ({"otp": "123456", "cc_phone": "84", "phone": "1"}, "phone"),
        ({"otp": "123456", "cc_phone": "x", "phone": "1"}, "cc_phone"),
        ({"otp": "123456", "user_id": 5}, "user_id"),
        ({"otp": "123456", "user_id": ["5"]}, "user_id"),
        ({"otp": "123456", "user_id": "5\0"}, "user_id"),
        ({"otp": "123456", "user_id": "5" * 5000}, "user_id"),
        ({"otp": "123456", "account_token": {}}, "account_token"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_the_field_at_fault_is_named(caller: SmsCaller, body: dict[str, Any], field: str) -> None:
    answer = caller.post("/api/auth/verify-otp", body)

    assert answer.status_code == 200
    assert answer.json["status_code"] == 422
    assert list(answer.json["errors"]) == [field]
    assert answer.json["message"] == answer.json["errors"][field][0]


def test_a_bad_account_token_is_nobodys_here_too(caller: SmsCaller) -> None:
    answer = caller.verify("123456", account_token="x", **PHONE)

    assert answer.status_code == 200
    assert outcome(answer) == (401, "Vui lòng đăng nhập để tiếp tục")
