"""The use cases of the packaged flows in a host's own views, whether the flows are registered or not."""

from __future__ import annotations

import pytest
from flask import Flask

from flask_otpauth import OtpAuth, errors
from flask_otpauth.engine.resets import PIN_RESET
from flask_otpauth.testing import Outbox
from tests.hosts import MakeApp

ADDRESS, PHONE = "customer@example.com", "+84987654321"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """A host that serves the flow ``email`` alone."""
    return make_app(flows=("email",))


@pytest.fixture
def otpauth(app: Flask) -> OtpAuth:
    """The extension object of the host."""
    found: OtpAuth = app.extensions["test_otpauth"]
    return found


def test_a_view_logs_in_by_e_mail(app: Flask, otpauth: OtpAuth, outbox: Outbox) -> None:
    with app.app_context():
        otpauth.logins.request(ADDRESS, ("en",))
        logged_in = otpauth.logins.verify(ADDRESS, outbox.last.code)

        assert logged_in.user.email == ADDRESS
        assert otpauth.logins.refresh(logged_in.tokens.refresh_token).user.email == ADDRESS
        otpauth.logins.logout(None, logged_in.tokens.refresh_token)
        with pytest.raises(errors.RefreshTokenInvalid):
            otpauth.logins.refresh(logged_in.tokens.refresh_token)


def test_a_view_sends_a_code_by_sms_and_checks_it(app: Flask, otpauth: OtpAuth, outbox: Outbox) -> None:
    with app.app_context():
        holder = otpauth.phone_codes.holder_of(PHONE)
        otpauth.phone_codes.resend(holder)

        assert otpauth.phone_codes.wait_seconds(holder) == 90
        with pytest.raises(errors.CooldownActive):
            otpauth.phone_codes.resend(holder)
        otpauth.phone_codes.verify(holder, outbox.last.code)
        with pytest.raises(errors.CodeUsed):
            otpauth.phone_codes.verify(holder, outbox.last.code)


def test_a_view_authenticates_a_phone_by_a_call(app: Flask, otpauth: OtpAuth, outbox: Outbox) -> None:
    with app.app_context():
        order = otpauth.orders.create("my shop", "+79161234567")

        assert outbox.last.caller_number == order.prefix + order.code
        assert order.code not in repr(order)
        with pytest.raises(errors.OrderNotFound):
            otpauth.orders.redeem("another shop", order.id, order.code)
        otpauth.orders.redeem("my shop", order.id, order.code)
        with pytest.raises(errors.CodeUsed):
            otpauth.orders.redeem("my shop", order.id, order.code)


def test_a_view_resets_a_pin_by_code(app: Flask, otpauth: OtpAuth) -> None:
    with app.app_context():
        user = otpauth.users.create(email=ADDRESS)
        code = otpauth.resets.request(PIN_RESET, user, "my shop")

        assert code is not None
        with pytest.raises(errors.CodeWrong):
            otpauth.resets.reset_pin(user, "another shop", code, "274951")
        otpauth.resets.reset_pin(user, "my shop", code, "274951")
        with pytest.raises(errors.CodeRefused):
            otpauth.resets.reset_pin(user, "my shop", code, "274952")
