"""Clients and campaigns: ``otpauth.clients``, ``otpauth.campaigns``, and their commands."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Engine, create_engine, event, text

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.cli import otpauth as commands
from flask_otpauth.core import errors
from flask_otpauth.engine.campaigns import Campaigns
from flask_otpauth.engine.clients import Clients
from flask_otpauth.testing import MovableClock
from tests.adapters.databases import database_of
from tests.hosts import MakeApp

#: ``run("clients", "list")``: what a command printed; it succeeded.
Run = Callable[..., str]


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """The app, inside its context, as a host's script is."""
    with app.app_context():
        yield app


@pytest.fixture
def clients(context: Flask) -> Clients:
    made: Clients = context.extensions["test_otpauth"].clients
    return made


@pytest.fixture
def campaigns(context: Flask) -> Campaigns:
    made: Campaigns = context.extensions["test_otpauth"].campaigns
    return made


def invoke(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(commands, list(words))


@pytest.fixture
def run(app: Flask) -> Run:
    def succeed(*words: str) -> str:
        result = invoke(app, *words)
        assert result.exit_code == 0, result.output
        return result.stdout

    return succeed


def rows(printed: str) -> list[dict[str, Any]]:
    """What a command printed with ``--json``."""
    found: list[dict[str, Any]] = json.loads(printed)
    return found


# -- creating -------------------------------------------------------------------------------


def test_a_client_gets_an_id_and_a_secret_that_is_a_uuid(clients: Clients) -> None:
    created = clients.create("Shop", flows=("voice", "sms"), scope="admin")

    assert str(uuid.UUID(created.secret)) == created.secret
    (listed,) = clients.list()
    assert (listed.id, listed.name, listed.flows, listed.scope) == (
        created.id,
        "Shop",
        ("voice", "sms"),
        "admin",
    )
    assert listed.blocked_at is None


def test_ids_and_secrets_never_repeat(clients: Clients) -> None:
    created = [clients.create("Shop") for _ in range(50)]

    assert len({each.id for each in created}) == len({each.secret for each in created}) == 50
    assert {uuid.UUID(each.secret).version for each in created} == {4}


def test_a_client_speaks_voice_as_a_member_unless_it_is_said(clients: Clients) -> None:
    clients.create("Shop")

    assert (clients.list()[0].flows, clients.list()[0].scope) == (("voice",), "member")


def test_one_flow_may_be_named_without_a_tuple_and_a_flow_named_twice_is_one(
    clients: Clients, clock: MovableClock
) -> None:
    clients.create("Shop", flows="sms")
    clock.tick(1)
    clients.create("Shop", flows=["voice", "sms", "voice"])

    assert [client.flows for client in clients.list()] == [("sms",), ("voice", "sms")]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"flows": ("telegram",)}, "not telegram"),
        ({"flows": ("sms", "x", "y")}, "not x, y"),
        ({"flows": ()}, "not none"),
        ({"flows": ""}, "expected one or more of email, sms"),
        ({"scope": "root"}, "unknown scope 'root': expected one of member, admin"),
    ],
)
def test_what_does_not_exist_creates_no_client(clients: Clients, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        clients.create("Shop", **options)

    assert not clients.list()


def test_clients_are_listed_oldest_first(clients: Clients, clock: MovableClock) -> None:
    for name in ("B", "A", "C"):
        clients.create(name)
        clock.tick(1)

    assert [client.name for client in clients.list()] == ["B", "A", "C"]


# -- secrets --------------------------------------------------------------------------------


def test_no_value_shows_a_secret_or_its_digest(clients: Clients) -> None:
    created = clients.create("Shop")
    rotated = clients.rotate(created.id, overlap=60)

    (listed,) = clients.list()
    shown = repr((created, rotated, listed))
    hidden = [created.secret, rotated.secret, repr(listed.secret_digest), repr(listed.previous_digest)]
    assert created.id in shown
    assert not [secret for secret in hidden if secret in shown]
    assert created.secret not in str(asdict(listed))


def test_secrets_and_tokens_are_stored_as_keyed_digests_alone(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(database_uri=f"sqlite:///{tmp_path / 'stored.sqlite'}")
    with app.app_context():
        otpauth = app.extensions["test_otpauth"]
        created = otpauth.clients.create("a shop of that name")
        rotated = otpauth.clients.rotate(created.id, overlap=60)
    bought = app.test_client().post(
        "/api/v1/users/generate_access_token", json={"secret_key": rotated.secret}
    )

    stored = (tmp_path / "stored.sqlite").read_bytes()
    assert b"a shop of that name" in stored
    for secret in (created.secret, rotated.secret, bought.json["data"]["access_token"]):
        spellings = [secret.encode(), hashlib.sha256(secret.encode()).digest()]
        spellings += [uuid.UUID(secret).bytes] if secret.count("-") == 4 and len(secret) == 36 else []
        assert not [spelling for spelling in spellings if spelling in stored]


def test_digests_are_of_this_app_and_survive_a_rotation_of_its_keys(
    make_app: MakeApp, database_file: str
) -> None:
    old, new = "an old key of this app, of more than 32 bytes", "a new key of this app, of more than 32 bytes"

    def knows(secret: str, *keys: str) -> bool:
        app = make_app(secret_keys=keys, database_uri=database_file)
        with app.app_context():
            try:
                app.extensions["test_otpauth"].clients.by_secret(secret, "voice")
            except errors.CredentialsInvalid:
                return False
        return True

    with make_app(secret_keys=(old,), database_uri=database_file).app_context() as context:
        secret = context.app.extensions["test_otpauth"].clients.create("Shop").secret

    assert [knows(secret, old), knows(secret, new, old), knows(secret, new)] == [True, True, False]


# -- blocking and rotating ------------------------------------------------------------------


def test_a_blocked_client_is_refused_until_it_is_unblocked(clients: Clients) -> None:
    created = clients.create("Shop")

    assert clients.block(created.id)
    with pytest.raises(errors.ClientBlocked):
        clients.by_secret(created.secret, "voice")
    assert clients.unblock(created.id)
    assert clients.by_secret(created.secret, "voice")[0].id == created.id


def test_a_client_is_limited_to_its_flows(clients: Clients) -> None:
    created = clients.create("Shop", flows=("sms", "account"))

    assert [clients.by_secret(created.secret, flow)[0].id for flow in ("sms", "account")] == [created.id] * 2
    for flow in ("voice", "flashcall", "email"):
        with pytest.raises(errors.ClientNotAllowed):
            clients.by_secret(created.secret, flow)


def test_a_second_rotation_within_the_overlap_leaves_the_secret_in_production_alone(
    clients: Clients, clock: MovableClock
) -> None:
    created = clients.create("Shop")
    clients.rotate(created.id, overlap=3600)
    clock.tick(60)

    with pytest.raises(ValueError, match="works until 2024-12-29 11:00:00 UTC"):
        clients.rotate(created.id, overlap=3600)

    assert clients.by_secret(created.secret, "voice")[0].id == created.id
    clock.tick(3540)
    assert clients.rotate(created.id, overlap=3600).id == created.id


def test_a_rotation_without_an_overlap_ends_both_secrets_of_an_earlier_one(clients: Clients) -> None:
    created = clients.create("Shop")
    second = clients.rotate(created.id, overlap=3600)

    third = clients.rotate(created.id)

    for dead in (created, second):
        with pytest.raises(errors.CredentialsInvalid):
            clients.by_secret(dead.secret, "voice")
    assert clients.by_secret(third.secret, "voice")[0].id == created.id


def test_a_rotated_secret_is_dead_at_once(clients: Clients) -> None:
    created = clients.create("Shop")

    rotated = clients.rotate(created.id)

    assert clients.by_secret(rotated.secret, "voice")[0].id == created.id
    with pytest.raises(errors.CredentialsInvalid):
        clients.by_secret(created.secret, "voice")


@pytest.mark.parametrize("overlap", [60, timedelta(minutes=1)], ids=str)
def test_an_overlap_ends_at_its_instant(
    clients: Clients, clock: MovableClock, overlap: int | timedelta
) -> None:
    created = clients.create("Shop")
    rotated = clients.rotate(created.id, overlap)
    clock.tick_ms(59_999)
    both = [clients.by_secret(each.secret, "voice")[0].id for each in (created, rotated)]
    clock.tick_ms(1)

    assert both == [created.id] * 2
    assert clients.by_secret(rotated.secret, "voice")[0].id == created.id
    with pytest.raises(errors.CredentialsInvalid):
        clients.by_secret(created.secret, "voice")


def test_an_overlap_is_not_negative(clients: Clients) -> None:
    created = clients.create("Shop")

    with pytest.raises(ValueError, match="overlap"):
        clients.rotate(created.id, overlap=-1)

    assert clients.by_secret(created.secret, "voice")[0].id == created.id


def test_blocking_and_rotating_nobody_is_told(clients: Clients) -> None:
    assert not clients.block("nobody")
    assert not clients.unblock("nobody")
    with pytest.raises(ValueError, match="no such client: 'nobody'"):
        clients.rotate("nobody")


@pytest.mark.parametrize("secret", ["", "x", "é\0", "00000000-0000-0000-0000-000000000000"])
def test_a_secret_of_nobody_is_invalid_whatever_it_is_made_of(clients: Clients, secret: str) -> None:
    clients.create("Shop")

    with pytest.raises(errors.CredentialsInvalid):
        clients.by_secret(secret, "voice")


# -- campaigns ------------------------------------------------------------------------------


def test_a_campaign_carries_what_its_calls_need(clients: Clients, campaigns: Campaigns) -> None:
    owner = clients.create("Shop")

    campaign = campaigns.create(owner.id, "Login", "+842471000000", "ru", repeats=3, daily_cap=500)

    assert isinstance(campaign.id, str)
    assert list(campaigns.list(owner.id)) == [campaign]
    assert (campaign.name, campaign.caller_id, campaign.language) == ("Login", "+842471000000", "ru")
    assert (campaign.repeats, campaign.daily_cap, campaign.paused_at) == (3, 500, None)


def test_a_campaign_has_defaults(clients: Clients, campaigns: Campaigns) -> None:
    campaign = campaigns.create(clients.create("Shop").id)

    assert (campaign.name, campaign.caller_id, campaign.language) == ("", "", "vi")
    assert (campaign.repeats, campaign.daily_cap, campaign.paused_at) == (2, None, None)


@pytest.mark.parametrize("language", ["vi", "en", "lo", "ru", "id"])
def test_a_campaign_speaks_one_of_five_languages(
    clients: Clients, campaigns: Campaigns, language: str
) -> None:
    assert campaigns.create(clients.create("Shop").id, language=language).language == language


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"client_id": "nobody"}, "no such client: 'nobody'"),
        ({"language": "fr"}, "no template for this language: otpauth/voice/code.fr.txt"),
        ({"repeats": 0}, "at least 1"),
        ({"daily_cap": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_creates_no_campaign(
    clients: Clients, campaigns: Campaigns, options: dict[str, Any], told: str
) -> None:
    owner = clients.create("Shop")

    with pytest.raises(ValueError, match=told):
        campaigns.create(**{"client_id": owner.id, **options})

    assert not campaigns.list()


def test_campaigns_are_listed_by_client(clients: Clients, campaigns: Campaigns, clock: MovableClock) -> None:
    owners = [clients.create(name).id for name in ("A", "B", "A")]
    made = []
    for owner in owners:
        clock.tick(1)
        made.append(campaigns.create(owner))

    assert list(campaigns.list()) == made
    assert list(campaigns.list(owners[1])) == [made[1]]
    assert not campaigns.list("nobody")


def test_a_campaign_is_paused_and_resumed(
    clients: Clients, campaigns: Campaigns, clock: MovableClock
) -> None:
    campaign = campaigns.create(clients.create("Shop").id)

    assert campaigns.pause(campaign.id)
    assert campaigns.list()[0].paused_at is not None
    assert campaigns.resume(campaign.id)
    assert campaigns.list()[0].paused_at is None
    assert not campaigns.pause("nowhere")
    assert not campaigns.resume("nowhere")


# -- the commands ---------------------------------------------------------------------------


def test_a_command_creates_a_client_and_shows_its_secret_this_once(app: Flask, run: Run) -> None:
    (created,) = rows(
        run("clients", "create", "Shop", "--flow", "voice", "--flow", "sms", "--scope", "admin", "--json")
    )

    listed = run("clients", "list", "--json")

    assert created.keys() == {"id", "secret"}
    assert rows(listed) == [
        {"id": created["id"], "name": "Shop", "flows": ["voice", "sms"], "scope": "admin", "blocked": False}
    ]
    assert created["secret"] not in listed + run("clients", "list")
    bought = app.test_client().post(
        "/api/v1/users/generate_access_token", json={"secret_key": created["secret"]}
    )
    assert (bought.status_code, bought.json["data"]["scope"]) == (200, "admin")


def test_people_read_a_client_on_one_line(run: Run) -> None:
    created = run("clients", "create", "Shop", "--flow", "voice")
    listed = run("clients", "list")

    client_id = created.split()[0].removeprefix("id=")
    assert created.split()[1].startswith("secret=")
    assert listed == f"id={client_id}  name=Shop  flows=voice  scope=member  blocked=False\n"


def test_a_command_blocks_and_unblocks_a_client(run: Run) -> None:
    (created,) = rows(run("clients", "create", "Shop", "--flow", "voice", "--json"))

    blocked = run("clients", "block", created["id"])
    while_blocked = rows(run("clients", "list", "--json"))[0]["blocked"]
    unblocked = run("clients", "unblock", created["id"])

    assert (blocked, while_blocked) == (f"Client {created['id']} is blocked.\n", True)
    assert unblocked == f"Client {created['id']} is unblocked.\n"
    assert rows(run("clients", "list", "--json"))[0]["blocked"] is False


def test_a_command_rotates_a_secret_with_an_overlap(app: Flask, run: Run, clock: MovableClock) -> None:
    (created,) = rows(run("clients", "create", "Shop", "--flow", "voice", "--json"))

    (rotated,) = rows(run("clients", "rotate", created["id"], "--overlap", "60", "--json"))
    (at_once,) = rows(run("clients", "rotate", created["id"], "--json"))

    def opens(secret: str) -> bool:
        body = {"secret_key": secret}
        return app.test_client().post("/api/v1/users/generate_access_token", json=body).status_code == 200

    assert created["id"] == rotated["id"] == at_once["id"]
    assert [opens(each["secret"]) for each in (created, rotated, at_once)] == [False, False, True]


def test_a_command_creates_lists_pauses_and_resumes_campaigns(run: Run) -> None:
    (client,) = rows(run("clients", "create", "Shop", "--flow", "voice", "--json"))
    options = (
        "--name",
        "Login",
        "--caller-id",
        "+842471000000",
        "--language",
        "en",
        "--repeats",
        "3",
        "--daily-cap",
        "9",
    )

    (created,) = rows(run("campaigns", "create", client["id"], *options, "--json"))
    paused = run("campaigns", "pause", created["id"])
    listed = rows(run("campaigns", "list", "--client", client["id"], "--json"))
    resumed = run("campaigns", "resume", created["id"])

    assert created == {
        "id": created["id"],
        "client_id": client["id"],
        "name": "Login",
        "caller_id": "+842471000000",
        "language": "en",
        "repeats": 3,
        "daily_cap": 9,
        "paused": False,
    }
    assert listed == [{**created, "paused": True}]
    assert paused == f"Campaign {created['id']} is paused.\n"
    assert resumed == f"Campaign {created['id']} is running.\n"
    assert rows(run("campaigns", "list", "--json")) == [created]
    assert rows(run("campaigns", "list", "--client", "nobody", "--json")) == []


@pytest.mark.parametrize(
    "words",
    [
        ("clients", "create", "Shop", "--flow", "telegram"),
        ("clients", "create", "Shop", "--flow", "sms", "--scope", "root"),
        ("clients", "block", "nobody"),
        ("clients", "unblock", "nobody"),
        ("clients", "rotate", "nobody"),
        ("campaigns", "create", "nobody"),
        ("campaigns", "pause", "nowhere"),
        ("campaigns", "resume", "nowhere"),
    ],
    ids=" ".join,
)
def test_what_is_wrong_is_told_without_a_traceback(app: Flask, words: Sequence[str]) -> None:
    result = invoke(app, *words)

    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "Traceback" not in result.output


def test_a_client_must_be_made_for_some_flow(app: Flask) -> None:
    assert invoke(app, "clients", "create", "Shop").exit_code == 2


# -- look-ups -------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with database_of(request.param, tmp_path) as uri:
        engine = create_engine(uri)
        yield engine
        engine.dispose()


LOOK_UPS: dict[str, Callable[[Any], Any]] = {
    "a client by its id": lambda store: store.get("x"),
    "a client by its secret": lambda store: store.by_secret([b"1" * 32, b"2" * 32], 0),
    "a token": lambda store: store.find_token([b"1" * 32, b"2" * 32]),
    "a campaign": lambda store: store.get_campaign("x"),
    "a client's campaigns": lambda store: store.list_campaigns("x"),
}


@pytest.mark.parametrize("look_up", LOOK_UPS)
def test_a_look_up_takes_an_index_and_scans_nothing(engine: Engine, look_up: str) -> None:
    storage = SqlAlchemyStorage(engine)
    storage.create_all()
    asked: list[tuple[str, Any]] = []

    def note(conn: object, cursor: object, statement: str, parameters: object, *others: object) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    LOOK_UPS[look_up](storage.clients)
    event.remove(engine, "before_cursor_execute", note)

    (question,) = asked
    plan = _plan(engine, *question)
    # SQLite has the rows in the index of their primary key.
    assert "INDEX" in plan.upper() or "USING PRIMARY KEY" in plan
    assert "SCAN" not in plan.upper().replace("INDEX SCAN", "").replace("INDEX ONLY SCAN", "").replace(
        "HEAP SCAN", ""
    )


def _plan(engine: Engine, statement: str, parameters: Any) -> str:
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # A table of no rows is read in one go, whatever its indexes, unless that is forbidden.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
        return "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement, parameters))
