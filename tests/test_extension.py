"""The extension object: one object for several apps, and the errors of wrong use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.testing import Outbox
from tests.flows.email_caller import ADDRESS, EmailCaller, bearer
from tests.hosts import SECRET_KEY


def bare_app(outbox: Outbox, name: str = "host", **config: Any) -> Flask:
    """Return an app without an OtpAuth."""
    app = Flask(name)
    app.config.update(
        SECRET_KEY=SECRET_KEY, TESTING=True, OTPAUTH_SENDERS=outbox.senders, OTPAUTH_DATABASE_URI="sqlite://"
    )
    app.config.update(config)
    return app


def test_init_app_and_the_constructor_are_the_same(outbox: Outbox) -> None:
    first, second, otpauth = bare_app(outbox), bare_app(outbox), OtpAuth()

    otpauth.init_app(first)
    OtpAuth(second)

    for app in (first, second):
        assert EmailCaller(app, outbox).login()["email"] == ADDRESS


def test_one_object_serves_several_apps_that_share_nothing(outbox: Outbox) -> None:
    otpauth = OtpAuth()
    apps = [bare_app(outbox, name) for name in ("first", "second")]
    for app in apps:
        otpauth.init_app(app)
        app.add_url_rule("/me", "me", otpauth.token_required(lambda: str(otpauth.current_user.email)))
    first, second = apps

    token = EmailCaller(first, outbox).login()["accessToken"]
    statuses = [app.test_client().get("/me", headers=bearer(token)).status_code for app in apps]

    assert statuses == [200, 401]
    with first.app_context():
        assert otpauth.users.find(ADDRESS) is not None
    with second.app_context():
        assert otpauth.users.find(ADDRESS) is None


def test_a_second_otpauth_on_one_app_is_an_error_that_says_why(outbox: Outbox) -> None:
    app = bare_app(outbox)
    OtpAuth(app)

    with pytest.raises(RuntimeError, match="already has an OtpAuth"):
        OtpAuth(app)


def test_an_app_without_an_otpauth_is_told_so(outbox: Outbox) -> None:
    otpauth = OtpAuth(bare_app(outbox))

    with bare_app(outbox).app_context(), pytest.raises(RuntimeError, match=r"call otpauth.init_app\(app\)"):
        _ = otpauth.users


@pytest.mark.parametrize("flows", [("email",), ["email"], ("email", "voice"), ()])
def test_only_the_flows_that_are_named_are_served(flows: Any, outbox: Outbox) -> None:
    app = bare_app(outbox, OTPAUTH_FLOWS=flows)
    OtpAuth(app)

    served = {rule.endpoint.partition(".")[0] for rule in app.url_map.iter_rules() if "." in rule.endpoint}

    assert served - {"otpauth_templates"} == {f"otpauth_{flow}" for flow in flows}


def test_the_command_line_is_there_without_an_installation(outbox: Outbox) -> None:
    app = bare_app(outbox)
    OtpAuth(app)

    result = app.test_cli_runner().invoke(args=["otpauth", "flows"])

    assert result.exit_code == 0, result.output
    assert "/apis/auth/request-otp" in result.output


def test_codes_may_live_in_memory_and_users_in_a_table(tmp_path: Path, outbox: Outbox) -> None:
    uri = f"sqlite:///{tmp_path / 'users.sqlite'}"
    app = bare_app(outbox, OTPAUTH_STORAGE="memory", OTPAUTH_DATABASE_URI=uri)
    otpauth = OtpAuth(app)
    with app.app_context():
        otpauth.create_all()

    login = EmailCaller(app, outbox).login()

    with app.app_context():
        assert otpauth.users.find(ADDRESS).id == login["userId"]


def test_with_storage_in_memory_and_no_database_nothing_is_kept_and_nothing_to_be_made(
    tmp_path: Path, outbox: Outbox
) -> None:
    instance = tmp_path / "instance"
    app = Flask("host", instance_path=str(instance))
    app.config.update(
        SECRET_KEY=SECRET_KEY, OTPAUTH_STORAGE="memory", OTPAUTH_SENDERS={"email": outbox.senders["email"]}
    )
    OtpAuth(app)

    login = EmailCaller(app, outbox).login()

    assert login["userId"] == 1
    assert not instance.exists()


def test_the_repr_of_the_wired_state_shows_no_secret(outbox: Outbox) -> None:
    app = bare_app(outbox, OTPAUTH_DATABASE_URI="postgresql+psycopg://postgres:hunter2@127.0.0.1:1/x")
    OtpAuth(app)

    shown = repr(app.extensions["otpauth"])

    assert SECRET_KEY not in shown
    assert "hunter2" not in shown


def test_a_protected_view_may_be_a_method_of_any_kind(outbox: Outbox) -> None:
    app = bare_app(outbox)
    otpauth = OtpAuth(app)

    @app.get("/tuple/<int:number>")
    @otpauth.token_required
    def tupled(number: int) -> tuple[dict[str, int], int, dict[str, str]]:
        return {"number": number}, 202, {"X-Host": "yes"}

    token = EmailCaller(app, outbox).login()["accessToken"]
    answer = app.test_client().get("/tuple/7", headers=bearer(token))

    assert (answer.status_code, answer.json, answer.headers["X-Host"]) == (202, {"number": 7}, "yes")
