"""How the tables are named: ``OTPAUTH_TABLE_PREFIX`` and ``OTPAUTH_SCHEMA``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, create_engine, inspect, text

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.adapters.sqlalchemy.directory.model import packaged_model
from flask_otpauth.adapters.sqlalchemy.tables import define
from flask_otpauth.cli import otpauth
from flask_otpauth.storage import TableNames
from flask_otpauth.testing import Outbox
from tests.adapters.databases import database_of, schema_of
from tests.flows.email_caller import EmailCaller
from tests.flows.every_flow import DOCUMENTED, Participants
from tests.hosts import SECRET_KEY, MakeApp, otpauth_of

LONGEST_PREFIX = "p" * 24
#: PostgreSQL cuts a longer name off, and MariaDB refuses one of more than 64 characters.
LONGEST_NAME = 63
STORED = [table.name.removeprefix("otpauth_") for table in define(MetaData()).all()]


@pytest.fixture(params=["postgresql", "mariadb"])
def kind(request: pytest.FixtureRequest) -> str:
    """A database that has schemas."""
    return str(request.param)


@pytest.fixture
def schema(kind: str, tmp_path: Path) -> Iterator[str]:
    """An empty schema that is not the default one of the connection."""
    with schema_of(kind, tmp_path) as schema:
        yield schema


@pytest.fixture
def uri(kind: str, tmp_path: Path) -> Iterator[str]:
    """A database whose default schema is another one, and must stay empty."""
    with database_of(kind, tmp_path) as uri:
        yield uri


def tables_in(uri: str, schema: str | None = None) -> dict[str, set[str | None]]:
    """The tables in a database, each with its indexes."""
    engine = create_engine(uri)
    inspector = inspect(engine)
    found = {
        name: {index["name"] for index in inspector.get_indexes(name, schema)}
        for name in inspector.get_table_names(schema)
        if name != "sqlite_sequence"
    }
    engine.dispose()
    return found


def command(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(otpauth, list(words))


def use_every_flow(app: Flask, outbox: Outbox) -> None:
    """Ask for a code in each flow and submit it. Then run the commands that read or write many rows."""
    participants = Participants.of(app, outbox)
    for says in DOCUMENTED.values():
        driver = says.driver(participants)
        assert driver.outcome(driver.ask()) == says.sent
        code = outbox.last.code
        assert driver.outcome(driver.submit(code[1:] + code[0])) in (says.wrong, says.accepted)
        driver.submit(code)
    assert EmailCaller(app, outbox).login(email="other@example.com")
    doctor = command(app, "doctor", "--json")
    assert "missing" not in doctor.output, doctor.output
    for words in (("purge",), ("backfill",), ("sessions", "list", "other@example.com"), ("init-db",)):
        done = command(app, *words)
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("kind", "prefix"), [("sqlite", ""), ("postgresql", LONGEST_PREFIX), ("mariadb", "shop_")]
)
def test_every_table_and_index_has_the_prefix(
    kind: str, prefix: str, tmp_path: Path, make_app: MakeApp, outbox: Outbox
) -> None:
    with database_of(kind, tmp_path) as uri:
        settings = (
            DOCUMENTED["flashcall"].settings | DOCUMENTED["voice"].settings | DOCUMENTED["PIN"].settings
        )
        app = make_app(database_uri=uri, table_prefix=prefix, **settings)
        use_every_flow(app, outbox)
        found = tables_in(uri)
        app.extensions["otpauth"].services.storage.database.engine.dispose()

    assert set(found) == {f"{prefix}{name}" for name in (*STORED, "users")}
    for table, indexes in found.items():
        assert all(str(index).startswith(f"ix_{table}_") for index in indexes)


def test_every_table_is_in_the_schema(schema: str, uri: str, make_app: MakeApp, outbox: Outbox) -> None:
    settings = DOCUMENTED["flashcall"].settings | DOCUMENTED["voice"].settings | DOCUMENTED["PIN"].settings
    app = make_app(database_uri=uri, schema=schema, **settings)

    use_every_flow(app, outbox)

    app.extensions["otpauth"].services.storage.database.engine.dispose()
    assert set(tables_in(uri, schema)) == {f"otpauth_{name}" for name in (*STORED, "users")}
    assert tables_in(uri) == {}


def test_a_missing_table_is_named_with_its_schema(schema: str, uri: str, make_app: MakeApp) -> None:
    app = make_app(database_uri=uri, schema=schema, table_prefix="shop_")
    engine = app.extensions["otpauth"].services.storage.database.engine
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {schema}.shop_secrets"))
        connection.execute(text(f"ALTER TABLE {schema}.shop_users DROP COLUMN full_name"))

    shown = command(app, "doctor", "--json").output

    engine.dispose()
    assert (
        f"a table is missing: run `flask otpauth init-db`, or your migrations ({schema}.shop_secrets)"
        in shown
    )
    assert (
        f"a column is missing: run `flask otpauth upgrade`, or your migrations ({schema}.shop_users." in shown
    )


# -- several apps -----------------------------------------------------------------------------


def host(uri: str, db: SQLAlchemy, outbox: Outbox, **settings: Any) -> Flask:
    """An app on the host's Flask-SQLAlchemy."""
    app = Flask("host")
    app.config.update(SECRET_KEY=SECRET_KEY, TESTING=True, SQLALCHEMY_DATABASE_URI=uri)
    app.config.update(OTPAUTH_SENDERS=outbox.senders)
    app.config.update({f"OTPAUTH_{name.upper()}": value for name, value in settings.items()})
    db.init_app(app)
    app.extensions["test_otpauth"] = OtpAuth(app)
    return app


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_apps_with_different_prefixes_share_a_metadata_and_nothing_else(
    kind: str, tmp_path: Path, outbox: Outbox
) -> None:
    db = SQLAlchemy()
    with database_of(kind, tmp_path) as uri:
        apps = [host(uri, db, outbox, table_prefix=prefix) for prefix in ("one_", "two_")]
        for app in apps:
            with app.app_context():
                db.create_all()
        one, two = (EmailCaller(app, outbox) for app in apps)
        code = one.fresh_code()
        [found, not_found] = two.verify(code).json["message"], one.verify(code).json["message"]
        users = [command(app, "users", "show", "user@example.com").exit_code for app in apps]
        for app in apps:
            with app.app_context():
                db.engine.dispose()

    assert (found, not_found) == ("Invalid OTP", "Login successful")
    assert users == [0, 1]
    assert set(db.metadata.tables) == {
        f"{prefix}{name}" for prefix in ("one_", "two_") for name in (*STORED, "users")
    }


def test_without_a_setting_the_tables_are_in_the_schema_of_the_hosts_metadata(
    schema: str, uri: str, outbox: Outbox
) -> None:
    db = SQLAlchemy(metadata=MetaData(schema=schema))
    app = host(uri, db, outbox)

    with app.app_context():
        otpauth_of(app).create_all()
        assert EmailCaller(app, outbox).login()
        db.engine.dispose()

    assert set(tables_in(uri, schema)) == {f"otpauth_{name}" for name in (*STORED, "users")}


def test_an_engine_of_the_host_can_translate_schemas(schema: str, uri: str, outbox: Outbox) -> None:
    db = SQLAlchemy(engine_options={"execution_options": {"schema_translate_map": {None: schema}}})
    app = host(uri, db, outbox)

    with app.app_context():
        otpauth_of(app).create_all()
        assert EmailCaller(app, outbox).login()
        assert "missing" not in command(app, "doctor").output
        for table in db.metadata.tables.values():
            for index in table.indexes:
                index.drop(db.engine)
        lacks = command(app, "doctor").output
        statements = command(app, "upgrade", "--sql").output
        command(app, "upgrade")
        assert "missing" not in command(app, "doctor").output
        db.engine.dispose()

    assert "indexes are missing" in lacks
    assert f" {schema}.otpauth_sessions " in statements.replace("`", "")
    assert set(tables_in(uri, schema)) == {f"otpauth_{name}" for name in (*STORED, "users")}
    assert tables_in(uri) == {}


def test_a_schema_that_the_database_lacks_is_told(uri: str, outbox: Outbox) -> None:
    db = SQLAlchemy()
    app = host(uri, db, outbox, schema="not_there")

    done = command(app, "init-db")

    with app.app_context():
        db.engine.dispose()
    assert done.exit_code == 1
    assert re.match("Error: a schema is missing: create it .*not_there.*", done.output)


# -- what cannot work -------------------------------------------------------------------------


def problems(**settings: Any) -> tuple[str, ...]:
    db = settings.pop("db", None) or SQLAlchemy()
    with pytest.raises(ConfigurationError) as caught:
        host("sqlite://", db, Outbox(), **settings)
    return caught.value.problems


@pytest.mark.parametrize("prefix", ["1st_", "Shop_", "shop-", "shop.", "é_", "p" * 25, 'x"; --', None, 7])
def test_a_prefix_that_is_no_name_is_told(prefix: Any) -> None:
    (told,) = problems(table_prefix=prefix)

    accepted = "at most 24 lower-case letters, digits and underscores, the first not a digit"
    assert told == f"OTPAUTH_TABLE_PREFIX: expected {accepted}"


@pytest.mark.parametrize("schema", ["", "a.b", "1st", 'x"', "s" * 64, 7])
def test_a_schema_that_is_no_name_is_told(schema: Any) -> None:
    (told,) = problems(schema=schema)

    accepted = (
        "at most 63 letters, digits, underscores and hyphens, the first a letter or an underscore, or None"
    )
    assert told == f"OTPAUTH_SCHEMA: expected {accepted}"


def test_sqlite_has_no_schemas() -> None:
    assert problems(schema="auth") == ("OTPAUTH_SCHEMA: sqlite has no schemas: use OTPAUTH_TABLE_PREFIX",)


@pytest.mark.parametrize(
    ("names", "users", "told"),
    [
        (("clients", "users", "orders"), None, "clients, users"),
        (("clients", "users"), "own", "clients"),
    ],
)
def test_a_table_of_the_host_is_not_taken_for_ours(names: tuple[str, ...], users: Any, told: str) -> None:
    db = SQLAlchemy()
    for name in names:
        db.Table(name, db.Column("id", db.Integer, primary_key=True))
    # What is no directory is another problem, and is told as well.
    found = problems(db=db, table_prefix="", **({"users": 7} if users else {}))

    assert (
        f"OTPAUTH_TABLE_PREFIX: the app already has {told}: choose another prefix. If the app reflects its "
        "tables, initialize OtpAuth before"
    ) in found


# -- the longest names ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_the_longest_prefix_leaves_room_for_each_index(kind: str, tmp_path: Path) -> None:
    metadata, names = MetaData(), TableNames(LONGEST_PREFIX)
    define(metadata, names)
    packaged_model(metadata, names)
    wanted = {table.name: {index.name for index in table.indexes} for table in metadata.tables.values()}

    with database_of(kind, tmp_path) as uri:
        engine = create_engine(uri)
        metadata.create_all(engine)
        engine.dispose()
        found = tables_in(uri)

    longest = max(len(str(index)) for indexes in wanted.values() for index in indexes)
    assert longest <= LONGEST_NAME
    assert found == wanted
