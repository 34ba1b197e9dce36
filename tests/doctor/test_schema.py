"""``flask otpauth doctor`` names every table and column that the database lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, MetaData, Table, create_engine
from sqlalchemy.schema import DropTable

from flask_otpauth import OtpAuth
from flask_otpauth.adapters.sqlalchemy.tables import define
from flask_otpauth.cli import otpauth
from flask_otpauth.senders import MemorySender
from flask_otpauth.users import UserMixin
from tests.adapters.databases import database_of, mariadb_database
from tests.hosts import SECRET_KEY

INIT_DB = "run `flask otpauth init-db`, or your migrations"
UPGRADE = "run `flask otpauth upgrade`, or your migrations"
TABLES = define(MetaData()).all()


@pytest.fixture(params=["sqlite", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as uri:
        yield uri


@pytest.fixture
def engine(uri: str) -> Iterator[Engine]:
    """Return an engine that is not the app's, to change the tables."""
    engine = create_engine(uri)
    yield engine
    engine.dispose()


@pytest.fixture
def app(uri: str) -> Iterator[Flask]:
    """Return an app with all its tables."""
    app = Flask("shop")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        OTPAUTH_SUBJECT_KEY=SECRET_KEY,
        OTPAUTH_SENDERS={"email": MemorySender()},
        OTPAUTH_DATABASE_URI=uri,
    )
    own = OtpAuth(app)
    with app.app_context():
        own.create_all()
    yield app
    app.extensions["otpauth"].services.storage.database.engine.dispose()


def missing(app: Flask) -> list[str]:
    """Return the warnings about tables and columns."""
    result = app.test_cli_runner().invoke(otpauth, ["doctor", "--json"])
    warnings: list[str] = json.loads(result.stdout)["warnings"]
    return [each for each in warnings if "missing" in each]


def renamed(engine: Engine, table: str, old: str, new: str) -> None:
    quote = engine.dialect.identifier_preparer.quote
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {quote(table)} RENAME COLUMN {quote(old)} TO {quote(new)}")


def test_nothing_is_missing_after_the_tables_were_created(app: Flask) -> None:
    assert missing(app) == []


@pytest.mark.parametrize("table", [*(table.name for table in TABLES), "otpauth_users"])
@pytest.mark.parametrize("uri", ["sqlite"], indirect=True)
def test_a_missing_table_is_named_with_what_makes_it(table: str, app: Flask, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(DropTable(Table(table, MetaData())))

    result = app.test_cli_runner().invoke(otpauth, ["doctor", "--strict", "--json"])

    assert missing(app) == [f"a table is missing: {INIT_DB} ({table})."]
    assert result.exit_code == 1
    assert json.loads(result.stdout)["odds"]


def test_a_database_without_tables_is_told_in_one_sentence(app: Flask, engine: Engine) -> None:
    names = [*(table.name for table in TABLES), "otpauth_users"]
    with engine.begin() as connection:
        for name in names:
            connection.execute(DropTable(Table(name, MetaData())))

    assert missing(app) == [f"tables are missing: {INIT_DB} ({', '.join(names)})."]


def test_every_missing_column_is_named(app: Flask, engine: Engine) -> None:
    users = app.extensions["otpauth"].services.directory.model.__table__
    found, expected = [], []
    for table in (*TABLES, users):
        for column in table.c:
            renamed(engine, table.name, column.name, "gone")
            found += missing(app)
            expected.append(f"a column is missing: {UPGRADE} ({table.name}.{column.name}).")
            renamed(engine, table.name, "gone", column.name)

    assert found == expected
    assert missing(app) == []


@pytest.mark.parametrize("database", ["sqlite", "mariadb"])
def test_columns_of_a_users_table_of_the_host_are_named(database: str, tmp_path: Path) -> None:
    def examine(uri: str) -> None:
        db = SQLAlchemy()

        class Customer(UserMixin, db.Model):  # type: ignore[name-defined, misc]
            id = db.Column(db.Integer, primary_key=True)
            points = db.Column("Points", db.Integer, nullable=False, default=0)

        app = Flask("shop", instance_path=str(tmp_path))
        app.config.update(
            SECRET_KEY=SECRET_KEY,
            SQLALCHEMY_DATABASE_URI=uri,
            OTPAUTH_DATABASE_URI=f"sqlite:///{tmp_path / 'codes.db'}",
            OTPAUTH_SENDERS={"email": MemorySender()},
            OTPAUTH_USERS=Customer,
        )
        db.init_app(app)
        own = OtpAuth(app)
        with app.app_context():
            db.create_all()
            own.create_all()
            assert missing(app) == []

            renamed(db.engine, "customer", "Points", "scores")
            renamed(db.engine, "customer", "full_name", "name")

            assert missing(app) == [
                "columns are missing: run your migrations (customer.Points, customer.full_name)."
            ]
            db.engine.dispose()

    if database == "sqlite":
        examine(f"sqlite:///{tmp_path / 'shop.db'}")
    else:
        with mariadb_database() as url:
            examine(url)
