"""Passwords: their rules, the throttle, what a change brings with it (contract/account.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.security import generate_password_hash

from flask_otpauth.core.errors import AccountTokenInvalid
from flask_otpauth.ports.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.account_caller import (
    EMAIL,
    LOCKED,
    MEMBER_ID,
    OK,
    PASSWORD,
    PASSWORD_CODE,
    PIN,
    UNLUCKY,
    Merchant,
    new_customer,
    refused,
)
from tests.flows.email_caller import EmailCaller
from tests.hosts import MakeApp, new_row, otpauth_of

WRONG = refused("password", UNLUCKY, "invalid_password")
THROTTLED = refused("password", LOCKED, "too_many_attempts")


def bad(reason: str) -> dict[str, Any]:
    """The body that refuses a new password."""
    return refused("new_password", reason, "invalid_new_password")


# -- the rules ------------------------------------------------------------------------------------

SHORT = "Password must have at least 8 characters"
LONG = "Password must have at most 128 characters"
COMMON = "Password is too common"
PERSONAL = "Password must not be your e-mail or member ID"


@pytest.mark.parametrize(
    "password",
    [
        "secure_password",
        "new_secure_password",
        "securepassword123",
        "12345678 ",
        "        ",
        " leading and trailing ",
        "пароль-пароль",
        "🔑🔑🔑🔑🔑🔑🔑🔑",
        "x1" * 64,
        "no digits or capitals",
    ],
    ids=lambda password: password[:24],
)
def test_a_good_password_is_accepted_to_the_last_character(merchant: Merchant, password: str) -> None:
    assert merchant.set_password(password).status_code == 200
    assert merchant.check(password).json == OK
    assert merchant.check(password + " ").json == WRONG
    assert merchant.change_password(password, "new_secure_password").json == OK


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", SHORT),
        ("1234567", SHORT),
        ("🔑" * 7, SHORT),
        ("x" * 129, LONG),
        ("x" * 7_000, LONG),
        ("password1", COMMON),
        ("PASSWORD1", COMMON),
        ("ｐａｓｓｗｏｒｄ１", COMMON),
        ("12345678", COMMON),
        (EMAIL, PERSONAL),
        (EMAIL.upper(), PERSONAL),
        ("MEMBER-0042", PERSONAL),
        ("member-0042", PERSONAL),
    ],
    ids=lambda text: text[:24],
)
def test_a_bad_password_is_refused_with_a_sentence_that_says_why(
    app: Flask, password: str, reason: str
) -> None:
    new_customer(app, member_id="MEMBER-0042")
    merchant = Merchant(app)
    otp = merchant.code(PASSWORD_CODE)

    answers = [
        merchant.set_password(password),
        merchant.change_password(PASSWORD, password),
        merchant.reset_password(otp, password),
    ]

    assert [(answer.status_code, answer.json) for answer in answers] == [(400, bad(reason))] * 3
    assert merchant.check().json == OK


def test_every_keyboards_way_of_typing_a_password_is_that_password(merchant: Merchant) -> None:
    composed, decomposed = "caf\u00e9-caf\u00e9", "cafe\u0301-cafe\u0301"

    merchant.set_password(composed)

    assert merchant.check(decomposed).json == OK
    assert merchant.check("ｃafé-café").json == OK
    assert merchant.check("cafe-cafe").json == WRONG


def test_a_confirmation_is_compared_to_the_last_character(merchant: Merchant) -> None:
    otp = merchant.code(PASSWORD_CODE)
    body = {"identifier": EMAIL, "otp": otp, "new_password": "        "}

    answer = merchant.post("/auth/reset-password-with-otp", {**body, "confirm_new_password": "       "})

    assert answer.json["error_code"] == "mismatch_password"


# -- checking -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password", ["", " ", PASSWORD.upper(), PASSWORD + "\n", " " + PASSWORD, "x" * 10_000]
)
def test_another_password_is_wrong(merchant: Merchant, password: str) -> None:
    answer = merchant.check(password)

    assert (answer.status_code, answer.json) == (400, WRONG)


def test_a_customer_without_a_password_has_no_right_one(app: Flask) -> None:
    new_customer(app, password=None)
    merchant = Merchant(app)

    answers = [merchant.check(), merchant.reset_pin_by_password(PASSWORD), merchant.change_password(PASSWORD)]

    assert [answer.json["error_message"].partition(": ")[2] for answer in answers] == [UNLUCKY] * 3
    assert merchant.set_password("secure_password").status_code == 200
    assert merchant.check("secure_password").json == OK


@pytest.mark.parametrize("method", ["scrypt:1024:8:1", "pbkdf2:sha256:1000"])
def test_a_hash_that_the_host_brought_along_is_good_until_the_first_change(app: Flask, method: str) -> None:
    person = new_row(app, email=EMAIL, password_hash=generate_password_hash("secret 12345", method))
    merchant = Merchant(app, user=person.id)

    before = [merchant.check("secret 12345").json, merchant.check("secret 1234").json]
    changed = merchant.change_password("secret 12345", "new_secure_password")

    assert before == [OK, WRONG]
    assert changed.json == OK
    assert merchant.check("secret 12345").json == WRONG
    assert merchant.check("new_secure_password").json == OK


@pytest.mark.parametrize("method", ["scrypt:1024:8:1", "pbkdf2:sha256:1000"])
def test_a_password_that_the_host_hashed_as_it_was_typed_is_accepted(app: Flask, method: str) -> None:
    typed = "ﬁnal cafe\u0301 ２９"
    person = new_row(app, email=EMAIL, password_hash=generate_password_hash(typed, method))
    merchant = Merchant(app, user=person.id)

    assert [merchant.check(typed).json, merchant.check(typed + "x").json] == [OK, WRONG]
    assert merchant.change_password(typed, "new_secure_password").json == OK


# -- the throttle ---------------------------------------------------------------------------------


def wrong(merchant: Merchant, times: int) -> list[int]:
    """The statuses of so many wrong passwords."""
    return [merchant.check("wrong").status_code for _ in range(times)]


def test_ten_wrong_passwords_in_a_row_lock_for_15_minutes(merchant: Merchant, clock: MovableClock) -> None:
    answers = [merchant.check("wrong") for _ in range(10)]

    locked = [merchant.check("wrong"), merchant.check(PASSWORD)]
    clock.tick_ms(900_000 - 1)
    early = merchant.check(PASSWORD)
    clock.tick_ms(1)

    assert [(answer.status_code, answer.json) for answer in answers] == [(400, WRONG)] * 10
    assert [(answer.status_code, answer.json) for answer in locked] == [(429, THROTTLED)] * 2
    assert [answer.headers["Retry-After"] for answer in (*locked, early)] == ["900", "900", "1"]
    assert merchant.check(PASSWORD).json == OK


def test_each_further_ten_lock_for_twice_as_long_to_24_hours(merchant: Merchant, clock: MovableClock) -> None:
    waits = []
    for _ in range(9):
        assert wrong(merchant, 10) == [400] * 10
        waits.append(int(merchant.check().headers["Retry-After"]))
        clock.tick(waits[-1])

    assert waits == [900 * 2**n for n in range(7)] + [86_400] * 2
    assert merchant.check().json == OK
    assert wrong(merchant, 10) == [400] * 10
    assert merchant.check().headers["Retry-After"] == "900"


def test_wrong_passwords_count_together_wherever_they_are_given(merchant: Merchant) -> None:
    acts = [
        lambda: merchant.check("wrong"),
        lambda: merchant.change_password("wrong"),
        lambda: merchant.reset_pin_by_password("wrong"),
    ]

    answers = [acts[n % 3]().status_code for n in range(10)]
    locked = [merchant.check(), merchant.change_password(PASSWORD), merchant.reset_pin_by_password(PASSWORD)]

    assert answers == [400] * 10
    assert [answer.status_code for answer in locked] == [429] * 3
    assert [answer.json["errors"] for answer in locked] == [
        {"password": LOCKED},
        {"old_password": LOCKED},
        {"password": LOCKED},
    ]
    assert {answer.headers["Retry-After"] for answer in locked} == {"900"}


def test_a_success_ends_the_row(merchant: Merchant) -> None:
    assert wrong(merchant, 9) == [400] * 9
    assert merchant.check().json == OK
    assert wrong(merchant, 10) == [400] * 10
    assert wrong(merchant, 1) == [429]


@pytest.mark.parametrize("by", ["code", "merchant"])
def test_a_new_password_ends_the_lock(merchant: Merchant, by: str) -> None:
    wrong(merchant, 11)

    if by == "code":
        assert merchant.reset_password(merchant.code(PASSWORD_CODE), "new_secure_password").json == OK
    else:
        assert merchant.set_password("new_secure_password").status_code == 200

    assert merchant.check("new_secure_password").json == OK
    assert wrong(merchant, 10) == [400] * 10


def test_the_throttle_is_made_of_settings(make_app: MakeApp, clock: MovableClock) -> None:
    app = make_app(account_password_max_failures=2, account_password_lock=60, account_password_lock_max=100)
    new_customer(app)
    merchant = Merchant(app)

    waits = []
    for _ in range(3):
        wrong(merchant, 2)
        waits.append(int(merchant.check().headers["Retry-After"]))
        clock.tick(waits[-1])

    assert waits == [60, 100, 100]


# -- what a change brings with it -----------------------------------------------------------------


def reset_pin(merchant: Merchant) -> Any:
    return merchant.reset_pin(merchant.code()).json


def reset_pin_by_password(merchant: Merchant) -> Any:
    return merchant.reset_pin_by_password(PASSWORD).json


def change_password(merchant: Merchant) -> Any:
    return merchant.change_password(PASSWORD).json


def set_password(merchant: Merchant) -> Any:
    return {"status": merchant.set_password("new_secure_password").json["status"]}


def reset_password(merchant: Merchant) -> Any:
    return merchant.reset_password(merchant.code(PASSWORD_CODE)).json


Act = Callable[[Merchant], Any]
CHANGES: list[tuple[Act, str]] = [
    (reset_pin, "Your PIN for host was changed"),
    (reset_pin_by_password, "Your PIN for host was changed"),
    (change_password, "Your password for host was changed"),
    (set_password, "Your password for host was changed"),
    (reset_password, "Your password for host was changed"),
]


@pytest.mark.parametrize(("act", "subject"), CHANGES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_customer_is_told_by_email_once(
    merchant: Merchant, outbox: Outbox, act: Act, subject: str
) -> None:
    assert act(merchant) == OK

    (notice,) = outbox.messages
    assert (notice.channel, notice.recipient, notice.subject) == ("email", EMAIL, subject)
    assert (notice.code, notice.expires_at) == ("", None)
    assert "contact us" in notice.text


@pytest.mark.parametrize("act", [act for act, _ in CHANGES], ids=lambda act: act.__name__)
def test_the_customers_sessions_in_other_flows_end(merchant: Merchant, outbox: Outbox, act: Act) -> None:
    app, otpauth = merchant.app, otpauth_of(merchant.app)
    caller = EmailCaller(app, outbox)
    login = caller.login(EMAIL)
    with app.app_context():
        account_token = otpauth.issue_account_token(login["userId"])
    account_tokens = app.extensions["otpauth"].use_cases["sms"].account_tokens

    assert act(merchant) == OK

    assert caller.refresh(login["refreshToken"]).json["message"] == "Invalid refresh token"
    assert caller.logout(login["accessToken"]).status_code == 401
    with pytest.raises(AccountTokenInvalid):
        account_tokens.user(account_token)


def test_a_changed_pin_ends_no_session_and_is_not_told(merchant: Merchant, outbox: Outbox) -> None:
    caller = EmailCaller(merchant.app, outbox)
    login = caller.login(EMAIL)
    merchant.set_pin()

    merchant.change(PIN)

    assert caller.refresh(login["refreshToken"]).json["code"] == 0
    assert [message.purpose for message in outbox.messages] == ["email"]


@pytest.mark.parametrize(
    "refusal",
    [
        lambda merchant: merchant.reset_pin("123123"),
        lambda merchant: merchant.reset_pin_by_password("wrong"),
        lambda merchant: merchant.change_password("wrong"),
        lambda merchant: merchant.set_password("short"),
        lambda merchant: merchant.reset_password("123123"),
    ],
)
def test_a_refused_change_ends_and_tells_nothing(
    merchant: Merchant, outbox: Outbox, refusal: Callable[[Merchant], Any]
) -> None:
    caller = EmailCaller(merchant.app, outbox)
    login = caller.login(EMAIL)

    assert refusal(merchant).status_code == 400

    assert caller.refresh(login["refreshToken"]).json["code"] == 0
    assert len(outbox.messages) == 1


def test_a_customer_without_an_email_is_not_told(app: Flask, outbox: Outbox) -> None:
    person = new_customer(app, email=None)
    merchant = Merchant(app, user=person.id)

    assert change_password(merchant) == OK
    assert outbox.messages == []


def test_telling_can_be_switched_off(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(account_notify_changes=False)
    new_customer(app)

    assert change_password(Merchant(app)) == OK
    assert outbox.messages == []


@pytest.mark.parametrize(
    ("language", "subject"),
    [("id", "Kata sandi Anda untuk host telah diubah"), ("fr", "Your password for host was changed")],
)
def test_the_notice_is_in_the_flows_language(
    make_app: MakeApp, outbox: Outbox, language: str, subject: str
) -> None:
    app = make_app(account_language=language)
    new_customer(app)

    change_password(Merchant(app))

    assert outbox.last.subject == subject


@pytest.mark.parametrize("status", [Status.UNAVAILABLE, Status.TIMEOUT])
def test_a_notice_that_cannot_be_sent_undoes_nothing(
    merchant: Merchant, outbox: Outbox, status: Status
) -> None:
    outbox.answer = lambda message: Receipt(status)

    assert change_password(merchant) == OK
    assert merchant.check("new_secure_password").json == OK


def test_without_a_sender_of_mails_a_change_works_all_the_same(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(
        flows=("account",), account_channels=("sms",), senders={"sms": outbox.senders["sms"], "email": None}
    )
    new_customer(app)

    assert change_password(Merchant(app)) == OK
    assert outbox.messages == []


def test_the_member_id_of_the_usual_customer_is_no_password(merchant: Merchant) -> None:
    answer = merchant.set_password(MEMBER_ID)

    assert answer.json == bad(SHORT)
