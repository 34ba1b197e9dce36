"""The engine of ``OTPAUTH_DATABASE_URI``: its options, and a server that closes connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.testing import Outbox
from tests.adapters.databases import postgresql_schema
from tests.flows.email_caller import EmailCaller
from tests.hosts import SECRET_KEY, MakeApp
from tests.services import POSTGRESQL_URL


@pytest.fixture
def database_uri(database_file: str) -> str:
    return database_file


def engine_of(app: Flask) -> Any:
    return app.extensions["otpauth"].services.storage.database.engine


@pytest.fixture
def postgresql() -> Iterator[str]:
    with postgresql_schema() as url:
        yield url


def test_a_connection_that_the_server_closed_fails_nobodys_request(
    make_app: MakeApp, outbox: Outbox, postgresql: str
) -> None:
    app = make_app(database_uri=f"{postgresql}&application_name=closed_by_the_server")
    caller = EmailCaller(app, outbox)
    caller.login()

    server = create_engine(POSTGRESQL_URL)
    with server.connect() as connection:
        ours = "pg_stat_activity WHERE application_name = 'closed_by_the_server'"
        closed = connection.scalars(text(f"SELECT pg_terminate_backend(pid) FROM {ours}")).all()
    server.dispose()

    assert closed
    assert caller.login()
    engine_of(app).dispose()


def test_its_options_are_those_of_create_engine(make_app: MakeApp, database_uri: str) -> None:
    options = {"poolclass": NullPool, "connect_args": {"timeout": 7}, "echo": False}

    engine = engine_of(make_app(engine_options=options))

    assert isinstance(engine.pool, NullPool)
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA busy_timeout")) == 7000


def test_its_statements_are_logged_without_values_whatever_the_options_say(make_app: MakeApp) -> None:
    assert engine_of(make_app(engine_options={"hide_parameters": False})).hide_parameters


def host(**config: Any) -> Flask:
    app = Flask("host")
    app.config.update(SECRET_KEY=SECRET_KEY, TESTING=True, OTPAUTH_SENDERS={"email": "memory"})
    app.config.update(config)
    return app


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"pool_sice": 3, "pool_size": 3}, "create_engine does not accept pool_sice for this database"),
        ({"connect_args": "hunter2"}, "create_engine does not accept connect_args for this database"),
        ({"poolclass": "hunter2"}, "create_engine does not accept poolclass for this database"),
        (
            {"poolclass": NullPool, "pool_size": 3},
            "create_engine does not accept poolclass, pool_size for this database",
        ),
        ("hunter2", "expected a dict of options such as {'pool_size': 10}"),
    ],
)
def test_what_create_engine_does_not_take_is_a_start_up_error_that_names_it(
    options: Any, problem: str
) -> None:
    uri = "postgresql+psycopg://postgres@127.0.0.1:1/x"
    app = host(OTPAUTH_DATABASE_URI=uri, OTPAUTH_ENGINE_OPTIONS=options)

    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(app)

    assert caught.value.problems == (f"OTPAUTH_ENGINE_OPTIONS: {problem}",)


def test_options_that_would_have_no_effect_are_a_start_up_error() -> None:
    app = host(SQLALCHEMY_DATABASE_URI="sqlite:///host.sqlite", OTPAUTH_ENGINE_OPTIONS={"pool_size": 3})
    SQLAlchemy(app)

    with pytest.raises(
        ConfigurationError,
        match="requires OTPAUTH_DATABASE_URI; .* set SQLALCHEMY_ENGINE_OPTIONS",
    ):
        OtpAuth(app)
