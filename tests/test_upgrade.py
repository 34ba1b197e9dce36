"""``flask otpauth upgrade`` adds what a newer version needs, and the rows of an older version still work."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import Result
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, MetaData, Table, create_engine, inspect, select, text

from flask_otpauth import OtpAuth
from flask_otpauth.cli import otpauth
from flask_otpauth.testing import Outbox
from flask_otpauth.users import UserMixin
from tests.adapters.databases import database_of
from tests.flows import sms_caller, voice_caller
from tests.flows.account_caller import Merchant
from tests.flows.email_caller import EmailCaller, bearer
from tests.flows.sms_caller import SmsCaller
from tests.flows.voice_caller import VoiceCaller
from tests.frozen import ASKING, FROZEN, LOGGED_IN, OUT_OF_CODES, app_on, thaw
from tests.hosts import SECRET_KEY

RELEASES = sorted(folder.name for folder in FROZEN.iterdir())
KINDS = ["sqlite", "postgresql", "mariadb"]
#: What an older version has not: parts of each kind, in the tables of the storage and of the users.
INDEXES = (
    "ix_otpauth_sessions_alone_for",
    "ix_otpauth_sessions_user_id_closed_at",
    "ix_otpauth_users_email_doubtful",
)
OLDER = (
    "ALTER TABLE otpauth_challenges DROP COLUMN digest",
    "ALTER TABLE otpauth_users DROP COLUMN avatar_url",
    "ALTER TABLE otpauth_users DROP COLUMN full_name",
    "ALTER TABLE otpauth_users DROP COLUMN is_enabled",
    "DROP TABLE otpauth_campaigns",
)
ADDED = [
    "otpauth_challenges.digest",
    "ix_otpauth_sessions_alone_for",
    "ix_otpauth_sessions_user_id_closed_at",
    "otpauth_campaigns",
    "otpauth_users.full_name",
    "otpauth_users.avatar_url",
    "otpauth_users.is_enabled",
    "ix_otpauth_users_email_doubtful",
]


@pytest.fixture(params=KINDS)
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as uri:
        yield uri


@pytest.fixture
def engine(uri: str) -> Iterator[Engine]:
    """An engine that is not the app's."""
    engine = create_engine(uri)
    yield engine
    engine.dispose()


@pytest.fixture
def app(uri: str, outbox: Outbox) -> Iterator[Flask]:
    app = app_on(uri, outbox)
    yield app
    app.extensions["otpauth"].services.storage.database.engine.dispose()


def command(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(otpauth, list(words))


def run(app: Flask, *words: str) -> str:
    result = command(app, *words)
    assert result.exit_code == 0, result.output
    return result.output


def missing(app: Flask) -> list[str]:
    warnings: list[str] = json.loads(run(app, "doctor", "--json"))["warnings"]
    return [each for each in warnings if "missing" in each]


def tables_of(app: Flask) -> list[Table]:
    services = app.extensions["otpauth"].services
    return [*services.storage.tables.all(), services.directory.table]


def differences(app: Flask, engine: Engine) -> list[Any]:
    """What Alembic finds to change, types included."""
    ours = MetaData()
    for table in tables_of(app):
        table.to_metadata(ours)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, ours))


@pytest.fixture
def older(app: Flask, engine: Engine) -> Engine:
    """The database of an older version, which lacks parts of the tables."""
    run(app, "init-db")
    with engine.begin() as connection:
        for index in (index for table in tables_of(app) for index in table.indexes if index.name in INDEXES):
            index.drop(connection)
        for statement in OLDER:
            connection.execute(text(statement))
    return engine


def test_what_is_missing_is_added_and_named(app: Flask, older: Engine) -> None:
    with older.begin() as connection:
        connection.execute(text("INSERT INTO otpauth_users (email) VALUES ('ann@example.com')"))

    before = missing(app)
    added = run(app, "upgrade")

    columns = [name for name in ADDED if "." in name]
    indexes = [name for name in ADDED if name.startswith("ix_")]
    remedy = "missing: run `flask otpauth upgrade`, or your migrations"
    assert before == [
        "a table is missing: run `flask otpauth init-db`, or your migrations (otpauth_campaigns).",
        f"columns are {remedy} ({', '.join(columns)}).",
        f"indexes are {remedy} ({', '.join(indexes)}).",
    ]
    assert added == "".join(f"Added {name}.\n" for name in ADDED)
    assert missing(app) == []
    assert differences(app, older) == []
    assert run(app, "upgrade") == "The packaged tables lack nothing.\n"
    assert "full_name=-  is_enabled=True" in run(app, "users", "show", "ann@example.com")


def test_the_statements_can_be_read_first_and_run_by_hand(app: Flask, older: Engine) -> None:
    statements = run(app, "upgrade", "--sql")

    assert len(missing(app)) == 3
    with older.begin() as connection:
        for statement in statements.split(";\n"):
            if statement:
                connection.exec_driver_sql(statement)
    assert run(app, "upgrade", "--sql") == "\n"
    assert differences(app, older) == []


def test_processes_that_upgrade_at_the_same_time_do_not_fail(uri: str, older: Engine, outbox: Outbox) -> None:
    apps, start = [app_on(uri, outbox) for _ in range(4)], threading.Barrier(4)

    def upgrade(app: Flask) -> str:
        start.wait()
        return run(app, "upgrade")

    with ThreadPoolExecutor(4) as pool:
        printed = "".join(pool.map(upgrade, apps))

    lacks, found = missing(apps[0]), differences(apps[0], older)
    for app in apps:
        app.extensions["otpauth"].services.storage.database.engine.dispose()
    assert (lacks, found) == ([], [])
    assert all(printed.count(f"Added {name}.") <= 1 for name in ADDED)


def test_a_database_without_tables_gets_all_of_them(app: Flask, engine: Engine) -> None:
    added = run(app, "upgrade")

    assert added.count("Added otpauth_") == len(inspect(engine).get_table_names()) > 5
    assert differences(app, engine) == []
    assert "mark of the subject key" not in run(app, "doctor")


def test_a_users_table_of_the_host_is_left_to_the_host(uri: str, outbox: Outbox) -> None:
    db, app = SQLAlchemy(), Flask("shop")

    class Customer(UserMixin, db.Model):  # type: ignore[name-defined, misc]
        id = db.Column(db.Integer, primary_key=True)

    app.config.update(
        SECRET_KEY=SECRET_KEY,
        SQLALCHEMY_DATABASE_URI=uri,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_USERS=Customer,
    )
    db.init_app(app)
    OtpAuth(app)
    with app.app_context():
        db.create_all()
        with db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE customer DROP COLUMN avatar_url"))
        assert run(app, "upgrade") == "The packaged tables lack nothing.\n"
        db.engine.dispose()
        assert missing(app) == ["a column is missing: run your migrations (customer.avatar_url)."]
        db.engine.dispose()


# -- releases ---------------------------------------------------------------------------------


@pytest.mark.parametrize("release", RELEASES)
def test_what_a_release_has_written_works_after_an_upgrade(
    release: str, app: Flask, engine: Engine, outbox: Outbox
) -> None:
    known = thaw(release, engine)

    run(app, "upgrade")
    caller, merchant = EmailCaller(app, outbox), Merchant(app, LOGGED_IN, known["client"])

    assert missing(app) == []
    tokens = known["tokens"]
    seen = app.test_client().get("/me", headers=bearer(tokens["accessToken"])).text
    refreshed = caller.refresh(tokens["refreshToken"]).json["code"]
    assert (seen, refreshed) == (LOGGED_IN, 0)
    assert caller.verify(known["code"], ASKING).json["message"] == "Login successful"
    assert caller.ask(OUT_OF_CODES).json["message"] == "Too many OTP requests"
    assert merchant.validate().status_code == 200
    assert merchant.validate("999999").status_code == 400
    assert caller.login("new@example.com")
    voice = VoiceCaller(app, outbox, known["client"], known["campaign"])
    assert voice_caller.outcome(voice.call(phone="+84912345678")) == (429, "too many calls")
    sms = SmsCaller(app, outbox, known["client"], known["api_token"])
    assert sms_caller.outcome(sms.verify("000000", cc_phone="84", phone="84987654321"))[0] == 422


@pytest.mark.parametrize("release", RELEASES)
def test_a_release_is_changed_by_additions_only_and_can_write_to_the_newer_tables(
    release: str, app: Flask, engine: Engine
) -> None:
    thaw(release, engine)
    frozen = MetaData()
    frozen.reflect(engine)

    run(app, "upgrade")

    assert differences(app, engine) == []
    # While an app is deployed, workers of both versions run.
    with engine.begin() as connection:
        for table in frozen.sorted_tables:
            rows = [dict(row) for row in connection.execute(select(table)).mappings()]
            connection.execute(table.delete())
            if rows:
                connection.execute(table.insert(), rows)
