"""``OTPAUTH_DATABASE_URI``: which database it names, and how a person is told that it names none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import Pool, SingletonThreadPool, StaticPool

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.testing import Outbox
from tests.hosts import SECRET_KEY


def host(folder: Path, uri: str | None, **config: Any) -> Flask:
    app = Flask("host", instance_path=str(folder))
    app.config.update(SECRET_KEY=SECRET_KEY, OTPAUTH_SENDERS=Outbox().senders, OTPAUTH_DATABASE_URI=uri)
    app.config.update(config)
    return app


def started(app: Flask) -> OtpAuth:
    otpauth = OtpAuth(app)
    with app.app_context():
        otpauth.create_all()
    return otpauth


def problems(uri: str, folder: Path, **config: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(host(folder, uri, **config))
    return caught.value.problems


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


# -- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:///shop.db",
        "sqlite+pysqlite:///shop.db",
        "sqlite:///file:shop.db?uri=true",
        "sqlite:///file:shop.db?mode=rwc&uri=true",
    ],
)
@pytest.mark.parametrize("name", ["instance", "a folder ? of 100% #"])
def test_a_relative_sqlite_path_begins_in_the_instance_folder_wherever_the_app_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, name: str
) -> None:
    instance, here, there = tmp_path / name, tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    monkeypatch.chdir(here)
    app = host(instance, uri)
    otpauth = started(app)
    with app.app_context():
        created = otpauth.users.create(email="anna@example.com").id

    monkeypatch.chdir(there)
    app = host(instance, uri)
    otpauth = started(app)
    with app.app_context():
        found = otpauth.users.find("anna@example.com")

    assert found is not None
    assert found.id == created
    assert [names(folder) for folder in (instance, here, there)] == [["shop.db"], [], []]


def test_it_is_the_file_that_flask_sqlalchemy_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = host(tmp_path / "instance", "sqlite:///shop.db", SQLALCHEMY_DATABASE_URI="sqlite:///shop.db")
    db = SQLAlchemy(app)
    otpauth = started(app)

    with app.app_context():
        otpauth.users.create(email="anna@example.com")
        names = db.session.execute(db.text("SELECT email FROM otpauth_users")).scalars().all()

    assert names == ["anna@example.com"]


@pytest.mark.parametrize("form", ["sqlite:///{}", "sqlite:///file:{}?uri=true"])
def test_an_absolute_path_stays_as_it_is(tmp_path: Path, form: str) -> None:
    file = tmp_path / "elsewhere.db"

    started(host(tmp_path / "instance", form.format(file)))

    assert file.exists()
    assert not (tmp_path / "instance").exists()


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file:shop?mode=memory&uri=true",
    ],
)
def test_a_database_in_memory_makes_no_file_and_has_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.chdir(tmp_path)
    app = host(tmp_path / "instance", uri)
    OtpAuth(app)

    answer = app.test_client().post("/apis/auth/request-otp", json={"email": "anna@example.com"})

    assert answer.json is not None
    assert answer.json["code"] == 0
    assert names(tmp_path) == []


def test_an_empty_uri_is_none(tmp_path: Path) -> None:
    app = host(tmp_path / "instance", "", SQLALCHEMY_DATABASE_URI="sqlite:///host.db")
    db = SQLAlchemy(app)
    OtpAuth(app)

    with app.app_context():
        db.create_all()

    assert names(tmp_path / "instance") == ["host.db"]


# -- what is no database ----------------------------------------------------------------------

FORM = (
    "OTPAUTH_DATABASE_URI: expected a URL such as postgresql+psycopg://user:password@host/database "
    "or sqlite:///file.db"
)
USE = "use postgresql, mysql, mariadb or sqlite"


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        (
            "postgres://user:swordfish@db/shop",
            "OTPAUTH_DATABASE_URI: use postgresql+psycopg:// instead of postgres://",
        ),
        (
            "oracle+oracledb://user:swordfish@127.0.0.1/shop",
            f"OTPAUTH_DATABASE_URI: oracle is not supported for codes: {USE}",
        ),
        (
            "https://swordfish.example.com",
            f"OTPAUTH_DATABASE_URI: https is not supported for codes: {USE}",
        ),
        ("swordfish", FORM),
        ("://swordfish", FORM),
        ("sqlite:/swordfish.db", FORM),
        ("sqlite://swordfish/x", FORM),
        ("postgresql+psycopg://user:swordfish@db:port/shop", FORM),
        ("postgresql+swordfish://db/shop", FORM),
    ],
)
def test_what_names_no_database_is_told_by_its_key_and_not_shown(tmp_path: Path, uri: str, told: str) -> None:
    found = problems(uri, tmp_path)

    assert found == (told,)
    assert "swordfish" not in str(found)


def test_a_driver_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with patch.dict(sys.modules, {"psycopg": None}):
        found = problems("postgresql+psycopg://127.0.0.1/test", tmp_path)

    assert found == ("OTPAUTH_DATABASE_URI: its driver is not installed (psycopg)",)


@pytest.mark.parametrize(
    ("driver", "instead"),
    [
        ("postgresql+asyncpg", "postgresql+psycopg"),
        ("postgresql+psycopg_async", "postgresql+psycopg"),
        ("mysql+asyncmy", "mysql+pymysql"),
        ("mariadb+aiomysql", "mariadb+pymysql"),
        ("sqlite+aiosqlite", "sqlite"),
    ],
)
def test_a_driver_that_waits_for_no_answer_is_refused_installed_or_not(
    tmp_path: Path, driver: str, instead: str
) -> None:
    found = problems(f"{driver}:///test", tmp_path)

    assert found == (f"OTPAUTH_DATABASE_URI: its driver is asynchronous: use {instead}://",)


def with_flask_sqlalchemy(folder: Path, uri: str) -> None:
    app = host(folder, None, SQLALCHEMY_DATABASE_URI=uri)
    SQLAlchemy(app)
    OtpAuth(app)


@pytest.mark.parametrize(
    "start",
    [
        with_flask_sqlalchemy,
        lambda folder, uri: OtpAuth(host(folder, None), db=create_async_engine(uri)),  # type: ignore[arg-type]
        lambda folder, uri: OtpAuth(host(folder, None), db=create_async_engine(uri).sync_engine),
    ],
    ids=["Flask-SQLAlchemy", "AsyncEngine", "its Engine"],
)
def test_an_app_that_has_only_an_asynchronous_driver_is_told_what_to_set(
    tmp_path: Path, start: Callable[[Path, str], object]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        start(tmp_path, "postgresql+psycopg_async://user:swordfish@127.0.0.1/test")

    (told,) = caught.value.problems
    remedy = "set this to the same database with postgresql+psycopg://"
    assert told == f"OTPAUTH_DATABASE_URI: the driver of the app's engine is asynchronous: {remedy}"


@pytest.mark.parametrize("pool", [StaticPool, SingletonThreadPool])
def test_an_app_whose_transactions_the_extension_would_commit_is_told_what_to_set(
    tmp_path: Path, pool: type[Pool]
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}", poolclass=pool)

    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(host(tmp_path, None), db=engine)

    (told,) = caught.value.problems
    assert told.startswith(f"OTPAUTH_DATABASE_URI: the app's engine shares one connection ({pool.__name__})")


class Unknown(SQLiteDialect_pysqlite):
    """A database of another maker."""

    name = "unknown"
    supports_statement_cache = True


def test_a_hosts_database_that_cannot_keep_codes_is_told(tmp_path: Path) -> None:
    registry.register("unknown", __name__, "Unknown")
    app = host(tmp_path, None, SQLALCHEMY_DATABASE_URI=f"unknown:///{tmp_path / 'shop.db'}")
    SQLAlchemy(app)

    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(app)

    assert caught.value.problems == (f"OTPAUTH_DATABASE_URI: unknown is not supported for codes: {USE}",)


def test_a_database_of_its_own_needs_nothing_of_the_hosts_flask_sqlalchemy(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'codes.db'}"
    app = host(tmp_path, uri, SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path / 'shop.db'}")

    started(app)
    SQLAlchemy(app)  # as late as the host likes

    assert names(tmp_path) == ["codes.db"]
