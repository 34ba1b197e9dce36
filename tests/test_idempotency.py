"""``Idempotency-Key``: a request that a client repeats is answered as before, and sends nothing more."""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from flask_otpauth import signals
from flask_otpauth.core.idempotency import LEASE_MS
from flask_otpauth.engine.idempotency import KeyedRequest
from flask_otpauth.errors import IdempotencyKeyInUse
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.adapters.databases import read
from tests.flows.every_flow import DOCUMENTED, Case, Participants
from tests.flows.racing import Arena, MakeArena, database, make_arena, racers
from tests.hosts import MakeApp

__all__ = ["database", "make_arena", "racers"]

DAY = timedelta(hours=24).total_seconds()
REUSED = {
    "email": "Idempotency-Key was used for another request",
    "sms": "Idempotency-Key đã được dùng cho một yêu cầu khác",
    "flashcall": "Idempotency-Key was used for another request",
    "voice": "Idempotency-Key was used for another request",
    "account": "Idempotency-Key was used for another request",
}


@contextmanager
def with_key(app: Flask, key: str) -> Iterator[None]:
    """All requests to the app have the key meanwhile."""

    usual = app.test_client_class
    client: Any = usual or FlaskClient

    class Keyed(client):  # type: ignore[misc]  # the class that a test has chosen
        def open(self, *arguments: Any, **options: Any) -> TestResponse:
            headers = Headers(options.pop("headers", None))
            headers["Idempotency-Key"] = key
            answer: TestResponse = super().open(*arguments, headers=headers, **options)
            return answer

    app.test_client_class = Keyed
    try:
        yield
    finally:
        app.test_client_class = usual


def ask(case: Case, key: str, person: int = 0, client: int = 0) -> TestResponse:
    """Ask for a code with a key."""
    with with_key(case.app, key):
        return case.driver.ask(person, client)


def wire(answer: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    """All of an answer that a client gets."""
    return answer.status_code, list(answer.headers), answer.data


@pytest.fixture(params=DOCUMENTED)
def case(request: pytest.FixtureRequest, make_app: MakeApp, outbox: Outbox) -> Case:
    """Each flow, without its cooldown and its quotas, so that nothing else keeps a retry from sending."""
    says = DOCUMENTED[request.param]
    return Case(says, make_app(**{**says.settings, **says.without_quotas}), outbox)


@pytest.fixture
def email(make_app: MakeApp, outbox: Outbox) -> Case:
    return Case(DOCUMENTED["email"], make_app(), outbox)


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


def drop_keys(app: Flask) -> None:
    """Break the store of the keys, and nothing else."""
    storage = app.extensions["otpauth"].services.storage
    with storage.database.engine.begin() as connection:
        storage.tables.idempotency.drop(connection)


# -- every flow -------------------------------------------------------------------------------


def test_a_retry_gets_the_same_answer_and_sends_nothing(case: Case, key: str, clock: MovableClock) -> None:
    first = ask(case, key)
    clock.tick(DAY - 1)
    retry = ask(case, key)

    assert case.driver.outcome(first) == case.says.sent
    assert wire(retry) == wire(first)
    assert len(case.outbox.messages) == 1


def test_without_a_key_or_with_another_one_each_request_sends(case: Case, key: str) -> None:
    asked = [case.ask(), case.ask(), *(case.driver.outcome(ask(case, f"{key}{n}")) for n in range(2))]

    assert asked == [case.says.sent] * 4
    assert len(case.outbox.messages) == 4


def test_the_same_key_for_another_body_is_a_conflict(case: Case, key: str) -> None:
    ask(case, key)

    other = ask(case, key, person=1)

    assert other.status_code == 409
    assert REUSED[case.says.prefix] in other.text
    assert len(case.outbox.messages) == 1


def test_the_key_of_one_client_is_not_that_of_another(case: Case, key: str) -> None:
    first, other = ask(case, key), ask(case, key, client=1)

    assert case.driver.outcome(first) == case.driver.outcome(other) == case.says.sent
    has_clients = case.says.prefix != "email"
    assert len(case.outbox.messages) == 1 + has_clients


def test_a_message_that_was_certainly_not_sent_frees_the_key(case: Case, key: str, outbox: Outbox) -> None:
    outbox.answer = lambda message: Receipt(Status.UNAVAILABLE)
    failed = ask(case, key)
    outbox.answer = None
    retries = [ask(case, key) for _ in range(2)]

    assert case.driver.outcome(failed) == case.says.not_sent
    assert [case.driver.outcome(retry) for retry in retries] == [case.says.sent] * 2
    assert len(outbox.messages) == 2


def test_a_message_that_may_have_been_sent_is_not_sent_again(case: Case, key: str, outbox: Outbox) -> None:
    outbox.answer = lambda message: Receipt(Status.TIMEOUT)

    answers = [ask(case, key) for _ in range(2)]

    assert wire(answers[0]) == wire(answers[1])
    assert len(outbox.messages) == 1


def test_a_retry_while_the_first_request_is_under_way_is_a_conflict_that_ends(
    case: Case, key: str, outbox: Outbox
) -> None:
    meanwhile = []

    def send(message: Message) -> Receipt:
        outbox.answer = None
        meanwhile.append(ask(case, key))
        return Receipt(Status.ACCEPTED)

    outbox.answer = send
    first = ask(case, key)

    assert case.driver.outcome(first) == case.says.sent
    assert [(each.status_code, each.headers["Retry-After"]) for each in meanwhile] == [(409, "1")]
    assert wire(ask(case, key)) == wire(first)
    assert len(outbox.messages) == 1


@pytest.mark.parametrize("key", ["", "k" * 256, "one\ttwo", "\x7f", "kl\xe9"])
def test_what_is_no_key_is_a_bad_request(case: Case, key: str) -> None:
    answer = ask(case, key)

    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.text
    assert case.outbox.messages == []


@pytest.mark.parametrize(
    "key", ["1", "k" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a key; with=all ~"]
)
def test_what_is_a_key(case: Case, key: str) -> None:
    assert wire(ask(case, key)) == wire(ask(case, f" {key} "))
    assert len(case.outbox.messages) == 1


def test_if_the_store_is_down_a_request_with_a_key_is_refused(case: Case, key: str) -> None:
    drop_keys(case.app)

    refused, without = ask(case, key), case.driver.ask()

    assert refused.status_code == 503
    assert case.driver.outcome(without) == case.says.sent
    assert len(case.outbox.messages) == 1


def test_neither_the_code_nor_the_address_is_kept_in_the_clear(case: Case, key: str) -> None:
    ask(case, key)

    storage = case.app.extensions["otpauth"].services.storage
    (row,) = read(storage, select(storage.tables.idempotency))
    kept = repr(row)
    assert case.outbox.last.code not in row["answer"]
    for secret in (case.driver.subject, case.outbox.last.recipient, key):
        assert secret not in kept


# -- what is the same in all flows ------------------------------------------------------------


def test_after_a_day_the_key_is_forgotten(email: Case, key: str, clock: MovableClock) -> None:
    ask(email, key)
    clock.tick(DAY)
    ask(email, key)

    assert len(email.outbox.messages) == 2


def test_a_limit_frees_the_key(make_app: MakeApp, outbox: Outbox, key: str, clock: MovableClock) -> None:
    case = Case(DOCUMENTED["sms"], make_app(), outbox)
    case.ask()

    limited = ask(case, key)
    clock.tick(90)
    sent = ask(case, key)

    assert limited.json["status_code"] == 422
    assert case.driver.outcome(sent) == case.says.sent


def test_the_query_is_a_part_of_the_request(make_app: MakeApp, outbox: Outbox, key: str) -> None:
    case = Case(DOCUMENTED["email"], make_app(), outbox)
    with with_key(case.app, key):
        answers = [
            case.app.test_client().post(f"/apis/auth/request-otp{rest}", json={"email": "ann@example.com"})
            for rest in ("", "/", "?fields=x")
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 409]


def test_a_body_that_is_not_valid_uses_no_key(email: Case, key: str) -> None:
    with with_key(email.app, key):
        invalid = email.app.test_client().post("/apis/auth/request-otp", json={"email": "nobody"})

    assert invalid.json["message"] == "Invalid email"
    assert email.driver.outcome(ask(email, key)) == email.says.sent


def test_the_key_means_nothing_to_a_path_that_does_not_send(email: Case, key: str) -> None:
    code = email.fresh_code()

    with with_key(email.app, key):
        told = [email.submit(code), email.submit(code)]

    assert told == [email.says.accepted, email.says.used]


def test_after_a_process_was_killed_the_key_is_free_when_its_lease_has_ended(
    email: Case, key: str, clock: MovableClock
) -> None:
    idempotency = email.app.extensions["otpauth"].services.idempotency
    request = KeyedRequest(key, "/path", "", b"", b"{}")

    def killed() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        idempotency.once(request, killed)
    clock.tick(LEASE_MS / 1000 - 1)
    with pytest.raises(IdempotencyKeyInUse):
        idempotency.once(request, lambda: "too early")
    clock.tick(1)

    assert idempotency.once(request, lambda: "the answer") == "the answer"
    assert idempotency.once(request, killed) == "the answer"


def test_an_answer_that_cannot_be_kept_is_given_and_reported(email: Case, key: str) -> None:
    reported = []

    def send(message: Message) -> Receipt:
        drop_keys(email.app)
        return Receipt(Status.ACCEPTED)

    def listen(sender: Flask, **facts: Any) -> None:
        reported.append(facts)

    email.outbox.answer = send
    with signals.answer_not_kept.connected_to(listen, sender=email.app):
        answer = ask(email, key)

    assert email.driver.outcome(answer) == email.says.sent
    assert reported == [{}]


def test_a_request_without_a_key_executes_no_statement_for_it(email: Case) -> None:
    executed: list[str] = []
    engine = email.app.extensions["otpauth"].services.storage.database.engine

    def note(connection: object, cursor: object, sql: str, *_: object) -> None:
        executed.append(sql)

    event.listen(engine, "before_cursor_execute", note)
    email.ask()

    assert executed
    assert [sql for sql in executed if "idempotency" in sql] == []


# -- races ------------------------------------------------------------------------------------


@pytest.fixture(params=DOCUMENTED)
def race(request: pytest.FixtureRequest, make_arena: MakeArena) -> tuple[Arena, Case]:
    """Where each flow races, without its cooldown and its quotas."""
    says = DOCUMENTED[request.param]
    arena = make_arena(**{**says.settings, **says.without_quotas})
    return arena, Case(says, arena.host.app, arena.host.outbox)


def test_of_8_requests_at_once_with_one_key_one_sends(race: tuple[Arena, Case], key: str) -> None:
    arena, case = race

    with_the_key = arena.at_once([lambda: ask(case, key)] * 8)
    retry = ask(case, key)

    answered = [answer for answer in with_the_key if answer.status_code != 409]
    assert len(arena.host.outbox.messages) == 1
    assert [answer.json for answer in answered] == [retry.json] * len(answered)
    assert answered


# -- answers that show a code -----------------------------------------------------------------

SHOWING = {
    "flashcall": ({"flashcall_region": "VN"}, "/v1/orders?fields=code.value", {"phone": "+84987654321"}),
    "PIN": ({}, "/api/pin/request-otp-for-reset", {"user": "user@example.com"}),
    "password": (
        {},
        "/api/auth/request-otp-for-password-reset",
        {"identifier": "user@example.com", "type": "email"},
    ),
}


def showing(flow: str, app: Flask, outbox: Outbox, key: str) -> TestResponse:
    """Ask for a code that the answer shows."""
    _, path, body = SHOWING[flow]
    if not app.config.get("CLIENT"):
        app.config["CLIENT"] = Participants.of(app, outbox).clients[0]
    secret = app.config["CLIENT"].secret
    headers = {"X-Application-Token": secret, "Authorization": f"Token {secret}"}
    with with_key(app, key):
        return app.test_client().post(path, json=body, headers=headers)


@pytest.mark.parametrize("flow", SHOWING)
def test_an_answer_that_shows_a_code_is_encrypted(
    make_app: MakeApp, outbox: Outbox, key: str, flow: str
) -> None:
    app = make_app(**SHOWING[flow][0])
    first = showing(flow, app, outbox, key)
    retry = showing(flow, app, outbox, key)

    storage = app.extensions["otpauth"].services.storage
    (row,) = read(storage, select(storage.tables.idempotency))
    code = re.findall(r'"(?:value|otp)":"(\d+)"', first.text)
    assert wire(retry) == wire(first)
    assert len(code) == 1
    assert code[0] not in row["answer"]
    assert "{" not in row["answer"]


@pytest.mark.parametrize("flow", SHOWING)
def test_without_the_extra_an_answer_that_shows_a_code_takes_no_key(
    make_app: MakeApp, outbox: Outbox, key: str, flow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.fernet", None)
    app = make_app(**SHOWING[flow][0])

    answer = showing(flow, app, outbox, key)

    assert answer.status_code == 400
    assert "Idempotency-Key is not accepted" in answer.text
    assert outbox.messages == []


def test_when_its_secret_was_removed_an_answer_that_shows_a_code_is_not_given_again(
    make_app: MakeApp, outbox: Outbox, key: str, database_file: str
) -> None:
    def app_with(*secrets: str) -> Flask:
        return make_app(
            database_uri=database_file,
            secret_keys=secrets,
            subject_key="a subject key of more than 32 bytes, kept",
            **SHOWING["flashcall"][0],
        )

    old, new = "an old secret of more than 32 bytes, really", "a new secret of more than 32 bytes, really"
    apps = [app_with(old), app_with(new, old), app_with(new)]
    answers = [showing("flashcall", apps[0], outbox, key)]
    for app in apps[1:]:
        app.config["CLIENT"] = apps[0].config["CLIENT"]
        answers.append(showing("flashcall", app, outbox, key))

    assert wire(answers[1]) == wire(answers[0])
    assert answers[2].status_code == 409
    assert len(outbox.messages) == 1
