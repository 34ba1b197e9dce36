"""``OTPAUTH_BIND_KEY``: the extension in a database of ``SQLALCHEMY_BINDS``."""

from __future__ import annotations

import logging.config
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import inspect

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.testing import Outbox
from tests.adapters.databases import database_of
from tests.flows.email_caller import EmailCaller, bearer
from tests.hosts import SECRET_KEY


@pytest.fixture(params=["sqlite", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The database of the bind."""
    with database_of(request.param, tmp_path) as uri:
        yield uri


def host(folder: Path, outbox: Outbox, uri: str, **config: Any) -> Flask:
    """An app with notes in its default database, and another database."""
    app, db = Flask("host"), SQLAlchemy()
    db.Table("note", db.Column("id", db.Integer, primary_key=True))
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder / 'host.sqlite'}",
        SQLALCHEMY_BINDS={"logins": uri},
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_BIND_KEY="logins",
    )
    app.config.update(config)
    db.init_app(app)
    flask_migrate.Migrate(app, db)
    otpauth = OtpAuth(app)

    @app.get("/me")
    @otpauth.token_required
    def me() -> str:
        otpauth.current_user.full_name = "Ann"  # type: ignore[misc]
        db.session.commit()
        return str(otpauth.current_user.email)

    return app


def tables(app: Flask, bind: str | None) -> set[str]:
    with app.app_context():
        names = inspect(app.extensions["sqlalchemy"].engines[bind]).get_table_names()
    return {name.partition("_")[0] for name in names} - {"sqlite", "alembic"}


def disposed(app: Flask) -> None:
    with app.app_context():
        for engine in app.extensions["sqlalchemy"].engines.values():
            engine.dispose()


def test_all_tables_are_in_the_database_of_the_bind(tmp_path: Path, outbox: Outbox, uri: str) -> None:
    app = host(tmp_path, outbox, uri)
    with app.app_context():
        app.extensions["sqlalchemy"].create_all()

    token = EmailCaller(app, outbox).login()["accessToken"]
    seen = [app.test_client().get("/me", headers=bearer(token)).text for _ in range(2)]
    shown = app.test_cli_runner().invoke(args=["otpauth", "users", "show", "user@example.com"]).output
    found = tables(app, None), tables(app, "logins")
    disposed(app)

    assert seen == ["user@example.com"] * 2
    assert found == ({"note"}, {"otpauth"})
    assert "full_name=Ann" in shown


@pytest.mark.filterwarnings("ignore:'get_engine' is deprecated:DeprecationWarning")
def test_migrations_of_several_databases_see_the_tables_in_theirs(
    tmp_path: Path, outbox: Outbox, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.config, "fileConfig", lambda *args, **kwargs: None)
    app, folder = host(tmp_path, outbox, uri), str(tmp_path / "m")

    with app.app_context():
        flask_migrate.init(folder, multidb=True)
        flask_migrate.migrate(folder)
        flask_migrate.upgrade(folder)
    found = tables(app, None), tables(app, "logins")
    logged_in = EmailCaller(app, outbox).login()
    with app.app_context():
        flask_migrate.downgrade(folder)
    left = tables(app, None), tables(app, "logins")
    disposed(app)

    assert logged_in
    assert found == ({"note"}, {"otpauth"})
    assert left == (set(), set())


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"OTPAUTH_BIND_KEY": "logouts"}, "OTPAUTH_BIND_KEY: SQLALCHEMY_BINDS has no 'logouts'"),
        (
            {"OTPAUTH_DATABASE_URI": "sqlite://"},
            "OTPAUTH_BIND_KEY: requires Flask-SQLAlchemy, and that OTPAUTH_DATABASE_URI is not set",
        ),
        ({"OTPAUTH_BIND_KEY": 7}, "OTPAUTH_BIND_KEY: expected a string, or None"),
    ],
)
def test_a_bind_that_cannot_be_used_is_told(
    tmp_path: Path, outbox: Outbox, config: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        host(tmp_path, outbox, "sqlite://", **config)

    assert caught.value.problems == (told,)
