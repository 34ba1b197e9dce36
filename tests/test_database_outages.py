"""A database that cannot do it now: 503 with Retry-After in the wire format, on the host's routes as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from werkzeug.test import TestResponse

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.testing import Outbox
from tests.adapters.databases import postgresql_schema
from tests.flows.email_caller import EmailCaller, bearer, outcome
from tests.hosts import MakeApp

OUTAGE = (503, "application/json", (-6, "System error"), "5")


@pytest.fixture
def database_uri(database_file: str) -> str:
    return database_file


def seen(answer: TestResponse) -> tuple[int, str, tuple[int, str], str | None]:
    return answer.status_code, answer.mimetype, outcome(answer), answer.headers.get("Retry-After")


def engine_of(app: Flask) -> Engine:
    engine: Engine = app.extensions["otpauth"].services.storage.database.engine
    return engine


def with_routes(app: Flask) -> Flask:
    """``app`` with protected routes, one of which asks something of us."""
    otpauth = app.extensions["test_otpauth"]
    app.add_url_rule("/me", "me", otpauth.token_required(lambda: str(otpauth.current_user.email)))

    @app.get("/friend")
    @otpauth.token_required
    def friend() -> str:
        engine_of(app).dispose()
        damage_whole(Path(str(engine_of(app).url.database)))
        return str(otpauth.users.find("friend@example.com"))

    return app


def damage_whole(file: Path) -> None:
    file.write_bytes(b"x" * 8192)


def damage_a_page(file: Path) -> None:
    """The header stays, and says that there is a database."""
    content = file.read_bytes()
    file.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


def replace_by_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("damage", [damage_whole, damage_a_page, replace_by_a_folder])
@pytest.mark.parametrize("pre_ping", [True, False])
def test_a_damaged_file_is_an_outage_of_the_flows_and_of_protected_routes(
    damage: Callable[[Path], None], pre_ping: bool, make_app: MakeApp, outbox: Outbox
) -> None:
    app = with_routes(make_app(engine_options={"pool_pre_ping": pre_ping}))
    caller = EmailCaller(app, outbox)
    headers = bearer(caller.login()["accessToken"])
    engine_of(app).dispose()

    damage(Path(str(engine_of(app).url.database)))

    answers = [caller.ask(), caller.verify("123456"), app.test_client().get("/me", headers=headers)]
    assert [seen(answer) for answer in answers] == [OUTAGE] * 3


@pytest.mark.parametrize("flows", [("email",), ("sms",)])
def test_what_a_protected_view_asks_of_us_during_an_outage_is_told_as_one(
    flows: tuple[str, ...], make_app: MakeApp, outbox: Outbox, database_uri: str
) -> None:
    token = EmailCaller(make_app(), outbox).login()["accessToken"]
    app = with_routes(make_app(flows=flows))

    answer = app.test_client().get("/friend", headers=bearer(token))

    assert seen(answer) == OUTAGE


def test_a_bug_on_the_way_into_a_protected_view_is_told_in_the_envelope(
    make_app: MakeApp, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = with_routes(make_app())
    headers = bearer(EmailCaller(app, outbox).login()["accessToken"])
    sessions = type(app.extensions["otpauth"].services.sessions)
    monkeypatch.setattr(sessions, "check", lambda *_: 1 / 0)

    answer = app.test_client().get("/me", headers=headers)

    assert (answer.status_code, outcome(answer)) == (500, (-6, "System error"))


# -- what a server says -------------------------------------------------------------------------


@pytest.fixture
def storage() -> Iterator[SqlAlchemyStorage]:
    with postgresql_schema() as url:
        engine = create_engine(url)
        yield SqlAlchemyStorage(engine)
        engine.dispose()


def raising(storage: SqlAlchemyStorage, sqlstate: str) -> None:
    """Have the server raise an error of that class."""
    details = f"ERRCODE = '{sqlstate}', DETAIL = 'swordfish'"
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'hunter2' USING {details}; END $$"
    with storage.database.transaction():
        storage.database.prepare(text(raised)).count()


@pytest.mark.parametrize(
    "sqlstate",
    [
        *("08000", "08006"),  # the connection
        *("25006", "25P02"),  # a standby that only reads; a transaction that has failed
        *("40001", "40P01", "55P03"),  # serialization, deadlock, a lock that was not free in time
        *("53000", "53100", "53200", "53300"),  # resources: disk, memory, connections
        *("57000", "57014", "57P01", "57P02", "57P03"),  # an operator: timeout, shutdown, starting up
        *("58000", "58030"),  # the system
        *("XX000", "XX001", "XX002"),  # damaged
    ],
)
def test_an_error_of_the_server_is_an_outage(storage: SqlAlchemyStorage, sqlstate: str) -> None:
    with pytest.raises(StorageUnavailable, match="hunter2") as outage:
        raising(storage, sqlstate)

    # The first line of what the server says is told. Its details may contain values.
    assert "swordfish" not in str(outage.value)


@pytest.mark.parametrize("sqlstate", ["22003", "23505", "42601", "0A000"])
def test_a_mistake_of_the_caller_is_none(storage: SqlAlchemyStorage, sqlstate: str) -> None:
    with pytest.raises(DBAPIError):
        raising(storage, sqlstate)


def test_a_server_that_only_reads_is_an_outage_for_what_writes(make_app: MakeApp, outbox: Outbox) -> None:
    with postgresql_schema() as url:
        writing = make_app(database_uri=url)
        headers = bearer(EmailCaller(writing, outbox).login()["accessToken"])
        standby = with_routes(make_app(database_uri=f"{url}%20-cdefault_transaction_read_only%3Don"))

        asked = EmailCaller(standby, outbox).ask()
        looked = standby.test_client().get("/me", headers=headers)
        for app in (writing, standby):
            engine_of(app).dispose()

    assert seen(asked) == OUTAGE
    assert looked.status_code == 200
