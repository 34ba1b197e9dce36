"""A reset code lives while the address that it went to and the secret that it resets are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from flask_otpauth.testing import Outbox
from tests.flows.account_caller import (
    EMAIL,
    MEMBER_ID,
    OK,
    PASSWORD,
    PASSWORD_CODE,
    PIN,
    PIN_CODE,
    Merchant,
    new_customer,
)
from tests.hosts import MakeApp, otpauth_of

NEW_PIN = "837462"
NEW_PASSWORD = "kite Harbour 31 olive"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(account_echo_otp=False, delivery="inline")


@pytest.fixture
def merchant(app: Flask) -> Merchant:
    new_customer(app)
    caller = Merchant(app, user=MEMBER_ID)
    caller.set_pin()
    return caller


def reset(merchant: Merchant, path: str, code: str) -> Any:
    """What a reset by ``code`` of the kind of ``path`` is answered."""
    if path == PASSWORD_CODE:
        return merchant.call(
            "/auth/reset-password-with-otp",
            otp=code,
            new_password=NEW_PASSWORD,
            confirm_new_password=NEW_PASSWORD,
        ).json
    return merchant.call("/pin/reset", otp=code, pin=NEW_PIN, confirm_pin=NEW_PIN).json


def changed(app: Flask, **values: Any) -> None:
    """Let the host change the customer's row."""
    directory = app.extensions["otpauth"].services.directory
    with app.app_context(), directory._open(True) as session:  # noqa: SLF001 - as the host's own code would
        user = session.get(directory.model, 1)
        for name, value in values.items():
            setattr(user, name, value)


CODES = [(PASSWORD_CODE, "email"), (PASSWORD_CODE, "sms"), (PIN_CODE, "email"), (PIN_CODE, "sms")]


@pytest.mark.parametrize(("path", "channel"), CODES)
def test_a_reset_code_dies_when_the_address_that_it_went_to_changes(
    path: str, channel: str, merchant: Merchant, outbox: Outbox
) -> None:
    merchant.request(path, type=channel, template_code="code")
    code = outbox.last.code
    changed(
        merchant.app, **({"email": "new@stamps.co.id"} if channel == "email" else {"phone": "+6281234567000"})
    )

    assert "Invalid OTP" in reset(merchant, path, code)["error_message"]


@pytest.mark.parametrize(("path", "channel"), CODES)
def test_a_reset_code_outlives_a_change_of_what_it_has_nothing_to_do_with(
    path: str, channel: str, merchant: Merchant, outbox: Outbox
) -> None:
    merchant.request(path, type=channel, template_code="code")
    code = outbox.last.code
    changed(merchant.app, full_name="Siti", **({"phone": None} if channel == "email" else {"email": None}))

    assert reset(merchant, path, code) == OK


CHANGES: dict[str, tuple[str, Callable[[Merchant], Any]]] = {
    "the PIN was changed": (
        PIN_CODE,
        lambda merchant: merchant.call(
            "/pin/change", current_pin=PIN, new_pin="555123", confirm_new_pin="555123"
        ),
    ),
    "the PIN was reset": (
        PIN_CODE,
        lambda merchant: merchant.call(
            "/pin/reset-with-password", password=PASSWORD, pin="555123", confirm_pin="555123"
        ),
    ),
    "the password was changed": (
        PASSWORD_CODE,
        lambda merchant: merchant.call(
            "/auth/change-password", old_password=PASSWORD, new_password="amber Lantern 77 moss"
        ),
    ),
    "the password was set": (
        PASSWORD_CODE,
        lambda merchant: merchant.call(
            "/auth/set-password", email=EMAIL, new_password="amber Lantern 77 moss"
        ),
    ),
}


@pytest.mark.parametrize(("path", "change"), CHANGES.values(), ids=CHANGES)
def test_a_reset_code_dies_when_the_secret_that_it_resets_changes(
    path: str, change: Callable[[Merchant], Any], merchant: Merchant, outbox: Outbox
) -> None:
    merchant.request(path, type="email", template_code="code")
    code = outbox.last.code

    assert change(merchant).status_code == 200
    assert "Invalid OTP" in reset(merchant, path, code)["error_message"]


@pytest.mark.parametrize("path", [PASSWORD_CODE, PIN_CODE])
def test_a_reset_code_that_the_merchant_was_shown_dies_with_the_secret_as_well(
    path: str, make_app: MakeApp
) -> None:
    app = make_app()
    new_customer(app)
    merchant = Merchant(app)
    code = merchant.code(path)
    first = reset(merchant, path, code)
    stale, fresh = merchant.code(path), merchant.code(path)

    assert first == OK
    assert "Invalid OTP" in reset(merchant, path, stale)["error_message"]
    assert reset(merchant, path, fresh) == OK


def test_a_change_while_a_reset_is_under_way_wins(
    merchant: Merchant, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    merchant.request(PASSWORD_CODE, type="email", template_code="code")
    code, customers = outbox.last.code, merchant.app.extensions["otpauth"].use_cases["account"].customers
    redeem = type(customers.codes).redeem

    def meanwhile(*given: Any, **more: Any) -> Any:
        monkeypatch.undo()
        merchant.call("/auth/change-password", old_password=PASSWORD, new_password="amber Lantern 77 moss")
        return redeem(*given, **more)

    monkeypatch.setattr(type(customers.codes), "redeem", meanwhile)
    answer = reset(merchant, PASSWORD_CODE, code)

    assert "Invalid OTP" in answer["error_message"]
    with merchant.app.app_context():
        user = otpauth_of(merchant.app).users.find(EMAIL)
        assert customers.passwords.check(user, "amber Lantern 77 moss", "password")
