"""PINs: the block, its window, what ends it (contract/account.md, "PIN rules")."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask

from flask_otpauth.adapters.passwords.hashing import Argon2Hasher
from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.testing import MovableClock
from tests.flows.account_caller import (
    OK,
    PASSWORD,
    PIN,
    PIN_BLOCKED,
    WRONG_PIN,
    Merchant,
    new_customer,
    refused,
    wrong_pin,
)
from tests.hosts import MakeApp, otpauth_of

WEEK_MS = 604_800_000
NOT_SET = refused("pin", "PIN is not set", "pin_not_set")
CURRENT_BLOCKED = refused("current_pin", "PIN is blocked", "pin_blocked")
CURRENT_WRONG = refused("current_pin", "Invalid PIN", "invalid_pin")


@pytest.fixture
def merchant(app: Flask) -> Merchant:
    """A merchant of a customer with a PIN."""
    return with_pin(app)


def with_pin(app: Flask) -> Merchant:
    new_customer(app)
    merchant = Merchant(app)
    assert merchant.set_pin().json == OK
    return merchant


# -- setting and changing -------------------------------------------------------------------------


def test_a_pin_is_set_once(merchant: Merchant) -> None:
    again = merchant.set_pin("654321")

    assert (again.status_code, again.json) == (400, refused("pin", "PIN is already set", "pin_already_set"))
    assert merchant.validate(PIN).json == OK


def test_leading_zeros_count(app: Flask) -> None:
    new_customer(app)
    merchant = Merchant(app)

    assert merchant.set_pin("000123").json == OK
    assert merchant.validate("000123").json == OK
    assert merchant.validate("123000").json == wrong_pin(2)


def test_without_a_pin_validate_and_change_say_so_and_count_nothing(app: Flask) -> None:
    new_customer(app)
    merchant = Merchant(app)

    answers = [merchant.validate() for _ in range(4)]
    changed = merchant.change(PIN)

    assert [(answer.status_code, answer.json) for answer in answers] == [(400, NOT_SET)] * 4
    assert changed.json == refused("current_pin", "PIN is not set", "pin_not_set")
    assert merchant.set_pin().json == OK
    assert merchant.validate(WRONG_PIN).json == wrong_pin(2)


def test_a_change_replaces_the_pin(merchant: Merchant) -> None:
    assert merchant.change(PIN, "654321").json == OK
    assert merchant.validate("654321").json == OK
    assert merchant.validate(PIN).json == wrong_pin(2)


def test_no_pin_is_barred_by_default(app: Flask) -> None:
    new_customer(app)
    merchant = Merchant(app)
    merchant.set_pin("000000")

    pins = ["123456", "111111", "121212", "654321"]
    answers = [merchant.change(old, new).json for old, new in zip(["000000", *pins], pins, strict=False)]

    assert answers == [OK] * 4


@pytest.mark.parametrize(
    ("blocklist", "barred", "free"),
    [
        ("common", ["123456", "000000", "121212", "159753"], "739154"),
        (("739154", "000111"), ["739154", "000111"], "123456"),
        (["739154"], ["739154"], "123456"),
    ],
)
def test_a_blocklist_bars_pins_wherever_one_is_set(
    make_app: MakeApp, blocklist: Any, barred: list[str], free: str
) -> None:
    app = make_app(account_pin_blocklist=blocklist)
    new_customer(app)
    merchant = Merchant(app)

    for pin in barred:
        too_common = refused("pin", "PIN is too common", "invalid_new_pin")
        assert merchant.set_pin(pin).json == too_common
        assert merchant.reset_pin("123123", pin).json == too_common
        assert merchant.reset_pin_by_password(PASSWORD, pin).json == too_common
    assert merchant.set_pin(free).json == OK
    assert merchant.change(free, barred[0]).json == refused("new_pin", "PIN is too common", "invalid_new_pin")


@pytest.mark.parametrize("blocklist", [("12345",), (123456,), "every", 7])
def test_a_blocklist_that_cannot_be_is_told_at_start_up(make_app: MakeApp, blocklist: Any) -> None:
    with pytest.raises(ConfigurationError, match="OTPAUTH_ACCOUNT_PIN_BLOCKLIST"):
        make_app(account_pin_blocklist=blocklist)


# -- the block ------------------------------------------------------------------------------------


def test_the_third_wrong_pin_blocks_and_says_so(merchant: Merchant) -> None:
    answers = [merchant.validate(WRONG_PIN) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [400] * 4
    assert [answer.json for answer in answers] == [wrong_pin(2), wrong_pin(1), PIN_BLOCKED, PIN_BLOCKED]
    assert "Retry-After" not in answers[3].headers


def test_a_blocked_pin_is_blocked_for_the_right_pin_too(merchant: Merchant) -> None:
    merchant.block_pin()

    assert merchant.validate(PIN).json == PIN_BLOCKED
    assert merchant.change(PIN).json == CURRENT_BLOCKED
    assert merchant.change(WRONG_PIN).json == CURRENT_BLOCKED


def test_a_wrong_current_pin_counts_like_a_wrong_pin(merchant: Merchant) -> None:
    answers = [
        merchant.change(WRONG_PIN).json,
        merchant.validate(WRONG_PIN).json,
        merchant.change(WRONG_PIN).json,
        merchant.change(PIN).json,
        merchant.validate(PIN).json,
    ]

    assert answers == [CURRENT_WRONG, wrong_pin(1), CURRENT_BLOCKED, CURRENT_BLOCKED, PIN_BLOCKED]


def test_failures_count_over_all_merchants(merchant: Merchant) -> None:
    other = Merchant(merchant.app)

    answers = [each.validate(WRONG_PIN).json for each in (merchant, other, merchant)]

    assert answers == [wrong_pin(2), wrong_pin(1), PIN_BLOCKED]


def test_another_customer_is_not_concerned(merchant: Merchant) -> None:
    other = new_customer(merchant.app, email="other@stamps.co.id", phone=None, member_id=None)
    merchant.set_pin(user=other.id)
    merchant.block_pin()

    assert merchant.validate(user=other.id).json == OK


def by_code(merchant: Merchant) -> Any:
    return merchant.reset_pin(merchant.code(), PIN).json


def by_password(merchant: Merchant) -> Any:
    return merchant.reset_pin_by_password(PASSWORD, PIN).json


def by_unblock(merchant: Merchant) -> Any:
    return merchant.unblock().json


def by_success(merchant: Merchant) -> Any:
    return merchant.validate().json


def by_change(merchant: Merchant) -> Any:
    return merchant.change(PIN, PIN).json


Act = Callable[[Merchant], Any]


@pytest.mark.parametrize("act", [by_code, by_password, by_unblock])
def test_a_block_ends_by_an_unblock_and_by_a_reset(merchant: Merchant, act: Act) -> None:
    merchant.block_pin()

    assert act(merchant) == OK
    assert merchant.validate(WRONG_PIN).json == wrong_pin(2)
    assert merchant.validate().json == OK


@pytest.mark.parametrize("act", [by_code, by_password, by_unblock, by_success, by_change])
def test_the_count_returns_to_zero_on_a_success_a_reset_and_an_unblock(merchant: Merchant, act: Act) -> None:
    merchant.validate(WRONG_PIN)
    merchant.validate(WRONG_PIN)

    assert act(merchant) == OK
    assert [merchant.validate(WRONG_PIN).json for _ in range(2)] == [wrong_pin(2), wrong_pin(1)]


def test_the_count_returns_to_zero_a_week_after_the_last_failure_to_the_millisecond(
    merchant: Merchant, clock: MovableClock
) -> None:
    merchant.validate(WRONG_PIN)
    clock.tick(days=3)
    merchant.validate(WRONG_PIN)

    clock.tick_ms(WEEK_MS)
    anew = merchant.validate(WRONG_PIN)
    clock.tick_ms(WEEK_MS - 1)
    still = merchant.validate(WRONG_PIN)

    assert anew.json == wrong_pin(2)
    assert still.json == wrong_pin(1)


def test_a_block_does_not_end_by_time(merchant: Merchant, clock: MovableClock) -> None:
    merchant.block_pin()

    clock.tick(days=3650)

    assert merchant.validate().json == PIN_BLOCKED


def test_tries_at_a_blocked_pin_are_no_failures(merchant: Merchant, clock: MovableClock) -> None:
    merchant.block_pin()
    clock.tick(days=5)
    merchant.validate(WRONG_PIN)

    merchant.unblock()

    assert merchant.validate(WRONG_PIN).json == wrong_pin(2)


@pytest.mark.parametrize("ttl_seconds", [604_800, 3_600])
def test_a_block_may_be_told_to_end_by_time(make_app: MakeApp, clock: MovableClock, ttl_seconds: int) -> None:
    merchant = with_pin(make_app(account_pin_block_ttl=ttl_seconds))
    merchant.block_pin()

    clock.tick_ms(ttl_seconds * 1000 - 1)
    blocked = merchant.change(PIN)
    clock.tick_ms(1)
    anew = merchant.validate(WRONG_PIN)

    assert (blocked.status_code, blocked.json) == (400, CURRENT_BLOCKED)
    assert blocked.headers["Retry-After"] == "1"
    assert anew.json == wrong_pin(2)
    assert merchant.validate().json == OK


def test_how_many_failures_block_is_a_setting(make_app: MakeApp) -> None:
    merchant = with_pin(make_app(account_pin_max_failures=5))

    answers = [merchant.validate(WRONG_PIN).json for _ in range(5)]

    assert answers == [*(wrong_pin(left) for left in (4, 3, 2, 1)), PIN_BLOCKED]


def test_unblocking_is_fine_on_an_unblocked_pin_and_on_none(app: Flask) -> None:
    new_customer(app)
    merchant = Merchant(app)

    without = merchant.unblock()
    merchant.set_pin()

    assert (without.status_code, without.json) == (200, OK)
    assert merchant.unblock().json == OK
    assert merchant.validate().json == OK


def test_an_administrator_ends_a_block_too(merchant: Merchant) -> None:
    merchant.block_pin()

    with merchant.app.app_context():
        otpauth_of(merchant.app).unlock("customer@stamps.co.id")

    assert merchant.validate().json == OK


def test_both_resets_set_a_pin_where_there_was_none(app: Flask) -> None:
    people = [new_customer(app, email=f"{n}@stamps.co.id", phone=None, member_id=None).id for n in range(2)]
    by_code_, by_password_ = (Merchant(app, user=person) for person in people)

    assert by_code(by_code_) == OK
    assert by_password(by_password_) == OK
    assert [each.validate().json for each in (by_code_, by_password_)] == [OK, OK]


# -- the work that is done for an answer ----------------------------------------------------------


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the hasher was asked to do meanwhile."""
    done: list[str] = []
    for name in ("hash", "verify"):
        real = getattr(Argon2Hasher, name)

        def counting(self: Argon2Hasher, *given: Any, name: str = name, real: Any = real) -> Any:
            done.append(name)
            return real(self, *given)

        monkeypatch.setattr(Argon2Hasher, name, counting)
    yield done


@pytest.mark.parametrize("blocked", [False, True])
def test_a_right_and_a_wrong_pin_cost_the_same_hashes_blocked_or_not(
    merchant: Merchant, blocked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if blocked:
        merchant.block_pin()

    with counted(monkeypatch) as done:
        work = []
        for pin in (PIN, WRONG_PIN):
            for act in (merchant.validate, merchant.change):
                act(pin)
                work.append((act.__name__, tuple(done)))
                done.clear()

    assert dict(work[:2]) == dict(work[2:])
    assert dict(work)["validate"] == ("verify",)


def test_pin_and_password_have_counters_of_their_own(merchant: Merchant) -> None:
    merchant.block_pin()
    for _ in range(10):
        merchant.check("wrong")

    merchant.unblock()

    assert merchant.validate().json == OK
    assert merchant.check().status_code == 429


def test_no_pin_and_no_password_is_stored_or_logged_in_the_clear(
    make_app: MakeApp, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "host.sqlite"
    with caplog.at_level("DEBUG"):
        app = make_app(database_uri=f"sqlite:///{path}")
        new_customer(app, phone=None)
        merchant = Merchant(app)
        merchant.set_pin("739153")
        merchant.validate("739154")
        merchant.change("739153", "739155")
        merchant.reset_password(merchant.code("/auth/request-otp-for-password-reset"))

    stored, logged = path.read_bytes(), "\n".join(caplog.messages)
    for secret in ("739153", "739154", "739155", PASSWORD, "securepassword123", merchant.client.secret):
        assert secret.encode() not in stored
        assert secret not in logged
    assert b"$argon2id$" in stored
