"""A path can have only one operation or view: a second one is an error at start-up."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.flows import FLOWS
from flask_otpauth.testing import Outbox
from tests.hosts import SECRET_KEY


def host(**settings: Any) -> Flask:
    """Return an app with every flow, without an OtpAuth."""
    app = Flask("host")
    defaults = {"FLOWS": list(FLOWS), "SENDERS": Outbox().senders, "DATABASE_URI": "sqlite://"}
    app.config["SECRET_KEY"] = SECRET_KEY
    app.config.update({f"OTPAUTH_{name}": value for name, value in {**defaults, **settings}.items()})
    return app


def problems(app: Flask) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(app)
    return caught.value.problems


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"EMAIL_URL_PREFIX": "/api/auth"},
            "OTPAUTH_SMS_URL_PREFIX: '/api/auth/verify-otp' is also a path of OTPAUTH_EMAIL_URL_PREFIX",
        ),
        (
            {"SMS_TOKEN_PATH": "/apis/auth/request-otp"},
            "OTPAUTH_SMS_TOKEN_PATH: '/apis/auth/request-otp' is also a path of OTPAUTH_EMAIL_URL_PREFIX",
        ),
        (
            {"SMS_TOKEN_PATH": "/api/auth/resend-otp"},
            "OTPAUTH_SMS_TOKEN_PATH: '/api/auth/resend-otp' is also a path of OTPAUTH_SMS_URL_PREFIX",
        ),
        (
            {"SMS_TOKEN_PATH": "/v1/orders"},
            "OTPAUTH_FLASHCALL_URL_PREFIX: '/v1/orders' is also a path of OTPAUTH_SMS_TOKEN_PATH",
        ),
        (
            {"SMS_TOKEN_PATH": "/api/pin/set"},
            "OTPAUTH_ACCOUNT_URL_PREFIX: '/api/pin/set' is also a path of OTPAUTH_SMS_TOKEN_PATH",
        ),
    ],
)
def test_two_settings_that_put_something_on_one_path_are_refused_by_name(
    settings: dict[str, Any], told: str
) -> None:
    assert problems(host(**settings)) == (told,)


def test_flows_share_a_prefix_where_their_paths_differ() -> None:
    app = host(EMAIL_URL_PREFIX="/v1", FLASHCALL_URL_PREFIX="/v1", VOICE_URL_PREFIX="/v1")

    OtpAuth(app)

    assert app.test_client().post("/v1/request-otp", json={"email": "user@example.com"}).status_code == 200
    assert app.test_client().post("/v1/orders", json={}).status_code == 403


def test_a_path_of_a_flow_that_is_not_registered_is_free() -> None:
    app = host(FLOWS=["email"], EMAIL_URL_PREFIX="/api/auth")

    OtpAuth(app)

    assert app.test_client().post("/api/auth/verify-otp", json={}).json is not None


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/token/"])
def test_a_view_of_the_host_and_a_flow_do_not_share_a_path(path: str) -> None:
    app = host()
    app.add_url_rule(path, "issue_token", lambda: "a token of the host's", methods=["POST"])

    assert problems(app) == (
        "OTPAUTH_SMS_TOKEN_PATH: the app already has the view 'issue_token' at '/oauth/token'",
    )
