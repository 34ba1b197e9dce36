"""The two stages of checks, in their order (contract/account.md, "Checks come in two stages")."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_otpauth.testing import Outbox
from tests.codes import another
from tests.flows.account_caller import (
    EMAIL,
    INVALID_OTP,
    LOCKED,
    NOT_FOUND,
    OK,
    PASSWORD,
    PASSWORD_CODE,
    PIN,
    PIN_BLOCKED,
    PIN_CODE,
    UNLUCKY,
    WRONG_PIN,
    Merchant,
    new_customer,
    refused,
    wrong_pin,
)

REQUIRED = ("This field is required.", "required")
NO_STRING = ("Not a valid string.", "invalid")
NO_PIN = ("PIN must be 6 digits", "invalid_pin_format")
NO_CHOICE = ("Select a valid choice. That choice is not one of the available choices.", "invalid_choice")
NOBODY = (NOT_FOUND, "invalid_user")
PIN_DIFFERS = ("Confirmation PIN does not match", "pin_mismatch")
PASSWORD_DIFFERS = ("Confirmation password does not match", "mismatch_password")
NO_NUMBER = ("Please enter a valid mobile phone number.", "invalid_mobile_number")
SHORT = ("Password must have at least 8 characters", "invalid_new_password")


# -- stage 1: what the body alone shows -----------------------------------------------------------

FIELDS = {
    "/auth/validate-password": ["user", "password"],
    "/pin/set": ["user", "pin", "confirm_pin"],
    "/pin/change": ["user", "current_pin", "new_pin", "confirm_new_pin"],
    "/pin/validate": ["user", "pin"],
    "/pin/unblock": ["user"],
    PIN_CODE: ["user"],
    "/pin/reset": ["user", "otp", "pin", "confirm_pin"],
    "/pin/reset-with-password": ["user", "password", "pin", "confirm_pin"],
    "/auth/change-password": ["user", "old_password", "new_password"],
    "/auth/set-password": ["email", "new_password"],
    PASSWORD_CODE: ["identifier", "type"],
    "/auth/reset-password-with-otp": ["identifier", "otp", "new_password", "confirm_new_password"],
    "/auth/validate-mobile-number": ["mobile_number"],
    "/auth/reset-otp-limit": ["user"],
}


INVALID_IS_TOLD = ("/auth/validate-mobile-number", "/auth/reset-otp-limit")


@pytest.mark.parametrize("nothing", ["absent", "null"])
@pytest.mark.parametrize("path", FIELDS)
def test_every_field_that_is_missing_is_told_the_first_in_the_sentences(
    merchant: Merchant, path: str, nothing: str
) -> None:
    fields = FIELDS[path]
    answer = merchant.post(path, dict.fromkeys(fields) if nothing == "null" else {})

    assert answer.status_code == 400
    assert answer.json["errors"] == dict.fromkeys(fields, REQUIRED[0])
    assert list(answer.json["errors"]) == fields
    assert answer.json["detail"] == answer.json["error_message"] == f"{fields[0]}: {REQUIRED[0]}"
    assert answer.json["error_code"] == "required"
    assert ("status" in answer.json) == (path in INVALID_IS_TOLD)


STAGE_ONE: list[tuple[str, dict[str, Any], dict[str, tuple[str, str]]]] = [
    ("/pin/set", {"pin": "12345", "confirm_pin": "12345"}, {"pin": NO_PIN}),
    ("/pin/set", {"pin": "1234567", "confirm_pin": "x"}, {"pin": NO_PIN}),
    ("/pin/set", {"pin": "12345a", "confirm_pin": None}, {"pin": NO_PIN, "confirm_pin": REQUIRED}),
    ("/pin/set", {"pin": "١٢٣٤٥٦", "confirm_pin": "١٢٣٤٥٦"}, {"pin": NO_PIN}),
    ("/pin/set", {"pin": " 123456", "confirm_pin": " 123456"}, {"pin": NO_PIN}),
    ("/pin/set", {"pin": "123456\n", "confirm_pin": "123456\n"}, {"pin": NO_PIN}),
    ("/pin/set", {"pin": "12345\x00", "confirm_pin": "12345\x00"}, {"pin": NO_PIN}),
    ("/pin/set", {"pin": "1" * 5_000, "confirm_pin": "1"}, {"pin": NO_PIN}),
    ("/pin/set", {"pin": "", "confirm_pin": "  "}, {"pin": REQUIRED, "confirm_pin": REQUIRED}),
    ("/pin/set", {"pin": 123456, "confirm_pin": 123456}, {"pin": NO_STRING, "confirm_pin": NO_STRING}),
    ("/pin/set", {"pin": PIN, "confirm_pin": 123456}, {"confirm_pin": NO_STRING}),
    ("/pin/set", {"pin": PIN, "confirm_pin": "12"}, {"confirm_pin": PIN_DIFFERS}),
    ("/pin/set", {"pin": PIN, "confirm_pin": "123456 "}, {"confirm_pin": PIN_DIFFERS}),
    ("/pin/set", {"pin": PIN, "confirm_pin": "1" * 5_000}, {"confirm_pin": PIN_DIFFERS}),
    ("/pin/set", {"user": True, "pin": "x", "confirm_pin": "x"}, {"user": NOBODY, "pin": NO_PIN}),
    ("/pin/validate", {"pin": "12345"}, {"pin": NO_PIN}),
    ("/pin/validate", {"pin": 123456.0}, {"pin": NO_STRING}),
    ("/pin/validate", {"pin": ["123456"]}, {"pin": NO_STRING}),
    (
        "/pin/change",
        {"current_pin": "1", "new_pin": "2", "confirm_new_pin": "3"},
        {"current_pin": NO_PIN, "new_pin": NO_PIN},
    ),
    (
        "/pin/change",
        {"current_pin": "1", "new_pin": PIN, "confirm_new_pin": "3"},
        {"current_pin": NO_PIN, "confirm_new_pin": PIN_DIFFERS},
    ),
    ("/pin/reset", {"otp": 123123, "pin": PIN, "confirm_pin": PIN}, {"otp": NO_STRING}),
    (
        "/pin/reset",
        {"otp": "", "pin": PIN, "confirm_pin": "x"},
        {"otp": REQUIRED, "confirm_pin": PIN_DIFFERS},
    ),
    (
        "/pin/reset-with-password",
        {"password": 1, "pin": PIN, "confirm_pin": "654321"},
        {"password": NO_STRING, "confirm_pin": PIN_DIFFERS},
    ),
    ("/auth/validate-password", {"password": {"x": 1}}, {"password": NO_STRING}),
    ("/auth/validate-password", {"password": "a\x00b"}, {"password": NO_STRING}),
    ("/auth/validate-password", {"password": 10**30}, {"password": NO_STRING}),
    (
        "/auth/change-password",
        {"old_password": None, "new_password": False},
        {"old_password": REQUIRED, "new_password": NO_STRING},
    ),
    ("/auth/set-password", {"email": 7, "new_password": "securepassword123"}, {"email": NOBODY}),
    ("/auth/set-password", {"email": "no address", "new_password": "securepassword123"}, {"email": NOBODY}),
    (
        "/auth/set-password",
        {"email": "  ", "new_password": []},
        {"email": REQUIRED, "new_password": NO_STRING},
    ),
    (PIN_CODE, {"type": "post"}, {"type": NO_CHOICE}),
    (PIN_CODE, {"type": ""}, {"type": NO_CHOICE}),
    (PIN_CODE, {"type": "EMAIL"}, {"type": NO_CHOICE}),
    (PIN_CODE, {"type": "voice"}, {"type": NO_CHOICE}),
    (PIN_CODE, {"type": 1, "template_code": 2}, {"type": NO_STRING, "template_code": NO_STRING}),
    (PIN_CODE, {"template_code": "a\x00b"}, {"template_code": NO_STRING}),
    (PASSWORD_CODE, {"type": "fax"}, {"type": NO_CHOICE}),
    (PASSWORD_CODE, {"type": "fax", "identifier": 1.5}, {"identifier": NOBODY, "type": NO_CHOICE}),
    (
        "/auth/reset-password-with-otp",
        {"otp": "1", "new_password": "short", "confirm_new_password": "longer"},
        {"confirm_new_password": PASSWORD_DIFFERS},
    ),
    (
        "/auth/reset-password-with-otp",
        {"otp": None, "new_password": 1, "confirm_new_password": "x"},
        {"otp": REQUIRED, "new_password": NO_STRING},
    ),
    ("/auth/validate-mobile-number", {"mobile_number": 81234567890}, {"mobile_number": NO_STRING}),
    ("/auth/validate-mobile-number", {"mobile_number": "1\x00"}, {"mobile_number": NO_NUMBER}),
    (
        "/auth/reset-otp-limit",
        {"user": []},
        {"user": ("Please enter a valid mobile phone number.", "invalid_user")},
    ),
]


@pytest.mark.parametrize(
    ("path", "fields", "faults"), STAGE_ONE, ids=[f"{path} {fields}"[:60] for path, fields, _ in STAGE_ONE]
)
def test_what_the_body_alone_shows_is_told_all_together(
    merchant: Merchant, path: str, fields: dict[str, Any], faults: dict[str, tuple[str, str]]
) -> None:
    answer = merchant.call(path, **fields)

    first, (message, code) = next(iter(faults.items()))
    assert answer.status_code == 400
    assert answer.json == {
        **({"status": "invalid"} if path in INVALID_IS_TOLD else {}),
        "detail": f"{first}: {message}",
        "errors": {name: message for name, (message, _) in faults.items()},
        "error_code": code,
        "error_message": f"{first}: {message}",
    }


@pytest.mark.parametrize("path", ["/auth/validate-mobile-number", "/auth/reset-otp-limit", "/pin/unblock"])
def test_a_malformed_body_is_told_before_all_else(merchant: Merchant, path: str) -> None:
    answer = merchant.app.test_client().post(
        f"/api{path}", data=b"{", content_type="application/json", headers=merchant.headers
    )

    assert answer.status_code == 400
    assert answer.json == {
        **({"status": "invalid"} if path in INVALID_IS_TOLD else {}),
        "detail": "Malformed request",
        "errors": {},
        "error_code": "malformed_request",
        "error_message": "Malformed request",
    }


def test_stage_one_comes_before_the_customer_is_looked_for(merchant: Merchant) -> None:
    answer = merchant.call("/pin/set", user="nobody", pin="1", confirm_pin="1")

    assert answer.json["errors"] == {"pin": NO_PIN[0]}


def test_stage_one_counts_and_consumes_nothing(merchant: Merchant) -> None:
    merchant.set_pin()
    otp = merchant.code()

    for _ in range(4):
        merchant.validate("12345")
        merchant.call("/pin/change", current_pin=WRONG_PIN, new_pin="1", confirm_new_pin="1")
        merchant.call("/pin/change", current_pin=WRONG_PIN, new_pin="654321", confirm_new_pin="1")
        merchant.call("/pin/reset", otp=otp, pin=PIN, confirm_pin="654321")
        merchant.call("/pin/reset", otp=another(otp), pin="1", confirm_pin="1")
        merchant.call("/pin/reset-with-password", password="wrong", pin=PIN, confirm_pin="654321")

    assert merchant.validate(WRONG_PIN).json == wrong_pin(2)
    assert merchant.reset_pin(otp).json == OK


# -- stage 2: one at a time, in their order -------------------------------------------------------


def weak(field: str) -> dict[str, Any]:
    return refused(field, *SHORT)


def test_the_customer_comes_first(merchant: Merchant) -> None:
    nobody = {"user": "nobody@example.com"}

    answers = [
        merchant.validate(**nobody),
        merchant.set_pin(**nobody),
        merchant.change("111111", **nobody),
        merchant.unblock(**nobody),
        merchant.request(template_code="unheard-of", **nobody),
        merchant.reset_pin("123123", **nobody),
        merchant.reset_pin_by_password("x", **nobody),
        merchant.check("x", **nobody),
        merchant.change_password("x", "y", **nobody),
    ]

    expected = (400, refused("user", *NOBODY))
    assert [(answer.status_code, answer.json) for answer in answers] == [expected] * len(answers)


def test_the_block_comes_before_the_new_pins_rules_and_the_pin(make_app: Any) -> None:
    app = make_app(account_pin_blocklist=("654321",))
    new_customer(app)
    merchant = Merchant(app)
    merchant.set_pin()
    weak_first = merchant.change(WRONG_PIN, "654321")
    merchant.block_pin()

    blocked = merchant.change(PIN, "654321")

    assert weak_first.json == refused("new_pin", "PIN is too common", "invalid_new_pin")
    assert blocked.json == refused("current_pin", "PIN is blocked", "pin_blocked")
    assert merchant.validate().json == PIN_BLOCKED


def test_the_state_comes_before_the_new_pins_rules(make_app: Any) -> None:
    app = make_app(account_pin_blocklist=("654321",))
    new_customer(app)
    merchant = Merchant(app)

    unset = merchant.change(PIN, "654321")
    merchant.set_pin()
    again = merchant.set_pin("654321")

    assert unset.json == refused("current_pin", "PIN is not set", "pin_not_set")
    assert again.json == refused("pin", "PIN is already set", "pin_already_set")


def test_the_throttle_comes_before_the_new_passwords_rules(merchant: Merchant) -> None:
    before = merchant.change_password("wrong", "short")
    for _ in range(10):
        merchant.check("wrong")

    after = merchant.change_password(PASSWORD, "short")

    assert before.json == weak("new_password")
    assert (after.status_code, after.json) == (429, refused("old_password", LOCKED, "too_many_attempts"))


def test_a_lock_comes_before_template_channel_and_quota(merchant: Merchant, app: Flask) -> None:
    merchant.miss(15)

    answer = merchant.request(type="sms", template_code="unheard-of")

    assert (answer.status_code, answer.json) == (429, refused("user", LOCKED, "too_many_attempts"))


def test_template_and_channel_come_before_the_quota(app: Flask) -> None:
    new_customer(app, phone=None)
    merchant = Merchant(app)
    for _ in range(5):
        merchant.code()

    assert merchant.request().json["error_code"] == "otp_limit_exceeded"
    assert merchant.request(template_code="unheard-of").json["error_code"] == "invalid_template_code"
    assert (
        merchant.request(type="sms", template_code="code").json["error_code"] == "invalid_user_mobile_number"
    )


def test_a_refused_new_password_uses_no_code_up_and_says_nothing_of_it(merchant: Merchant) -> None:
    otp = merchant.code(PASSWORD_CODE)

    answers = [merchant.reset_password(each, "short") for each in (otp, another(otp))]

    assert [answer.json for answer in answers] == [weak("new_password")] * 2
    assert merchant.reset_password(otp).json == OK


def test_a_refused_new_pin_uses_no_code_and_no_attempt_up(make_app: Any) -> None:
    app = make_app(account_pin_blocklist=("654321",))
    new_customer(app)
    merchant = Merchant(app)
    otp = merchant.code()

    answers = [merchant.reset_pin(each, "654321").json for each in (otp, another(otp))]
    answers += [merchant.reset_pin_by_password("wrong", "654321").json for _ in range(12)]

    assert answers == [refused("pin", "PIN is too common", "invalid_new_pin")] * 14
    assert merchant.reset_pin(otp, "111111").json == OK
    assert merchant.reset_pin_by_password(PASSWORD, "222222").json == OK


def test_a_lock_of_guesses_comes_before_the_new_pin_and_the_shape_of_the_code(merchant: Merchant) -> None:
    merchant.miss(15)

    answers = [merchant.reset_pin(otp) for otp in ("123123", "x")]

    expected = (429, refused("otp", LOCKED, "too_many_attempts"))
    assert [(answer.status_code, answer.json) for answer in answers] == [expected] * 2


@pytest.mark.parametrize("otp", ["12312", "1231234", "abcdef", "١٢٣١٢٣", " 123123", "123 123"])
def test_a_malformed_code_is_invalid_and_never_counted(merchant: Merchant, otp: str) -> None:
    code = merchant.code()

    answers = [merchant.reset_pin(otp) for _ in range(6)]

    assert [(answer.status_code, answer.json) for answer in answers] == [(400, INVALID_OTP)] * 6
    assert merchant.reset_pin(code).json == OK


def test_nothing_is_sent_by_a_refused_request(merchant: Merchant, outbox: Outbox) -> None:
    merchant.request(type="fax", template_code="code")
    merchant.request(user="nobody", template_code="code")
    merchant.request(template_code="unheard-of")

    assert outbox.messages == []


def test_the_words_that_are_said_of_a_wrong_password(merchant: Merchant) -> None:
    answers = {
        "/auth/validate-password": merchant.check("wrong").json,
        "/auth/change-password": merchant.change_password("wrong").json,
        "/pin/reset-with-password": merchant.reset_pin_by_password("wrong").json,
    }

    assert answers == {
        "/auth/validate-password": refused("password", UNLUCKY, "invalid_password"),
        "/auth/change-password": refused("old_password", UNLUCKY, "invalid_password"),
        "/pin/reset-with-password": refused("password", UNLUCKY, "invalid_password"),
    }
    assert merchant.check(user=EMAIL).json == OK
