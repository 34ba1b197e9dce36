"""``OTPAUTH_TEST_IDENTITIES``: listed addresses get a fixed code and no message, until a date."""

from __future__ import annotations

import logging
import re
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import ConfigurationError, signals
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.every_flow import DOCUMENTED, EMAILS, PHONES, Case, Participants
from tests.hosts import MakeApp, otpauth_of

CODE = "482913"
LISTED = (EMAILS[0], PHONES[0])


def listed(clock: MovableClock, *addresses: str, days: int = 10, code: str = CODE) -> dict[str, Any]:
    """The setting for these addresses."""
    until = (clock() + timedelta(days=days)).date()
    return {address: {"code": code, "until": until.isoformat()} for address in addresses}


def code_of(case: Case) -> str:
    """The fixed code, as the flow has it."""
    return CODE[-case.says.code_length :]


@pytest.fixture(params=DOCUMENTED)
def flow(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def case_of(flow: str, make_app: MakeApp, outbox: Outbox, **settings: Any) -> Case:
    says = DOCUMENTED[flow]
    return Case(says, make_app(**{**says.settings, **says.without_quotas, **settings}), outbox)


@pytest.fixture
def case(flow: str, make_app: MakeApp, outbox: Outbox, clock: MovableClock) -> Case:
    """Each flow, without its cooldown and its quotas. The first person is a test identity."""
    return case_of(flow, make_app, outbox, test_identities=listed(clock, *LISTED))


# -- every flow -------------------------------------------------------------------------------


def test_a_test_identity_gets_its_code_and_no_message(case: Case) -> None:
    answers = [case.ask(), case.submit(another(code_of(case))), case.submit(code_of(case))]

    assert answers == [case.says.sent, case.says.wrong, case.says.accepted]
    # A flow may still send a notice that a secret was changed.
    assert [message for message in case.outbox.messages if message.code] == []


def test_a_code_is_used_once_all_the_same(case: Case) -> None:
    case.ask()

    assert [case.submit(code_of(case)) for _ in range(2)] == [case.says.accepted, case.says.used]
    assert case.ask() == case.says.sent
    assert case.submit(code_of(case)) == case.says.accepted


def test_any_other_person_gets_an_ordinary_code(case: Case) -> None:
    assert case.ask(person=1) == case.says.sent
    (message,) = case.outbox.messages

    assert case.submit(message.code, person=1) == case.says.accepted


def test_without_a_request_the_code_is_worth_nothing(case: Case) -> None:
    assert case.submit(code_of(case)) == case.says.none


def test_a_code_expires_all_the_same(case: Case, clock: MovableClock) -> None:
    case.ask()
    clock.tick(600)

    assert case.submit(code_of(case)) == case.says.expired


def test_guesses_are_counted_all_the_same(case: Case) -> None:
    case.ask()
    for _ in range(case.says.guesses):
        assert case.submit(another(code_of(case))) == case.says.wrong

    assert case.submit(code_of(case)) == case.says.exhausted


def test_quotas_hold_all_the_same(flow: str, make_app: MakeApp, outbox: Outbox, clock: MovableClock) -> None:
    says = DOCUMENTED[flow]
    settings = {**says.settings, "test_identities": listed(clock, *LISTED)}
    case = Case(says, make_app(**settings), outbox)
    allowed = 1 if says.cooldown else says.codes_a_burst

    asked = [case.ask() for _ in range(allowed + 1)]

    assert asked[:-1] == [says.sent] * allowed
    assert asked[-1] != says.sent


def test_each_use_is_counted_and_logged_without_the_code(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    used = []

    def count(sender: Flask, **facts: Any) -> None:
        used.append(facts["recipient"])

    with caplog.at_level(logging.WARNING), signals.test_identity_used.connected_to(count, sender=case.app):
        case.ask()
        case.ask()
        case.ask(person=1)

    warned = [record.getMessage() for record in caplog.records if "test_identity_used" in record.getMessage()]
    assert len(used) == 2
    assert set(used) <= set(LISTED)
    assert len(warned) == 2
    assert not any(secret in text for secret in (CODE, *LISTED) for text in warned)


def test_a_sender_that_fails_makes_no_difference(case: Case, outbox: Outbox) -> None:
    outbox.answer = lambda message: Receipt(Status.UNAVAILABLE)

    assert (case.ask(), case.submit(code_of(case))) == (case.says.sent, case.says.accepted)


def test_after_the_last_day_the_address_is_an_ordinary_one(
    flow: str, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    settings = {"test_identities": listed(clock, *LISTED, days=0)}
    case = case_of(flow, make_app, outbox, **settings)
    midnight = (clock() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)

    clock.tick((midnight - clock()).total_seconds() - 1)
    case.ask()
    on_the_day = len(case.outbox.messages)
    clock.tick(1)
    case.ask()

    assert (on_the_day, len(case.outbox.messages)) == (0, 1)


def test_a_privileged_user_gets_an_ordinary_code(
    flow: str, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    asked = []

    def is_privileged(user: Any) -> bool:
        asked.append(user.email)
        return bool(user.email == EMAILS[0])

    identities = listed(clock, *EMAILS, *PHONES)
    case = case_of(flow, make_app, outbox, test_identities=identities, is_privileged=is_privileged)

    case.ask(person=1)
    case.ask()

    (message,) = case.outbox.messages
    assert message.recipient in LISTED
    assert set(asked) == set(EMAILS)
    assert case.submit(message.code) == case.says.accepted


# -- codes that the client knows --------------------------------------------------------------


def test_an_answer_that_shows_the_code_shows_the_fixed_one(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(test_identities=listed(clock, *LISTED), flashcall_region="VN")
    secret = Participants.of(app, outbox).clients[0].secret
    client = app.test_client()
    headers = {"X-Application-Token": secret, "Authorization": f"Token {secret}"}

    order = client.post("/v1/orders?fields=code.value", json={"phone": PHONES[0]}, headers=headers).json
    reset = client.post("/api/pin/request-otp-for-reset", json={"user": EMAILS[0]}, headers=headers).json
    chosen = client.post("/v1/orders", json={"phone": PHONES[0], "code": "0345"}, headers=headers).json

    assert order["data"]["code"]["value"] == CODE[-4:]
    assert reset["otp"] == CODE
    assert chosen["data"]["code"]["value"] == "0345"
    assert outbox.messages == []


def test_the_codes_of_the_hosts_own_views_are_fixed_too(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    app = make_app(test_identities=listed(clock, *LISTED))
    with app.app_context():
        codes = otpauth_of(app).codes
        for channel, address in (("email", "USER@Example.com"), ("whatsapp", PHONES[0])):
            codes.send(channel, address, purpose=f"confirm-{channel}")
            assert codes.redeem(address, purpose=f"confirm-{channel}", code=CODE)

    assert outbox.messages == []


# -- the setting ------------------------------------------------------------------------------


def test_the_start_warns_of_each_address_and_doctor_too(
    make_app: MakeApp, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    over = {PHONES[0]: {"code": CODE, "until": date(2020, 2, 29)}}
    with caplog.at_level(logging.WARNING):
        app = make_app(test_identities={**listed(clock, EMAILS[0]), **over})
    told = app.test_cli_runner().invoke(args=["otpauth", "doctor"]).output

    until = (clock() + timedelta(days=10)).date()
    sentences = [
        f"OTPAUTH_TEST_IDENTITIES: u***@example.com gets a fixed code and no message until {until}.",
        "OTPAUTH_TEST_IDENTITIES: +84*******21 gets ordinary codes since 2020-02-29. Remove it.",
    ]
    for sentence in sentences:
        assert sentence in caplog.text
        assert sentence in re.sub(r"\s+", " ", told)
    assert "OTPAUTH_IS_PRIVILEGED is not set" in told
    assert CODE not in caplog.text + told
    assert EMAILS[0] not in caplog.text + told


def test_the_command_that_shows_the_configuration_shows_no_code(
    make_app: MakeApp, clock: MovableClock
) -> None:
    app = make_app(test_identities=listed(clock, *LISTED))

    told = app.test_cli_runner().invoke(args=["otpauth", "config"]).output

    assert "OTPAUTH_TEST_IDENTITIES" in told
    assert CODE not in told


FORM = "expected a dict such as {'+84912345678': {'code': '482913', 'until': '2027-01-31'}}"
DIGITS = "expected a code of 6 digits, as many as the longest code that the address can get"
ADDRESS = "expected an e-mail address, or a phone number such as '+84912345678'"


@pytest.mark.parametrize(
    ("identities", "told"),
    [
        (["user@example.com"], FORM),
        ({"user@example.com": CODE}, FORM),
        ({"user@example.com": {"code": CODE}}, FORM),
        ({"user@example.com": {"code": 482913, "until": "2024-12-01"}}, FORM),
        ({"user@example.com": {"code": CODE, "until": "next year"}}, FORM),
        ({"user@example.com": {"code": CODE, "until": "2024-12-01", "channel": "sms"}}, FORM),
        ({"user@example.com": {"code": "48291", "until": "2024-12-01"}}, DIGITS),
        ({"user@example.com": {"code": "4829130", "until": "2024-12-01"}}, DIGITS),
        ({"+84987654321": {"code": "48291x", "until": "2024-12-01"}}, DIGITS),
        ({"+84987654321": {"code": "2913", "until": "2024-12-01"}}, DIGITS),
        ({"user@example.com": {"code": CODE, "until": "2099-12-01"}}, "'until' is more than a year away"),
        ({"0987654321": {"code": CODE, "until": "2024-12-01"}}, ADDRESS),
        ({"Ann <user@example.com>": {"code": CODE, "until": "2024-12-01"}}, ADDRESS),
    ],
)
def test_a_wrong_entry_is_told_at_the_start_without_its_address(
    make_app: MakeApp, identities: Any, told: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        make_app(test_identities=identities)

    assert "OTPAUTH_TEST_IDENTITIES" in str(error.value)
    assert told in str(error.value)
    assert not re.search("user@example.com|987654321|482913(?!', 'until')", str(error.value))


def test_an_address_in_two_spellings_is_told_at_the_start(make_app: MakeApp, clock: MovableClock) -> None:
    with pytest.raises(ConfigurationError, match="listed twice, in different spellings"):
        make_app(test_identities=listed(clock, "user@example.com", "USER@example.com"))


@pytest.mark.parametrize(("flows", "code"), [(("flashcall",), "2913"), (("email", "flashcall"), "2913")])
def test_a_code_is_as_long_as_the_flows_for_its_kind_of_address_demand(
    make_app: MakeApp, clock: MovableClock, flows: tuple[str, ...], code: str
) -> None:
    make_app(flows=flows, test_identities=listed(clock, PHONES[0], code=code))
