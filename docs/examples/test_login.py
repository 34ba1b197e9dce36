"""Tests of an app's login, which send no messages and never sleep."""

from __future__ import annotations

import pytest
from flask import Flask

from docs.examples.protected import create_app, otpauth
from flask_otpauth.testing import MovableClock, Outbox

pytest_plugins = ["flask_otpauth.testing.fixtures"]


@pytest.fixture
def app(otpauth_clock: MovableClock, otpauth_outbox: Outbox) -> Flask:
    """The app as it is deployed, with other senders, another clock and another database."""
    return create_app(
        {
            "TESTING": True,
            "SECRET_KEY": "test",
            "OTPAUTH_DATABASE_URI": "sqlite://",
            "OTPAUTH_SENDERS": otpauth_outbox.senders,
            "OTPAUTH_CLOCK": otpauth_clock,
            "OTPAUTH_IP_LIMITS": None,
        }
    )


@pytest.fixture
def token(app: Flask, otpauth_outbox: Outbox) -> dict[str, str]:
    """The header of a user who has just logged in."""
    client = app.test_client()
    client.post("/apis/auth/request-otp", json={"email": "user@example.com"})
    login = client.post(
        "/apis/auth/verify-otp", json={"email": "user@example.com", "otpCode": otpauth_outbox.last.code}
    )
    return {"Authorization": f"Bearer {login.get_json()['data']['accessToken']}"}


def test_a_user_who_is_logged_in_sees_their_page(app: Flask, token: dict[str, str]) -> None:
    assert app.test_client().get("/me", headers=token).get_json()["email"] == "user@example.com"


def test_an_account_is_closed_only_soon_after_a_login(
    app: Flask, token: dict[str, str], otpauth_clock: MovableClock
) -> None:
    otpauth_clock.tick(minutes=5)

    assert app.test_client().post("/close-account", headers=token).status_code == 401


def test_a_disabled_user_is_logged_out(app: Flask, token: dict[str, str]) -> None:
    with app.app_context():
        user = otpauth.users.find("user@example.com")
        assert user is not None
        otpauth.users.disable(user)

    assert app.test_client().get("/me", headers=token).status_code == 401
