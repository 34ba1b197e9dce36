"""``OTPAUTH_PROFILE = "hardened"``, item by item (contract/index.md)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth.testing import MovableClock, Outbox
from tests.flows import account_caller, flashcall_caller
from tests.flows.account_caller import EMAIL, LOCKED, OK, PASSWORD_CODE, PIN_BLOCKED, Merchant, new_customer
from tests.flows.email_caller import EmailCaller
from tests.flows.flashcall_caller import SUCCESS, Application
from tests.flows.sms_caller import SmsCaller
from tests.hosts import MakeApp

GOOD_PIN, WRONG_PIN = "739154", "000001"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(profile="hardened")


@pytest.fixture
def merchant(app: Flask) -> Merchant:
    return merchant_of(app)


def merchant_of(app: Flask) -> Merchant:
    """A merchant of a customer with a PIN."""
    new_customer(app)
    merchant = Merchant(app)
    assert merchant.set_pin(GOOD_PIN).json == OK
    return merchant


# -- no code in any response ----------------------------------------------------------------------


def test_no_order_shows_its_code(app: Flask, outbox: Outbox) -> None:
    application = Application(app, outbox)

    answers = [application.order(query="?fields=code.value"), application.order(code="0345")]

    assert [answer.json["data"]["code"] for answer in answers] == [{"len": 4}] * 2
    assert outbox.last.caller_number.endswith("0345")


@pytest.mark.parametrize("path", [account_caller.PIN_CODE, PASSWORD_CODE])
def test_no_request_of_a_merchant_shows_the_code_which_is_sent_instead(
    merchant: Merchant, outbox: Outbox, path: str
) -> None:
    answer = merchant.request(path)

    assert answer.json == OK
    assert outbox.last.recipient == EMAIL
    assert outbox.last.code in outbox.last.text


# -- POST twins instead of codes in URLs ----------------------------------------------------------


def test_a_code_in_the_url_is_not_taken_and_its_twin_is(app: Flask, outbox: Outbox) -> None:
    application = Application(app, outbox)
    order_id, code = application.ordered(), application.seen()

    in_url = application.auth(order_id, code)
    in_body = application.call("POST", "/auth", json={"order_id": order_id, "code": code})

    assert (in_url.status_code, in_url.headers["Allow"]) == (405, "OPTIONS")
    assert in_url.json == flashcall_caller.refused("method not allowed")
    assert in_body.json == SUCCESS


# -- sliding quotas instead of calendar days ------------------------------------------------------


def test_a_merchants_quota_slides(merchant: Merchant, clock: MovableClock) -> None:
    assert [merchant.request().status_code for _ in range(6)] == [200] * 5 + [429]

    clock.tick(hours=23)
    next_day = merchant.request()
    clock.tick(hours=1)

    assert (next_day.status_code, next_day.headers["Retry-After"]) == (429, "3600")
    assert merchant.request().status_code == 200


def test_a_numbers_quota_slides(app: Flask, outbox: Outbox, clock: MovableClock) -> None:
    caller = SmsCaller(app, outbox)
    for _ in range(3):
        caller.fresh_code()
        clock.tick(90)

    clock.tick(hours=23)
    next_day = caller.resend()
    clock.tick(hours=1)

    assert next_day.json["data"]["otp"]["status"] == "limit"
    assert caller.resend().json["status"] == "OK"


# -- a PIN blocklist ------------------------------------------------------------------------------


def test_common_pins_are_barred(app: Flask) -> None:
    new_customer(app)
    merchant = Merchant(app)

    answers = [merchant.set_pin(pin).json["error_code"] for pin in ("123456", "000000", "159753")]

    assert answers == ["invalid_new_pin"] * 3
    assert merchant.set_pin(GOOD_PIN).json == OK


# -- reset-otp-limit and unblock at most 3 a customer a day ---------------------------------------


@pytest.mark.parametrize("act", [Merchant.unblock, Merchant.free_limit], ids=["unblock", "reset-otp-limit"])
def test_what_loosens_a_limit_is_done_three_times_a_customer_in_24_hours(
    merchant: Merchant, clock: MovableClock, act: Callable[..., TestResponse]
) -> None:
    other = Merchant(merchant.app)
    neighbor = new_customer(merchant.app, email="other@stamps.co.id", phone=None, member_id=None).id
    assert [act(each).status_code for each in (merchant, other, merchant)] == [200] * 3

    refusal = act(other)
    elsewhere = act(merchant, user=neighbor)
    clock.tick_ms(86_400_000 - 1)
    early = act(merchant)
    clock.tick_ms(1)

    told = account_caller.refused("user", LOCKED, "too_many_attempts")
    assert (refusal.status_code, refusal.json) == (429, told)
    assert (refusal.headers["Retry-After"], early.headers["Retry-After"]) == ("86400", "1")
    assert elsewhere.json == OK
    assert [act(merchant).status_code for _ in range(4)] == [200] * 3 + [429]


def test_a_refused_unblock_leaves_the_block(merchant: Merchant) -> None:
    for _ in range(3):
        merchant.unblock()
    for _ in range(3):
        merchant.validate(WRONG_PIN)

    assert merchant.unblock().status_code == 429
    assert merchant.validate(GOOD_PIN).json == PIN_BLOCKED


def test_a_refused_reset_leaves_the_quota(merchant: Merchant) -> None:
    for _ in range(3):
        merchant.free_limit()
    for _ in range(5):
        merchant.request()

    assert merchant.free_limit().status_code == 429
    assert merchant.request().json["error_code"] == "otp_limit_exceeded"


# -- 100 failures in a row ------------------------------------------------------------------------


def test_after_100_wrong_pins_in_a_row_no_window_and_no_unblock_helps(
    merchant: Merchant, clock: MovableClock
) -> None:
    for _ in range(49):
        assert [merchant.validate(WRONG_PIN).status_code for _ in range(2)] == [400] * 2
        clock.tick(days=8)
    last = [merchant.validate(WRONG_PIN).json for _ in range(2)]
    clock.tick(days=8)
    unblocked = merchant.unblock()

    assert last == [account_caller.wrong_pin(1), PIN_BLOCKED]
    assert unblocked.json == OK
    blocked = merchant.validate(GOOD_PIN)
    assert (blocked.status_code, blocked.json) == (400, PIN_BLOCKED)
    assert "Retry-After" not in blocked.headers
    with merchant.app.app_context():
        merchant.app.extensions["test_otpauth"].unlock(EMAIL)
    assert merchant.validate(GOOD_PIN).json == OK


def test_after_100_wrong_passwords_in_a_row_the_lock_does_not_end(
    merchant: Merchant, clock: MovableClock
) -> None:
    for _ in range(10):
        clock.tick(days=1)
        assert [merchant.check("wrong").status_code for _ in range(10)] == [400] * 10
    clock.tick(days=365)

    locked = merchant.check()

    assert (locked.status_code, "Retry-After" in locked.headers) == (429, False)
    assert locked.json == account_caller.refused("password", LOCKED, "too_many_attempts")
    with merchant.app.app_context():
        merchant.app.extensions["test_otpauth"].unlock(EMAIL)
    assert merchant.check().json == OK


PIN_RESETS: dict[str, Callable[[Merchant, str], TestResponse]] = {
    "by code": lambda merchant, code: merchant.reset_pin(code, "845102"),
    "by password": lambda merchant, code: merchant.reset_pin_by_password(account_caller.PASSWORD, "845102"),
    "by itself": lambda merchant, code: merchant.change(GOOD_PIN, "845102"),
}
PASSWORD_RESETS: dict[str, Callable[[Merchant, str], TestResponse]] = {
    "by code": lambda merchant, code: merchant.reset_password(code, "a brand-new password"),
    "by the merchant": lambda merchant, code: merchant.set_password("a brand-new password"),
    "by itself": lambda merchant, code: merchant.change_password(
        account_caller.PASSWORD, "a brand-new password"
    ),
}


def disabled(make_app: MakeApp, check: Callable[[Merchant], TestResponse]) -> Merchant:
    """A merchant whose customer has failed as often as the cap allows."""
    merchant = merchant_of(make_app(profile="hardened", account_failure_cap=3))
    for _ in range(3):
        check(merchant)
    merchant.unblock()
    return merchant


@pytest.mark.parametrize("reset", PIN_RESETS)
def test_no_reset_ends_what_only_an_administrator_may_end_of_a_pin(
    make_app: MakeApp, outbox: Outbox, reset: str
) -> None:
    merchant = disabled(make_app, lambda merchant: merchant.validate(WRONG_PIN))
    merchant.request()
    code = outbox.last.code
    field = "current_pin" if reset == "by itself" else "pin"

    refused = PIN_RESETS[reset](merchant, code)
    still = merchant.validate(GOOD_PIN)
    with merchant.app.app_context():
        merchant.app.extensions["test_otpauth"].unlock(EMAIL)
    answers = [PIN_RESETS[reset](merchant, code), merchant.validate("845102")]

    assert refused.json == account_caller.refused(field, "PIN is blocked", "pin_blocked")
    assert "Retry-After" not in refused.headers
    assert still.json == PIN_BLOCKED
    assert [answer.json for answer in answers] == [OK, OK]


@pytest.mark.parametrize("reset", PASSWORD_RESETS)
def test_no_reset_ends_what_only_an_administrator_may_end_of_a_password(
    make_app: MakeApp, outbox: Outbox, reset: str
) -> None:
    merchant = disabled(make_app, lambda merchant: merchant.check("wrong"))
    merchant.request(PASSWORD_CODE)
    code = outbox.last.code
    field = "old_password" if reset == "by itself" else "new_password"

    refused = PASSWORD_RESETS[reset](merchant, code)
    still = merchant.check()
    with merchant.app.app_context():
        merchant.app.extensions["test_otpauth"].unlock(EMAIL)
    answer = PASSWORD_RESETS[reset](merchant, code)

    assert (refused.status_code, "Retry-After" in refused.headers) == (429, False)
    assert refused.json == account_caller.refused(field, LOCKED, "too_many_attempts")
    assert still.status_code == 429
    assert answer.json is not None
    assert answer.json["status"] == "ok"
    assert merchant.check("a brand-new password").json == OK


def test_resets_do_not_bring_new_failures(make_app: MakeApp, outbox: Outbox) -> None:
    merchant = merchant_of(make_app(profile="hardened", account_failure_cap=3))
    for new in ("a brand-new password", "another brand-new one"):
        merchant.check("wrong")
        assert merchant.set_password(new).status_code == 200
    merchant.check("wrong")

    assert merchant.check("another brand-new one").status_code == 429


def test_a_password_that_is_disabled_lets_no_pin_be_reset(make_app: MakeApp) -> None:
    merchant = disabled(make_app, lambda merchant: merchant.check("wrong"))

    refused = merchant.reset_pin_by_password(account_caller.PASSWORD, "845102")

    assert refused.json == account_caller.refused("password", LOCKED, "too_many_attempts")


def test_without_the_profile_there_is_no_cap(make_app: MakeApp, clock: MovableClock) -> None:
    merchant = merchant_of(make_app())

    for _ in range(51):
        merchant.validate(WRONG_PIN)
        merchant.validate(WRONG_PIN)
        clock.tick(days=8)

    assert merchant.validate(GOOD_PIN).json == OK


# -- sessions and statuses ------------------------------------------------------------------------


def test_a_session_ends_after_30_days_however_often_it_was_refreshed(
    app: Flask, outbox: Outbox, clock: MovableClock
) -> None:
    caller = EmailCaller(app, outbox)
    data = caller.login()

    for _ in range(29):
        clock.tick(days=1)
        data = caller.refresh(data["refreshToken"]).json["data"]
    clock.tick_ms(86_400_000 - 1)
    alive = caller.refresh(data["refreshToken"])
    clock.tick_ms(1)

    assert alive.status_code == 200
    assert caller.refresh(alive.json["data"]["refreshToken"]).json["message"] == "Invalid refresh token"


def test_statuses_are_semantic(app: Flask, outbox: Outbox) -> None:
    email, sms = EmailCaller(app, outbox), SmsCaller(app, outbox)
    email.ask()

    statuses = [
        email.verify("000000").status_code if outbox.last.code != "000000" else 400,
        email.refresh("no token").status_code,
        email.post("/request-otp", {}).status_code,
        sms.verify("000000").status_code,
    ]

    assert statuses == [400, 401, 400, 422]


# -- a single key still wins ----------------------------------------------------------------------


def test_a_single_key_wins_over_the_profile(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(
        profile="hardened",
        account_echo_otp=True,
        account_pin_blocklist=None,
        account_unblocks_per_day=None,
        account_limit_resets_per_day=4,
        flashcall_echo_code=True,
        flashcall_auth_get=True,
        flashcall_auth_post=False,
        email_http_status="always_200",
    )
    new_customer(app)
    merchant, application = Merchant(app), Application(app, outbox)

    assert merchant.set_pin("123456").json == OK
    assert len(merchant.code()) == 6
    assert [merchant.unblock().status_code for _ in range(6)] == [200] * 6
    assert [merchant.free_limit().status_code for _ in range(5)] == [200] * 4 + [429]
    order_id = application.order(code="0345").json["data"]["id"]
    assert application.auth(order_id, "0345").json == SUCCESS
    assert application.call("POST", "/auth", json={}).status_code == 404
    assert EmailCaller(app, outbox).post("/request-otp", {}).status_code == 200
