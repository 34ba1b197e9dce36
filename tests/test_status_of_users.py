"""Which attribute of a host's model decides who can log in, and the warning about a column that does not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Boolean
from sqlalchemy.orm import Mapped, mapped_column, synonym

from flask_otpauth import OtpAuth
from flask_otpauth.testing import Outbox
from flask_otpauth.users import UserMixin
from tests.flows.email_caller import ADDRESS, EmailCaller, outcome
from tests.hosts import SECRET_KEY


def host_with(
    outbox: Outbox, tmp_path: Path, *, config: Mapping[str, Any] | None = None, **attributes: Any
) -> tuple[Flask, type[Any]]:
    """Return a host whose model has these attributes too. The keys of ``config`` are without ``OTPAUTH_``."""
    app, db = Flask("host"), SQLAlchemy()
    hints = {"__annotations__": {"id": Mapped[int]}}
    columns = {"id": mapped_column(primary_key=True), **attributes}
    model = type("Customer", (UserMixin, db.Model), {**columns, **hints})
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path / 'host.sqlite'}",
        OTPAUTH_USERS=model,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_IP_LIMITS=None,
        **{f"OTPAUTH_{key}": value for key, value in (config or {}).items()},
    )
    db.init_app(app)
    app.extensions["test_otpauth"] = OtpAuth(app)
    with app.app_context():
        db.create_all()
    return app, model


def switch() -> Any:
    """Return a column that says who can log in."""
    return mapped_column(Boolean, default=True)


def test_with_a_synonym_the_hosts_column_is_read_and_written(
    outbox: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app, model = host_with(outbox, tmp_path, is_active=switch(), is_enabled=synonym("is_active"))
    caller = EmailCaller(app, outbox)
    user_id = caller.login()["userId"]
    db = app.extensions["sqlalchemy"]

    with app.app_context():
        users = app.extensions["test_otpauth"].users
        db.session.get_one(model, user_id).is_active = False
        db.session.commit()
        read = users.find(ADDRESS).is_enabled
        users.enable(user_id)
        enabled = db.session.scalar(db.select(model.is_active))
        db.session.rollback()
        users.disable(user_id)
        disabled = db.session.scalar(db.select(model.is_active))
        db.session.remove()
    before = len(outbox.messages)
    asked = caller.ask()

    assert (read, enabled, disabled) == (False, True, False)
    assert (outcome(asked), len(outbox.messages)) == ((0, "OTP sent successfully"), before)
    assert "is_enabled" not in model.__table__.c
    assert caplog.messages == []


@pytest.mark.parametrize("create_user", ["on_verify", "on_request"])
def test_a_user_gets_no_tokens_before_being_approved(
    create_user: str, outbox: Outbox, tmp_path: Path
) -> None:
    approved = mapped_column(Boolean, default=False)
    app, _ = host_with(outbox, tmp_path, is_enabled=approved, config={"EMAIL_CREATE_USER": create_user})
    caller = EmailCaller(app, outbox)

    caller.ask()
    first = caller.verify(caller.code) if outbox.messages else None
    with app.app_context():
        app.extensions["test_otpauth"].users.enable(ADDRESS)

    assert first is None or outcome(first) == (-300, "User not found")
    assert (first is None) is (create_user == "on_request")
    assert caller.login()["email"] == ADDRESS


@pytest.mark.parametrize("name", ["is_active", "active", "enabled"])
def test_start_up_and_doctor_warn_about_a_column_that_nothing_reads(
    name: str, outbox: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app, _ = host_with(outbox, tmp_path, **{name: switch()})

    warned = [record.getMessage() for record in caplog.records if record.name == "flask_otpauth"]
    examined = " ".join(app.test_cli_runner().invoke(args=["otpauth", "doctor"]).output.split())

    assert [f"Customer.{name} is ignored at login" in each for each in warned] == [True]
    assert f"add is_enabled = synonym('{name}')" in warned[0]
    assert f"Customer.{name} is ignored at login" in examined


@pytest.mark.parametrize(
    "attributes", [{}, {"is_enabled": mapped_column("is_active", Boolean, default=True)}]
)
def test_there_is_no_warning_if_is_enabled_is_the_only_such_column(
    attributes: dict[str, Any], outbox: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host_with(outbox, tmp_path, **attributes)

    assert caplog.messages == []


def test_disabling_is_an_error_if_the_model_computes_is_enabled(outbox: Outbox, tmp_path: Path) -> None:
    app, _ = host_with(outbox, tmp_path, is_enabled=property(lambda user: True))
    otpauth = app.extensions["test_otpauth"]

    with app.app_context():
        user = otpauth.users.create(email=ADDRESS)
        with pytest.raises(ValueError, match="Customer.is_enabled is computed"):
            otpauth.users.disable(user)
