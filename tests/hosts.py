"""
Fixtures for every test: a host app with every flow, on SQLite, with a clock that is moved and an outbox.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.adapters.passwords.hashing import Argon2Hasher
from flask_otpauth.testing import MovableClock, Outbox

SECRET_KEY = "a test's own secret of more than 32 bytes"


def cheap_hashing() -> AbstractContextManager[object]:
    """
    Apps that are made meanwhile hash as fast as argon2 can. What a hash must cost is tested
    with the hasher itself; elsewhere it only has to be one.
    """
    wiring = import_module("flask_otpauth.wiring.services")
    return patch.object(wiring, "Argon2Hasher", partial(Argon2Hasher, cheap=True))


#: Makes a host app; keywords are its configuration, with or without ``OTPAUTH_``.
MakeApp = Callable[..., Flask]


def otpauth_of(app: Flask) -> OtpAuth:
    """The app's OtpAuth."""
    otpauth: OtpAuth = app.extensions["test_otpauth"]
    return otpauth


@pytest.fixture
def clock(otpauth_clock: MovableClock) -> MovableClock:
    """The app's clock."""
    return otpauth_clock


@pytest.fixture
def outbox(otpauth_outbox: Outbox) -> Outbox:
    """What the app sent."""
    return otpauth_outbox


@pytest.fixture
def database_uri() -> str:
    """Where the app's rows are: in memory, unless a module overrides it by ``database_file``."""
    return "sqlite://"


def new_row(app: Flask, **columns: Any) -> Any:
    """Write a user by the model, as the host does."""
    directory = app.extensions["otpauth"].services.directory
    row = directory.model(**columns)
    with directory.session(True) as session:
        session.add(row)
        session.flush()
    return row


@pytest.fixture
def database_file(tmp_path: Path) -> str:
    """A database in a file, for apps that share their rows and for threads that write at once."""
    return f"sqlite:///{tmp_path / 'host.sqlite'}"


@pytest.fixture
def make_app(clock: MovableClock, outbox: Outbox, database_uri: str) -> MakeApp:
    """``make_app(flows=("sms",), sms_cooldown=60)``: a host app with its tables made."""

    def make(**settings: Any) -> Flask:
        app = Flask("host")
        defaults = {
            "flows": ("email", "sms", "flashcall", "voice", "account"),
            "senders": outbox.senders,
            "database_uri": database_uri,
            "clock": clock,
            "ip_limits": None,
        }
        app.config["SECRET_KEY"] = SECRET_KEY
        app.config["TESTING"] = True
        for name, value in {**defaults, **settings}.items():
            app.config[name if name.isupper() else f"OTPAUTH_{name.upper()}"] = value
        with cheap_hashing():
            otpauth = OtpAuth(app)
        app.extensions["test_otpauth"] = otpauth
        with app.app_context():
            otpauth.create_all()
        return app

    return make


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """The app with the documented defaults."""
    return make_app()
