"""CSRFProtect of a host protects its forms, but not the paths of flows, in any order of initialization."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask_wtf import CSRFProtect

from flask_otpauth import OtpAuth
from flask_otpauth.testing import Outbox
from tests.flows.email_caller import EmailCaller
from tests.hosts import SECRET_KEY


def protected_first(app: Flask) -> None:
    CSRFProtect(app)
    OtpAuth(app)


def protected_last(app: Flask) -> None:
    OtpAuth(app)
    CSRFProtect(app)


def by_a_factory(app: Flask) -> None:
    """Make the objects first, and initialize them later, as ``create_app`` does."""
    csrf, otpauth = CSRFProtect(), OtpAuth()
    otpauth.init_app(app)
    csrf.init_app(app)


def host(outbox: Outbox) -> Flask:
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        OTPAUTH_FLOWS=("email", "sms", "flashcall", "voice", "account"),
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_DATABASE_URI="sqlite://",
    )
    app.add_url_rule("/form", "form", lambda: "saved", methods=["POST"])
    return app


@pytest.fixture(params=[protected_first, protected_last, by_a_factory])
def app(request: pytest.FixtureRequest, outbox: Outbox) -> Flask:
    app = host(outbox)
    initialize: Callable[[Flask], None] = request.param
    initialize(app)
    return app


def test_a_login_needs_no_csrf_token(app: Flask, outbox: Outbox) -> None:
    login = EmailCaller(app, outbox).login()

    assert login["accessToken"]


def answers(app: Flask) -> dict[str, tuple[int, str]]:
    """Return the answer of each path of each flow to an empty object."""
    paths = [
        path
        for mount in app.extensions["otpauth"].mounts.values()
        for path, operation in mount.operations()
        if operation.method == "POST"
    ]
    posted = {path: app.test_client().post(path, json={}) for path in paths}
    return {path: (answer.status_code, answer.text) for path, answer in posted.items()}


def test_each_path_answers_as_if_there_were_no_protection(app: Flask, outbox: Outbox) -> None:
    unprotected = host(outbox)
    OtpAuth(unprotected)

    protected = answers(app)

    assert len(protected) > 20
    assert protected == answers(unprotected)


def test_the_hosts_forms_stay_guarded(app: Flask, outbox: Outbox) -> None:
    EmailCaller(app, outbox).login()

    answer = app.test_client().post("/form")

    assert answer.status_code == 400
    assert "CSRF" in answer.text
