"""Apps that match hosts (``Flask(host_matching=True)``) serve the flows on every host that they have."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, url_for

from flask_otpauth import OtpAuth
from flask_otpauth.testing import Outbox
from tests.flows.email_caller import PREFIX
from tests.flows.flashcall_caller import Application
from tests.hosts import SECRET_KEY

HOSTS = ("shop.example.com", "admin.example.com:8443")


def host(outbox: Outbox, **options: Any) -> Flask:
    """An app with every flow, and a protected page on one host."""
    app = Flask("host", **options)
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        OTPAUTH_FLOWS=("email", "sms", "flashcall", "voice", "account"),
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_DATABASE_URI="sqlite://",
    )
    otpauth = OtpAuth(app)
    me = otpauth.token_required(lambda: str(otpauth.current_user.email))
    app.add_url_rule("/me", "me", me, host=HOSTS[0] if app.url_map.host_matching else None)
    app.extensions["test_otpauth"] = otpauth
    return app


@pytest.fixture(params=[{}, {"static_host": "static.example.com"}], ids=["no static host", "static host"])
def app(request: pytest.FixtureRequest, outbox: Outbox) -> Flask:
    options = {"static_folder": None, **request.param} if not request.param else request.param
    return host(outbox, host_matching=True, **options)


def answers(app: Flask, at: str) -> dict[str, tuple[int, str]]:
    """What each path of each flow answers at that host, by every method that it has or has not."""
    paths = [
        (method, path.replace("<order_id>", "x"))
        for mount in app.extensions["otpauth"].mounts.values()
        for path, _ in mount.operations()
        for method in ("GET", "POST", "OPTIONS")
    ]
    client = app.test_client()
    asked = {each: client.open(each[1], method=each[0], base_url=f"https://{at}") for each in paths}
    return {f"{method} {path}": (got.status_code, got.text) for (method, path), got in asked.items()}


@pytest.mark.parametrize("at", HOSTS)
def test_each_path_answers_as_in_an_app_that_matches_none(app: Flask, outbox: Outbox, at: str) -> None:
    plain = host(outbox)

    matched = answers(app, at)

    assert len(matched) > 60
    assert matched == answers(plain, at)


@pytest.mark.parametrize("at", HOSTS)
def test_a_login_on_any_host_opens_a_page_on_another(app: Flask, outbox: Outbox, at: str) -> None:
    client, base_url = app.test_client(), f"https://{at}"
    client.post(f"{PREFIX}/request-otp", json={"email": "a@example.com"}, base_url=base_url)

    body = {"email": "a@example.com", "otpCode": outbox.last.code}
    login = client.post(f"{PREFIX}/verify-otp", json=body, base_url=base_url).json
    headers = {"Authorization": f"Bearer {login['data']['accessToken']}"}

    assert client.get("/me", base_url=f"https://{HOSTS[0]}", headers=headers).text == "a@example.com"


def test_a_code_in_a_path_is_read_as_ever(app: Flask, outbox: Outbox) -> None:
    caller = Application(app, outbox)

    answer = caller.auth(caller.ordered(), caller.seen())

    assert answer.status_code == 200, answer.text


def test_a_url_can_be_built_for_a_host(app: Flask) -> None:
    with app.test_request_context(base_url=f"https://{HOSTS[0]}"):
        built = url_for("otpauth_email.request-otp", otpauth_host=HOSTS[1])

    assert built == f"https://{HOSTS[1]}{PREFIX}/request-otp"
