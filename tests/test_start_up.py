"""What a host sees when its app is made, for each way to make an app."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from flask_otpauth import ConfigurationError, OtpAuth
from tests.hosts import SECRET_KEY

NO_SENDER = "MAIL_DEFAULT_SENDER: set the address from which codes are sent"
NO_SMS = (
    "OTPAUTH_SENDERS: no sender configured for channel 'sms', which a registered flow needs "
    "('console' prints messages)"
)


def create_app(**config: Any) -> Flask:
    """Return a host without senders."""
    app = Flask("host")
    app.config.update(SECRET_KEY=SECRET_KEY, OTPAUTH_DATABASE_URI="sqlite://", OTPAUTH_FLOWS=["email", "sms"])
    app.config.update(config)
    app.cli.command("count")(lambda: click.echo("counted"))
    OtpAuth(app)
    return app


def flask(*arguments: str, **config: Any) -> Any:
    """Return the command ``flask`` with that app."""
    group = FlaskGroup(create_app=lambda: create_app(**config), set_debug_flag=False)
    return CliRunner().invoke(group, list(arguments))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")  # The command sets it and does not remove it.


# -- which process serves ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [("routes",), ("count",), ("otpauth", "flows"), ("otpauth", "init-db"), ("--help",)]
)
def test_a_command_that_does_not_serve_needs_no_senders_and_says_what_is_missing(
    arguments: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "flask_otpauth"):
        result = flask(*arguments)

    assert result.exit_code == 0, result.output
    assert [record.getMessage() for record in caplog.records] == [
        f"this app cannot serve: {NO_SMS}",
        f"this app cannot serve: {NO_SENDER}",
    ]


def test_flask_run_refuses_to_serve_without_senders() -> None:
    result = flask("run", "--port", "0")

    assert isinstance(result.exception, ConfigurationError)
    assert result.exception.problems == (NO_SMS, NO_SENDER)


@click.command()
def other() -> None:
    """Return a command that is not one of Flask, such as a worker or a server."""
    create_app()


@pytest.mark.parametrize("make", [create_app, lambda: other.main([], standalone_mode=False)])
def test_whatever_else_makes_the_app_may_serve(make: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make()

    assert caught.value.problems == (NO_SMS, NO_SENDER)


def test_what_is_wrong_is_told_by_every_command() -> None:
    result = flask("routes", OTPAUTH_EMAIL_CODE_LENGTH=3, OTPAUTH_SENDERS={"sms": "pigeon"})

    assert "OTPAUTH_EMAIL_CODE_LENGTH" in str(result.exception or result.output)
    assert "unknown value 'pigeon'" in str(result.exception or result.output)


def test_the_doctor_tells_first_what_keeps_the_app_from_serving() -> None:
    config = {"OTPAUTH_SUBJECT_KEY": SECRET_KEY, "OTPAUTH_IP_LIMITS": None}

    told = json.loads(flask("otpauth", "doctor", "--json", **config).stdout)["warnings"]
    strict = flask("otpauth", "doctor", "--strict", **config)

    assert told[:2] == [NO_SMS, NO_SENDER]
    assert strict.exit_code == 1


# -- settings of others -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        *(
            ("MAIL_PORT", each, "expected a whole number from 1 to 65535")
            for each in ("25x", "", -1, 65_536, True, 2.5)
        ),
        *(
            ("MAIL_SERVER", each, "expected the name or address of a host, without scheme and port")
            for each in ("smtp://mail.example.com", "mail.example.com:25", "me@mail", "", 25, None)
        ),
        *(
            (key, each, "expected True or False")
            for key in ("MAIL_USE_TLS", "MAIL_USE_SSL", "MAIL_SUPPRESS_SEND")
            for each in ("false", "1", 2)
        ),
        (
            "MAIL_USERNAME",
            5,
            "expected a string (from_prefixed_env reads digits as a number unless they are quoted)",
        ),
        ("MAIL_DEFAULT_SENDER", "shop", "set the address from which codes are sent"),
    ],
)
def test_a_mail_setting_of_a_wrong_kind_is_told_by_its_key(key: str, value: Any, told: str) -> None:
    mail = {"MAIL_DEFAULT_SENDER": "shop@example.com", key: value}

    with pytest.raises(ConfigurationError) as caught:
        create_app(OTPAUTH_FLOWS=["email"], **mail)

    assert caught.value.problems == (f"{key}: {told}",)


@pytest.mark.parametrize(
    "mail",
    [
        {"MAIL_PORT": "587", "MAIL_SERVER": "mail.example.com"},
        {"MAIL_PORT": 25, "MAIL_SERVER": "192.0.2.1"},
        {"MAIL_PORT": None, "MAIL_SERVER": "::1"},
        {"MAIL_USE_TLS": True, "MAIL_USE_SSL": 0, "MAIL_SERVER": "[2001:db8::1]"},
    ],
)
def test_mail_settings_that_can_work_are_taken(mail: dict[str, Any]) -> None:
    assert create_app(OTPAUTH_FLOWS=["email"], MAIL_DEFAULT_SENDER="shop@example.com", **mail)


def test_a_model_without_the_mixin_is_told_what_it_needs() -> None:
    db = SQLAlchemy()

    class Customer(db.Model):  # type: ignore[name-defined,misc]
        id: Mapped[int] = mapped_column(primary_key=True)

    with pytest.raises(ConfigurationError) as caught:
        create_app(OTPAUTH_USERS=Customer, OTPAUTH_SENDERS={"email": "console", "sms": "console"})

    (problem,) = caught.value.problems
    assert problem == (
        "OTPAUTH_USERS: the model must have the mixin flask_otpauth.users.UserMixin: "
        "class Customer(UserMixin, db.Model)"
    )


def test_an_app_on_sqlite_imports_no_other_dialect() -> None:
    program = f"""
import sys
from flask import Flask
from flask_otpauth import OtpAuth

app = Flask("host")
app.config.update(SECRET_KEY={SECRET_KEY!r}, OTPAUTH_DATABASE_URI="sqlite:///none.sqlite")
app.config.update(OTPAUTH_SENDERS={{"email": "console"}})
OtpAuth(app)
print(*(name for name in ("postgresql", "mysql", "sqlite") if f"sqlalchemy.dialects.{{name}}" in sys.modules))
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("sqlite\n", "")


def test_the_import_builds_no_model_of_a_flow_that_may_be_off() -> None:
    program = """
from flask_otpauth import OtpAuth
from flask_otpauth.settings import FlowSettings
from flask_otpauth.web.body import Body

declared = [FlowSettings, Body]
for model in declared:
    declared.extend(model.__subclasses__())
print(len(declared) > 10, *(model.__name__ for model in declared if model.__pydantic_complete__))
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout.split() == ["True"]
