"""Who has an account is told by no answer and no counter, whatever the sender and the queue do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import permutations
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import signals
from flask_otpauth.adapters.delivery import ThreadDelivery
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.email_caller import EmailCaller, outcome
from tests.flows.sms_caller import SmsCaller, new_user
from tests.hosts import MakeApp, otpauth_of

KINDS = ("known", "unknown", "disabled")
NOT_SENT, SENT = (-205, "Failed to send OTP"), (0, "OTP sent successfully")
ORDERS = list(permutations(KINDS))
FAILURES = [status for status in Status if status.is_definite_failure]
PHONES = {"known": "0987654321", "unknown": "0987654322", "disabled": "0987654323"}


@pytest.fixture(autouse=True)
def _code_that_nobody_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda limit: 123456)


def failing(status: Status) -> Callable[[Message], Receipt]:
    """A sender that always ends so."""
    return lambda message: Receipt(status)


def populated(app: Flask) -> Flask:
    """With a known address and phone, and disabled ones."""
    for kind in ("known", "disabled"):
        user_id = new_user(app, email=f"{kind}@example.com", phone=f"+84{PHONES[kind][1:]}")
        if kind == "disabled":
            with app.app_context():
                otpauth_of(app).users.disable(user_id)
    return app


def closed_app(make_app: MakeApp, **settings: Any) -> Flask:
    """A host where nobody gets an account by asking, which sends behind the answer."""
    return populated(make_app(**{"email_create_user": False, "delivery": "thread", **settings}))


def drain(app: Flask) -> None:
    """Wait until everything is sent."""
    assert app.extensions["otpauth"].services.codes.messenger.delivery.drain(10)


def mail_history(app: Flask, outbox: Outbox, clock: MovableClock, kind: str) -> list[Any]:
    """All that somebody learns who asks for codes and guesses, until quota and budget are used up."""
    caller, address, seen = EmailCaller(app, outbox), f"{kind}@example.com", []
    for _ in range(4):
        for _ in range(2):
            seen.append(caller.ask(address))
            drain(app)
        seen += [caller.verify("000000", address) for _ in range(6)]
        clock.tick(450)
    return [
        (
            answer.status_code,
            answer.json["code"],
            answer.json["message"],
            answer.headers.get("Retry-After"),
        )
        for answer in seen
    ]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("kind", KINDS[1:])
def test_behind_the_answer_no_end_of_a_sending_tells_who_has_an_account(
    kind: str, status: Status, make_app: MakeApp, outbox: Outbox, tmp_path: Any
) -> None:
    outbox.answer, histories = failing(status), {}
    for each in ("known", kind):
        clock = MovableClock()
        app = closed_app(make_app, clock=clock, database_uri=f"sqlite:///{tmp_path / each}.sqlite")
        histories[each] = mail_history(app, outbox, clock, each)

    assert histories[kind] == histories["known"]
    assert any(told[1] == -206 for told in histories["known"])
    assert any(told[1] == -204 for told in histories["known"])


@pytest.mark.parametrize("order", ORDERS)
def test_with_a_failing_sender_all_run_out_of_codes_at_the_same_time(
    order: tuple[str, ...], make_app: MakeApp, outbox: Outbox
) -> None:
    app, outbox.answer = closed_app(make_app), failing(Status.UNAVAILABLE)
    caller, answers = EmailCaller(app, outbox), {}

    for kind in order:
        answers[kind] = []
        for _ in range(7):
            answers[kind].append(outcome(caller.ask(f"{kind}@example.com"))[0])
            drain(app)

    assert answers["known"] == answers["unknown"] == answers["disabled"] == [0] * 5 + [-206] * 2


@pytest.fixture
def stuck(outbox: Outbox) -> Iterator[threading.Event]:
    """A mail server that takes nothing until the event is set."""
    free = threading.Event()

    def answer(message: Message) -> Receipt:
        assert free.wait(30)
        return Receipt(Status.ACCEPTED)

    outbox.answer = answer
    yield free
    free.set()


@pytest.mark.parametrize("order", ORDERS)
def test_a_full_queue_refuses_all_alike(
    order: tuple[str, ...], make_app: MakeApp, outbox: Outbox, stuck: threading.Event
) -> None:
    delivery = ThreadDelivery(nullcontext, workers=1, queue_size=1)
    app = closed_app(make_app, delivery=delivery)
    new_user(app, email="first@example.com")
    caller = EmailCaller(app, outbox)
    caller.ask("first@example.com")  # in the hands of the only thread
    while not outbox.messages:
        pass

    waiting = outcome(caller.ask(f"{order[0]}@example.com"))
    refused = {kind: [outcome(caller.ask(f"{kind}@example.com")) for _ in range(9)] for kind in order}
    stuck.set()
    drain(app)
    after = {}
    for kind in order[1:]:
        after[kind] = []
        for _ in range(6):
            after[kind].append(outcome(caller.ask(f"{kind}@example.com"))[0])
            drain(app)

    assert waiting == SENT
    assert list(refused.values()) == [[NOT_SENT] * 9] * 3
    assert list(after.values()) == [[0] * 5 + [-206]] * 2


@pytest.mark.parametrize("status", [each for each in FAILURES if not each.is_about_recipient])
def test_before_the_answer_a_disabled_account_fails_as_the_others_do(
    status: Status, make_app: MakeApp, outbox: Outbox
) -> None:
    app, outbox.answer = populated(make_app()), failing(status)
    caller = EmailCaller(app, outbox)

    failed = {
        kind: [outcome(caller.ask(f"{kind}@example.com")) for _ in range(7)] for kind in ("known", "disabled")
    }
    dead = {kind: outcome(caller.verify("000000", f"{kind}@example.com")) for kind in failed}
    outbox.answer = None
    caller.ask("another@example.com")
    sent = {kind: [outcome(caller.ask(f"{kind}@example.com"))[0] for _ in range(6)] for kind in failed}

    assert failed["disabled"] == failed["known"] == [NOT_SENT] * 7
    assert dead["disabled"] == dead["known"]
    assert sent["disabled"] == sent["known"] == [0] * 5 + [-206]


def test_an_address_that_is_none_does_not_make_others_fail(make_app: MakeApp, outbox: Outbox) -> None:
    app = populated(make_app())
    outbox.answer = lambda message: Receipt(
        Status.INVALID_RECIPIENT if "nobody" in message.recipient else Status.ACCEPTED
    )
    caller = EmailCaller(app, outbox)

    answers = [outcome(caller.ask(f"{kind}@example.com")) for kind in ("known", "nobody", "disabled")]

    assert answers == [SENT, NOT_SENT, SENT]


def test_a_disabled_account_fails_on_its_own_channel_alone(make_app: MakeApp, outbox: Outbox) -> None:
    app = populated(make_app())
    outbox.answer = lambda message: Receipt("unavailable" if message.channel == "email" else "accepted")  # type: ignore[arg-type]  # its word will do
    EmailCaller(app, outbox).ask("known@example.com")

    answer = SmsCaller(app, outbox).resend(cc_phone="84", phone=PHONES["disabled"])

    assert answer.json["status"] == "OK"


def test_by_sms_a_disabled_account_fails_as_the_others_do(make_app: MakeApp, outbox: Outbox) -> None:
    app, outbox.answer = populated(make_app()), failing(Status.UNAVAILABLE)
    caller = SmsCaller(app, outbox)

    failed = {
        kind: [caller.resend(cc_phone="84", phone=PHONES[kind]).json for _ in range(5)] for kind in KINDS
    }

    assert failed["disabled"] == failed["known"] == failed["unknown"]
    assert failed["known"][4]["status"] == "INTERNAL_SERVER_ERROR"


@pytest.mark.parametrize("order", ORDERS)
def test_by_sms_and_behind_the_answer_nothing_is_given_back(
    order: tuple[str, ...], make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app, outbox.answer = populated(make_app(delivery="thread")), failing(Status.UNAVAILABLE)
    caller, answers = SmsCaller(app, outbox), {}

    for kind in order:
        answers[kind] = []
        for _ in range(5):
            answers[kind].append(caller.resend(cc_phone="84", phone=PHONES[kind]).json)
            drain(app)

    assert answers["known"] == answers["unknown"] == answers["disabled"]
    assert [each["status_code"] for each in answers["known"]] == [200, 422, 422, 422, 422]


def test_what_is_withheld_is_told_to_no_listener_however_it_ends(make_app: MakeApp, outbox: Outbox) -> None:
    app, outbox.answer, heard = populated(make_app()), failing(Status.UNAVAILABLE), []

    def hear(sender: object, **facts: Any) -> None:
        heard.append(facts["recipient"])

    with signals.send_failed.connected_to(hear, app), signals.code_sent.connected_to(hear, app):
        for kind in ("known", "disabled"):
            EmailCaller(app, outbox).ask(f"{kind}@example.com")

    assert heard == ["known@example.com"]


def test_where_nobody_is_hidden_a_failure_behind_the_answer_gives_the_quota_back(
    make_app: MakeApp, outbox: Outbox
) -> None:
    app, outbox.answer = make_app(delivery="thread"), failing(Status.UNAVAILABLE)
    sent = []

    with app.app_context():
        for _ in range(9):
            sent.append(otpauth_of(app).codes.send("email", "user@example.com", purpose="pay"))
            drain(app)

    assert len(sent) == 9
