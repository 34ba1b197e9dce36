"""Workflows over HTTP: one code over several channels, until it is used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from flask_otpauth import ConfigurationError, signals
from flask_otpauth.core.challenges import shows_code
from flask_otpauth.ports.delivery import Outgoing
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.account_caller import Merchant, new_customer
from tests.flows.sms_caller import NUMBER, PHONE, RESEND, VERIFY, SmsCaller, new_user
from tests.hosts import MakeApp, otpauth_of
from tests.reporting import TOKEN, by_twilio

WORKFLOW = ("sms 40s", "whatsapp 40s", "voice")
STEPS = ["sms", "whatsapp", "voice"]
REPORTS = "http://localhost/otpauth/receipts/gateway"


@pytest.fixture
def database_uri(database_file: str) -> str:
    return database_file


@pytest.fixture(params=["inline", "thread"])
def app(request: pytest.FixtureRequest, make_app: MakeApp) -> Flask:
    return make_app(flows=("sms",), sms_workflow=WORKFLOW, delivery=request.param)


@pytest.fixture
def caller(app: Flask, outbox: Outbox) -> SmsCaller:
    return SmsCaller(app, outbox)


def drained(app: Flask) -> None:
    assert app.extensions["otpauth"].services.codes.messenger.delivery.drain(20)


def ask(caller: SmsCaller) -> Any:
    """Ask for a code, and wait until what was handed to threads is done."""
    answer = caller.post(RESEND, PHONE)
    drained(caller.app)
    return answer


def run_due(app: Flask) -> int:
    """Do what the timer of a process, or the command ``deliver``, does."""
    with app.app_context():
        return otpauth_of(app).deliveries.deliver_due()


def after(app: Flask, clock: MovableClock, seconds: float) -> int:
    clock.tick(seconds)
    return run_due(app)


def channels(outbox: Outbox) -> list[str]:
    return [message.channel for message in outbox.messages]


def failing(*failed: str, status: Status = Status.UNAVAILABLE) -> Callable[[Message], Receipt]:
    """An answer that fails on these channels."""
    return lambda message: Receipt(status if message.channel in failed else Status.ACCEPTED)


def is_sent(answer: Any) -> bool:
    return bool(
        answer.json["errors"] == [] if "errors" in answer.json else answer.json["status"] == "success"
    )


# -- by time -----------------------------------------------------------------------------------


def test_each_step_is_sent_when_the_one_before_it_has_waited(
    app: Flask, caller: SmsCaller, outbox: Outbox, clock: MovableClock
) -> None:
    ask(caller)
    counts = [after(app, clock, seconds) for seconds in (0, 39, 1, 39, 1, 100)]

    assert counts == [0, 0, 1, 0, 1, 0]
    assert channels(outbox) == STEPS


def test_all_steps_have_the_same_code_and_a_name_of_their_own(
    app: Flask, caller: SmsCaller, outbox: Outbox, clock: MovableClock
) -> None:
    ask(caller)
    after(app, clock, 40)
    after(app, clock, 40)

    messages = outbox.messages
    assert len({message.code for message in messages}) == 1
    assert {message.recipient for message in messages} == {NUMBER}
    assert {message.expires_at for message in messages} == {messages[0].expires_at}
    assert len({message.id for message in messages}) == 3
    assert all(shows_code(message.text, message.code) for message in messages)


def test_nothing_is_sent_after_the_code_was_used(
    app: Flask, caller: SmsCaller, outbox: Outbox, clock: MovableClock
) -> None:
    ask(caller)
    after(app, clock, 40)
    caller.post(VERIFY, {**PHONE, "otp": outbox.last.code})

    assert after(app, clock, 60) == 0
    assert channels(outbox) == ["sms", "whatsapp"]


def test_a_wrong_guess_does_not_end_a_workflow(
    app: Flask, caller: SmsCaller, outbox: Outbox, clock: MovableClock
) -> None:
    ask(caller)
    wrong = "000000" if outbox.last.code != "000000" else "111111"
    caller.post(VERIFY, {**PHONE, "otp": wrong})

    assert after(app, clock, 40) == 1


def test_nothing_is_sent_after_the_guesses_are_used_up(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock, database_file: str
) -> None:
    app = make_app(flows=("sms",), sms_workflow=WORKFLOW, sms_max_guesses=2)
    caller = SmsCaller(app, outbox)
    ask(caller)
    wrong = {**PHONE, "otp": "000000" if outbox.last.code != "000000" else "111111"}

    caller.post(VERIFY, wrong)
    assert after(app, clock, 40) == 1
    caller.post(VERIFY, wrong)
    assert not is_ok(caller.post(VERIFY, {**PHONE, "otp": outbox.last.code}))

    assert after(app, clock, 40) == 0
    assert channels(outbox) == ["sms", "whatsapp"]
    sent = ("handed_over", b"")
    assert rows(database_file, "state, sealed") == [sent, sent, ("canceled", b"")]


def test_a_newer_code_ends_the_workflow_of_the_one_before_it(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(flows=("sms",), sms_workflow=WORKFLOW, sms_cooldown=10)
    caller = SmsCaller(app, outbox)
    ask(caller)
    clock.tick(20)
    ask(caller)

    assert after(app, clock, 25) == 0
    assert after(app, clock, 15) == 1
    first, second, third = outbox.messages
    assert first.code != second.code
    assert third.code == second.code


def test_nothing_is_sent_after_the_code_has_expired(
    app: Flask, caller: SmsCaller, outbox: Outbox, clock: MovableClock
) -> None:
    ask(caller)

    after(app, clock, 301)

    assert channels(outbox) == ["sms"]
    assert after(app, clock, 3600) == 0


# -- by failure ----------------------------------------------------------------------------------


def test_a_step_that_certainly_fails_is_followed_at_once(
    app: Flask, caller: SmsCaller, outbox: Outbox, clock: MovableClock
) -> None:
    outbox.answer = failing("sms")

    answer = ask(caller)

    assert answer.status_code == 200
    assert channels(outbox) == ["sms", "whatsapp"]
    # The last step waits for as long as it would have after the second one.
    assert after(app, clock, 39) == 0
    assert after(app, clock, 1) == 1
    assert channels(outbox) == STEPS


def test_an_unknown_outcome_waits_for_the_time(
    app: Flask, caller: SmsCaller, outbox: Outbox, clock: MovableClock
) -> None:
    outbox.answer = failing("sms", status=Status.TIMEOUT)

    ask(caller)

    assert channels(outbox) == ["sms"]
    assert after(app, clock, 40) == 1


def test_a_later_step_that_fails_is_followed_at_once_and_gives_no_quota_back(
    app: Flask, caller: SmsCaller, outbox: Outbox, clock: MovableClock
) -> None:
    outbox.answer = failing("whatsapp", "voice")
    ask(caller)

    assert after(app, clock, 40) == 1
    assert channels(outbox) == STEPS
    caller.post(RESEND, PHONE)
    assert channels(outbox) == STEPS
    # The code of the first message still works.
    clock.tick(10)
    accepted = caller.post(VERIFY, {**PHONE, "otp": outbox.messages[0].code})
    assert is_ok(accepted)


def is_ok(answer: Any) -> bool:
    return "Mã xác thực chính xác" in answer.get_data(as_text=True)


def test_if_all_steps_fail_within_the_request_nothing_is_used_up(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(flows=("sms",), sms_workflow=WORKFLOW, sms_send_quotas=("1 per day",))
    caller = SmsCaller(app, outbox)
    heard: list[str] = []

    def hear(sender: Flask, channel: str, **facts: Any) -> None:
        heard.append(channel)

    outbox.answer = failing(*STEPS)
    with signals.send_failed.connected_to(hear, app):
        failed = ask(caller)
    outbox.answer = None

    assert channels(outbox) == STEPS
    assert heard == STEPS
    assert "Gửi mã OTP thành công" not in failed.get_data(as_text=True)
    assert after(app, clock, 100) == 0
    ask(caller)
    assert channels(outbox) == [*STEPS, "sms"]


@dataclass
class EagerTimer:
    """A timer that looks for due steps in the moment in which it is woken."""

    app: Flask

    def wake_in(self, seconds: float) -> None:
        """Look now, if it is time."""
        if seconds <= 0:
            otpauth_of(self.app).deliveries.deliver_due()


def test_the_timer_does_not_take_the_next_step_from_the_request(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(flows=("sms",), sms_workflow=WORKFLOW, sms_send_quotas=("1 per day",))
    kept = app.extensions["otpauth"].services.codes.messenger.kept
    kept.timer = EagerTimer(app)
    outbox.answer = failing(*STEPS)

    failed = ask(SmsCaller(app, outbox))

    assert channels(outbox) == STEPS
    assert "Gửi mã OTP thành công" not in failed.get_data(as_text=True)


def test_a_failure_after_the_response_does_not_show_who_has_an_account(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(flows=("sms",), sms_workflow=WORKFLOW)
    caller = SmsCaller(app, outbox)
    user = new_user(app, phone=NUMBER)
    with app.app_context():
        otpauth_of(app).users.disable(user)

    answer = ask(caller)
    counts = [after(app, clock, 40), after(app, clock, 40)]

    assert "gửi mã otp thành công" in answer.get_data(as_text=True).lower()
    assert channels(outbox) == []
    assert counts == [1, 1]


# -- by report -------------------------------------------------------------------------------------


class Gateway:
    """A sender whose provider reports."""

    def __init__(self, outbox: Outbox) -> None:
        self.receipts = {"scheme": "twilio", "token": TOKEN}
        self._outbox = outbox

    def send(self, message: Message) -> Receipt:
        self._outbox.senders[message.channel].send(message)
        return Receipt(Status.ACCEPTED, provider_id=f"id of {message.channel}")


@pytest.fixture
def reported(make_app: MakeApp, outbox: Outbox) -> Flask:
    """An app whose gateway for all channels reports."""

    return make_app(
        flows=("sms",),
        sms_workflow=WORKFLOW,
        providers={"gateway": Gateway(outbox)},
        senders={"sms": "gateway", "whatsapp": "gateway", "voice": "gateway"},
    )


def report(app: Flask, channel: str, status: str, **more: str) -> None:
    fields = {"MessageSid": f"id of {channel}", "MessageStatus": status, **more}
    sent = by_twilio(REPORTS, fields)
    assert app.test_client().post(REPORTS, data=sent.body, headers=dict(sent.headers)).status_code == 200


@pytest.mark.parametrize("more", [{}, {"ErrorCode": "21610"}], ids=["undeliverable", "opted out"])
def test_a_report_that_a_step_failed_lets_the_next_one_follow_at_once(
    reported: Flask, outbox: Outbox, clock: MovableClock, more: dict[str, str]
) -> None:
    ask(SmsCaller(reported, outbox))
    clock.tick(5)

    report(reported, "sms", "undelivered", **more)

    assert run_due(reported) == 1
    assert channels(outbox) == ["sms", "whatsapp"]
    assert after(reported, clock, 39) == 0
    assert after(reported, clock, 1) == 1


def test_a_report_that_a_step_was_delivered_does_not_end_a_workflow(
    reported: Flask, outbox: Outbox, clock: MovableClock
) -> None:
    ask(SmsCaller(reported, outbox))

    report(reported, "sms", "delivered")

    assert after(reported, clock, 40) == 1


def test_a_late_or_doubled_report_does_not_hurry_later_steps(
    reported: Flask, outbox: Outbox, clock: MovableClock
) -> None:
    ask(SmsCaller(reported, outbox))
    after(reported, clock, 40)

    report(reported, "sms", "undelivered")
    report(reported, "sms", "undelivered")

    assert run_due(reported) == 0
    assert after(reported, clock, 39) == 0
    report(reported, "whatsapp", "undelivered")
    assert run_due(reported) == 1
    assert channels(outbox) == STEPS


def test_a_report_never_makes_a_code_right_or_wrong(
    reported: Flask, outbox: Outbox, clock: MovableClock
) -> None:
    caller = SmsCaller(reported, outbox)
    ask(caller)
    for status in ("delivered", "undelivered"):
        report(reported, "sms", status)

    assert is_ok(caller.post(VERIFY, {**PHONE, "otp": outbox.messages[0].code}))
    assert run_due(reported) == 0


def test_without_a_workflow_a_reporting_sender_needs_one_row_and_nothing_is_encrypted(
    make_app: MakeApp, outbox: Outbox, database_file: str
) -> None:
    app = make_app(flows=("sms",), providers={"gateway": Gateway(outbox)}, senders={"sms": "gateway"})
    ask(SmsCaller(app, outbox))
    report(app, "sms", "delivered")

    assert rows(database_file, "state, status, sender, provider_id, sealed") == [
        ("handed_over", "delivered", "gateway", "id of sms", b"")
    ]


def rows(database_file: str, columns: str) -> list[tuple[Any, ...]]:
    engine = create_engine(database_file)
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT {columns} FROM otpauth_deliveries ORDER BY step"))
        result = [tuple(row) for row in found]
    engine.dispose()
    return result


# -- by a queue ------------------------------------------------------------------------------------


class Queue:
    """A queue of the host, whose workers send everything."""

    from_storage = True

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.looks: list[float] = []

    def submit(self, outgoing: Outgoing, send: object) -> Receipt | None:
        self.ids.append(outgoing.message.id)
        return Receipt(Status.ACCEPTED)

    def wake_in(self, seconds: float) -> None:
        self.looks.append(seconds)

    def drain(self, timeout_seconds: float) -> bool:
        return True


def test_a_queue_is_told_when_to_look_for_the_later_steps(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    queue = Queue()
    app = make_app(flows=("sms",), sms_workflow=WORKFLOW, delivery=queue)
    outbox.answer = failing("whatsapp")
    ask(SmsCaller(app, outbox))
    assert (queue.looks, channels(outbox)) == ([40.0, 80.0], [])

    with app.app_context():
        otpauth_of(app).deliveries.deliver(*queue.ids)
    assert channels(outbox) == ["sms"]

    assert after(app, clock, 40) == 1
    assert channels(outbox) == STEPS
    assert after(app, clock, 40) == 0


# -- elsewhere -------------------------------------------------------------------------------------


def test_the_codes_of_the_host_s_own_views_have_the_workflow_of_sms(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(flows=("email",), sms_workflow=WORKFLOW)
    with app.app_context():
        otpauth_of(app).codes.send("sms", NUMBER, purpose="pay")
        otpauth_of(app).codes.send("email", "user@example.com", purpose="pay")

    assert after(app, clock, 40) == 1
    assert channels(outbox) == ["sms", "email", "whatsapp"]
    with app.app_context():
        assert otpauth_of(app).codes.redeem(NUMBER, purpose="pay", code=outbox.last.code)
    assert after(app, clock, 40) == 0


def test_the_codes_of_the_flow_account_have_a_workflow_of_their_own(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(flows=("account",), account_workflow=("sms 40s", "voice"))
    new_customer(app)
    merchant = Merchant(app)

    for channel in ("sms", "email"):
        assert merchant.request(type=channel, template_code="code").status_code == 200
        assert after(app, clock, 45) == (1 if channel == "sms" else 0)

    assert channels(outbox) == ["sms", "voice", "email"]


def test_a_code_that_is_requested_on_another_channel_is_sent_on_that_alone(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(flows=("email",), sms_workflow=WORKFLOW)
    with app.app_context():
        otpauth_of(app).codes.send("voice", NUMBER, purpose="pay")

    assert after(app, clock, 100) == 0
    assert channels(outbox) == ["voice"]


def test_no_row_shows_an_address_or_a_code(app: Flask, caller: SmsCaller, database_file: str) -> None:
    ask(caller)

    kept = rows(database_file, "sealed")
    assert len(kept) == 3
    sealed = b"".join(row[0] for row in kept)
    assert sealed
    assert NUMBER.removeprefix("+84").encode() not in sealed
    assert caller.outbox.last.code.encode() not in sealed


@pytest.mark.parametrize(
    ("workflow", "sentence"),
    [
        (("sms 40s", "fax"), "OTPAUTH_SMS_WORKFLOW: 'fax' cannot be a step"),
        (("sms 40s", "flashcall"), "OTPAUTH_SMS_WORKFLOW: a flash call cannot be a step"),
        (("sms 300s", "voice"), "OTPAUTH_SMS_WORKFLOW: the last step starts after 300 seconds"),
        (("voice 40s", "sms"), "OTPAUTH_SMS_WORKFLOW: the first step must be one of sms"),
        ("sms 40s", "OTPAUTH_SMS_WORKFLOW: expected a list of steps"),
        ((40, "voice"), "OTPAUTH_SMS_WORKFLOW: expected a list of steps"),
    ],
)
@pytest.mark.parametrize("flows", [("sms",), ("email",)])
def test_what_cannot_be_a_workflow_is_a_start_up_error_that_names_the_key(
    make_app: MakeApp, workflow: object, sentence: str, flows: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        make_app(flows=flows, sms_workflow=workflow)


@pytest.mark.parametrize("flows", [("sms",), ("email",)])
def test_a_step_on_a_channel_without_a_sender_is_a_start_up_error(
    make_app: MakeApp, flows: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigurationError, match="OTPAUTH_SENDERS: no sender configured for channel 'voice'"):
        make_app(
            flows=flows,
            sms_workflow=("sms 40s", "voice"),
            senders={"email": "memory", "sms": "memory", "voice": None},
        )


def test_a_workflow_without_the_extra_is_a_start_up_error_that_names_the_key(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.fernet", None)

    with pytest.raises(ConfigurationError, match=r"OTPAUTH_SMS_WORKFLOW: .*\[crypto\]"):
        make_app(flows=("sms",), sms_workflow=WORKFLOW)


def test_without_a_workflow_the_extra_is_not_needed(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.fernet", None)

    assert make_app(flows=("sms",))
