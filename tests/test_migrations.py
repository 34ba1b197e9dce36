"""A host that has users already adds the mixin and migrates, with Flask-Migrate, and goes back again."""

from __future__ import annotations

import logging.config
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import inspect

from flask_otpauth import OtpAuth
from flask_otpauth.testing import Outbox
from flask_otpauth.users import UserMixin
from tests.adapters.databases import database_of, schema_of
from tests.docs.shell import blocks
from tests.flows.email_caller import EmailCaller
from tests.hosts import SECRET_KEY

# Flask-Migrate's env.py asks Flask-SQLAlchemy in the old way first.
pytestmark = pytest.mark.filterwarnings("ignore:'get_engine' is deprecated:DeprecationWarning")


@dataclass
class Shop:
    """The host: its database, where its migrations lie, and what it sets."""

    config: dict[str, Any]
    folder: str

    def without_us(self) -> tuple[Flask, type[Any]]:
        """The app as it was before."""
        return self._app(lambda db: (db.Model,))

    def with_us(self) -> tuple[Flask, type[Any]]:
        """The app whose model has the mixin."""
        app, model = self._app(lambda db: (UserMixin, db.Model))
        app.config["OTPAUTH_USERS"] = model
        app.extensions["test_otpauth"] = OtpAuth(app)
        return app, model

    def migrate(self) -> int:
        """``flask db migrate``: how many migrations there are now."""
        flask_migrate.migrate(self.folder)
        return len(list(Path(self.folder, "versions").glob("*.py")))

    def _app(self, bases: Callable[[SQLAlchemy], tuple[type[Any], ...]]) -> tuple[Flask, type[Any]]:
        app, db = Flask("shop"), SQLAlchemy()
        columns = {
            "id": db.Column(db.Integer, primary_key=True),
            "email": db.Column(db.String(120), unique=True, nullable=False),
            "points": db.Column(db.Integer, nullable=False, default=0),
        }
        model = type("User", bases(db), columns)
        app.config.from_mapping(self.config)
        db.init_app(app)
        flask_migrate.Migrate(app, db)
        return app, model


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    # Flask-Migrate's env.py would silence every logger that there is.
    monkeypatch.setattr(logging.config, "fileConfig", lambda *args, **kwargs: None)
    config = {"SECRET_KEY": SECRET_KEY, "TESTING": True, "OTPAUTH_SENDERS": outbox.senders}
    with database_of(request.param, tmp_path) as uri:
        yield Shop(config | {"SQLALCHEMY_DATABASE_URI": uri}, str(tmp_path / "m"))


def test_a_model_that_exists_is_migrated_and_back_with_what_is_in_it(shop: Shop) -> None:
    app, model = shop.without_us()
    with app.app_context():
        db = app.extensions["sqlalchemy"]
        flask_migrate.init(shop.folder)
        shop.migrate()
        flask_migrate.upgrade(shop.folder)
        db.session.add(model(email="Ann@Example.com", points=7))
        db.session.commit()
        before = set(inspect(db.engine).get_table_names())
        db.engine.dispose()

    app, model = shop.with_us()
    with app.app_context():
        db, users = app.extensions["sqlalchemy"], app.extensions["test_otpauth"].users
        made = shop.migrate()
        flask_migrate.upgrade(shop.folder)
        again = shop.migrate()
        users.create(email="bob@example.com", phone="+84987654321", member_id="M-1")
        [ann] = db.session.scalars(db.select(model).filter_by(points=7))
        kept = (ann.email, ann.is_enabled, ann.full_name, ann.phone)
        db.session.remove()
        flask_migrate.downgrade(shop.folder)
        emails = db.session.scalars(db.select(model.email)).all()
        after = set(inspect(db.engine).get_table_names())
        columns = {column["name"] for column in inspect(db.engine).get_columns("user")}
        db.session.remove()
        flask_migrate.upgrade(shop.folder)
        db.engine.dispose()

    assert (made, again) == (2, 2)
    assert kept == ("Ann@Example.com", True, "", None)
    assert sorted(emails) == ["Ann@Example.com", "bob@example.com"]
    assert (after, columns) == (before, {"id", "email", "points"})


def named(config: dict[str, Any], schema: str | None, folder: Path) -> Flask:
    """An app whose tables are named by settings, and that follows the page on a schema."""
    app, db = Flask("shop", instance_path=str(folder)), SQLAlchemy()
    db.Table("note", db.Column("id", db.Integer, primary_key=True))
    app.config.from_mapping(config, OTPAUTH_TABLE_PREFIX="login_", OTPAUTH_SCHEMA=schema)
    db.init_app(app)
    migrate = flask_migrate.Migrate()
    (page,) = (each for each in blocks("howto/flask-migrate.md", "python") if "include_name" in each)
    if schema is None:
        migrate.init_app(app, db)
    else:
        exec(page.replace('"auth"', repr(schema)), {"migrate": migrate, "app": app, "db": db})
    app.extensions["test_otpauth"] = OtpAuth(app)
    return app


def tables_of(app: Flask, schema: str | None) -> set[str]:
    with app.app_context():
        names = inspect(app.extensions["sqlalchemy"].engine).get_table_names(schema)
    return {name for name in names if name not in ("alembic_version", "sqlite_sequence")}


@pytest.mark.parametrize(
    ("kind", "has_schema"),
    [
        ("sqlite", False),
        ("postgresql", False),
        ("postgresql", True),
        ("mariadb", False),
        ("mariadb", True),
    ],
)
def test_tables_with_other_names_are_migrated_once_and_back(
    kind: str, has_schema: bool, tmp_path: Path, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.config, "fileConfig", lambda *args, **kwargs: None)
    folder = str(tmp_path / "m")
    schemas = schema_of(kind, tmp_path) if has_schema else nullcontext()
    with database_of(kind, tmp_path) as uri, schemas as schema:
        config = {"SECRET_KEY": SECRET_KEY, "TESTING": True, "OTPAUTH_SENDERS": outbox.senders}
        app = named(config | {"SQLALCHEMY_DATABASE_URI": uri}, schema, tmp_path)
        with app.app_context():
            flask_migrate.init(folder)
            for _ in range(2):
                flask_migrate.migrate(folder)
                flask_migrate.upgrade(folder)
        written = len(list(Path(folder, "versions").glob("*.py")))
        assert EmailCaller(app, outbox).login()
        there = tables_of(app, schema)
        with app.app_context():
            flask_migrate.downgrade(folder)
        gone = tables_of(app, schema)
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()

    ours = {name for name in there if name.startswith("login_")}
    assert written == 1
    assert len(ours) > 5
    assert there - ours == (set() if schema else {"note"})
    assert gone == set()
