"""Senders whose provider draws the code and checks it: all rules hold as if the code were ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from flask_otpauth import ConfigurationError, signals
from flask_otpauth.senders import Check, MemorySender, Message, Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.adapters.databases import database_of, read
from tests.codes import another
from tests.flows.every_flow import DOCUMENTED, PHONES, Case
from tests.hosts import MakeApp, otpauth_of

#: The flows whose codes a provider can own.
FLOWS = [name for name in DOCUMENTED if name != "flashcall"]
CHANNELS = ("email", "sms", "whatsapp", "voice")


class Provider:
    """Draws, sends and checks codes. It counts no guesses, so that it is not what limits them."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.codes: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.receipt: Receipt | None = None
        self.answer: Callable[[], Check] | None = None

    def send(self, message: Message) -> Receipt:
        """Draw a code."""
        self.messages.append(message)
        if self.receipt is not None:
            return self.receipt
        provider_id = f"verification-{len(self.messages)}"
        self.codes[provider_id] = f"{len(self.messages):06d}"
        return Receipt(Status.ACCEPTED, provider_id)

    def check(self, recipient: str, code: str, provider_id: str) -> Check:
        """Compare."""
        self.asked.append((recipient, code, provider_id))
        if self.answer is not None:
            return self.answer()
        if provider_id not in self.codes:
            return Check.UNKNOWN
        return Check.APPROVED if self.codes[provider_id] == code else Check.WRONG

    @property
    def code(self) -> str:
        """The newest code."""
        return self.codes[f"verification-{len(self.messages)}"]


@pytest.fixture
def provider() -> Provider:
    return Provider()


def case_of(flow: str, make_app: MakeApp, outbox: Outbox, provider: Provider, **settings: Any) -> Case:
    says = DOCUMENTED[flow]
    senders = {**outbox.senders, **dict.fromkeys(CHANNELS, provider)}
    given = {
        "flows": (says.prefix,),
        "senders": senders,
        **says.settings,
        **says.without_quotas,
        "account_notify_changes": False,
    }
    return Case(says, make_app(**{**given, **settings}), outbox)


@pytest.fixture(params=FLOWS)
def case(request: pytest.FixtureRequest, make_app: MakeApp, outbox: Outbox, provider: Provider) -> Case:
    """Each flow, without its cooldown and its quotas."""
    return case_of(request.param, make_app, outbox, provider)


# -- every flow -------------------------------------------------------------------------------


def test_the_provider_gets_neither_code_nor_text_and_its_code_is_accepted_once(
    case: Case, provider: Provider
) -> None:
    asked = case.ask()
    answers = [case.submit(code) for code in (another(provider.code), provider.code, provider.code)]

    (message,) = provider.messages
    assert asked == case.says.sent
    assert (message.code, message.text, message.html, len(message.id)) == ("", "", None, 16)
    assert answers[:2] == [case.says.wrong, case.says.accepted]
    # Whether a used code was the right one is not known here.
    assert answers[2] in (case.says.used, case.says.wrong)
    assert len(provider.asked) == 2


def test_the_provider_is_asked_about_its_own_verification(case: Case, provider: Provider) -> None:
    case.ask()
    case.submit(provider.code)

    ((recipient, code, provider_id),) = provider.asked
    assert recipient in ("", provider.messages[0].recipient)
    assert (code, provider_id) == (provider.code, "verification-1")


def test_guesses_are_counted_here_and_the_last_one_may_be_right(case: Case, provider: Provider) -> None:
    case.ask()
    for _ in range(case.says.guesses - 1):
        assert case.submit(another(provider.code)) == case.says.wrong

    assert case.submit(provider.code) == case.says.accepted


def test_after_too_many_guesses_the_provider_is_not_asked(case: Case, provider: Provider) -> None:
    case.ask()
    for _ in range(case.says.guesses):
        assert case.submit(another(provider.code)) == case.says.wrong

    assert case.submit(provider.code) == case.says.exhausted
    assert len(provider.asked) == case.says.guesses


def test_the_guess_budget_holds_over_all_codes(case: Case, provider: Provider) -> None:
    for _ in range(case.says.budget // case.says.guesses):
        case.ask()
        for _ in range(case.says.guesses):
            case.submit(another(provider.code))

    assert case.ask() == case.says.refused_while_locked
    assert case.submit(provider.code) == case.says.locked


def test_a_code_expires_here_whatever_the_provider_says(
    case: Case, provider: Provider, clock: MovableClock
) -> None:
    case.ask()
    clock.tick(600)

    assert case.submit(provider.code) in (case.says.expired, case.says.wrong)
    assert provider.asked == []


def test_a_new_request_replaces_the_code(case: Case, provider: Provider) -> None:
    case.ask()
    first = provider.code
    case.ask()

    assert case.submit(first) == case.says.wrong
    assert case.submit(provider.code) == case.says.accepted


def test_without_a_request_the_provider_is_not_asked(case: Case, provider: Provider) -> None:
    assert case.submit("000001") == case.says.none
    assert provider.asked == []


def test_the_code_is_worth_nothing_to_another_person(case: Case, provider: Provider) -> None:
    case.ask()

    assert case.submit(provider.code, person=1) == case.says.none


@pytest.mark.parametrize("check", [Check.EXPIRED, Check.UNKNOWN])
def test_a_code_that_the_provider_does_not_know_any_more_is_wrong(
    case: Case, provider: Provider, check: Check
) -> None:
    reasons = []

    def listen(sender: object, **facts: Any) -> None:
        reasons.append(facts["reason"])

    case.ask()
    provider.answer = lambda: check
    with signals.code_refused.connected_to(listen, sender=case.app):
        answer = case.submit(provider.code)

    assert answer == case.says.wrong
    assert reasons == [check.value]


@pytest.mark.parametrize("error", [TimeoutError, RuntimeError, OSError])
def test_if_the_provider_does_not_answer_the_guess_is_counted_and_refused_with_503(
    case: Case, provider: Provider, error: type[Exception]
) -> None:
    def fail() -> Check:
        raise error("the code is 000001")

    case.ask()
    provider.answer = fail
    down = case.driver.submit(provider.code)
    provider.answer = None
    for _ in range(case.says.guesses - 2):
        case.submit(another(provider.code))

    assert down.status_code == 503
    assert down.headers["Retry-After"] == "5"
    assert case.submit(provider.code) == case.says.accepted


def test_an_answer_that_is_none_is_no_approval(case: Case, provider: Provider) -> None:
    case.ask()
    provider.answer = lambda: None  # type: ignore[assignment, return-value]

    assert case.driver.submit(provider.code).status_code == 503


def test_a_message_that_was_certainly_not_sent_uses_nothing_up(case: Case, provider: Provider) -> None:
    provider.receipt = Receipt(Status.UNAVAILABLE)
    refused = case.ask()
    provider.receipt = None

    assert refused == case.says.not_sent
    assert case.submit("000001") in (case.says.none, case.says.wrong)
    assert provider.asked == []
    assert case.ask() == case.says.sent
    assert case.submit(provider.code) == case.says.accepted


def test_test_identities_come_first(
    make_app: MakeApp, outbox: Outbox, provider: Provider, clock: MovableClock
) -> None:
    listed = {PHONES[0]: {"code": "482913", "until": clock().date()}}
    case = case_of("sms", make_app, outbox, provider, test_identities=listed)

    assert (case.ask(), case.submit("482913")) == (case.says.sent, case.says.accepted)
    assert (provider.messages, provider.asked) == ([], [])


def test_no_address_is_kept_in_the_clear(case: Case, provider: Provider) -> None:
    case.ask()

    storage = case.app.extensions["otpauth"].services.storage
    kept = repr(read(storage, select(storage.tables.challenges)))
    assert "verification-1" in kept
    assert provider.messages[0].recipient not in kept


# -- at the same time, and after the response ------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as uri:
        yield f"{uri}?timeout=60" if request.param == "sqlite" else uri


@pytest.mark.parametrize("flow", ["email", "sms"])
def test_a_provider_that_approves_all_codes_lets_one_of_many_requests_in(
    make_app: MakeApp, outbox: Outbox, provider: Provider, uri: str, flow: str
) -> None:
    case = case_of(flow, make_app, outbox, provider, database_uri=uri, email_max_guesses=100)
    case.ask()
    provider.answer = lambda: Check.APPROVED

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: case.submit("123456"), range(4)))
    case.app.extensions["otpauth"].services.storage.database.engine.dispose()

    assert answers.count(case.says.accepted) == 1


@pytest.mark.parametrize("delivery", ["inline", "thread"])
def test_the_hosts_own_views_can_use_it(
    make_app: MakeApp, outbox: Outbox, provider: Provider, delivery: str
) -> None:
    app = make_app(flows=("sms",), senders={"sms": provider}, delivery=delivery)
    with app.app_context():
        codes = otpauth_of(app).codes
        codes.send("sms", PHONES[0], purpose="confirm")
        assert app.extensions["otpauth"].services.codes.messenger.delivery.drain(30)
        wrong = codes.redeem(PHONES[0], purpose="confirm", code=another(provider.code))
        right = codes.redeem(PHONES[0], purpose="confirm", code=provider.code)

    assert (wrong.accepted, wrong.left, right.accepted) == (False, 4, True)


# -- what cannot work -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"flows": ("flashcall",)}, "on channel 'flashcall' the code is the caller's number"),
        ({"flows": ("account",)}, "but the flow 'account' shows it in a response"),
        (
            {"flows": ("sms",), "sms_workflow": ("sms 40s", "voice")},
            "OTPAUTH_SMS_WORKFLOW: its steps send one code, but on channel 'sms' the provider draws the code",
        ),
        ({"flows": ("voice",)}, "but the clients of the flow 'voice' choose it and check it themselves"),
    ],
)
def test_a_flow_that_cannot_work_is_told_at_the_start(
    make_app: MakeApp, provider: Provider, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        make_app(senders=dict.fromkeys((*CHANNELS, "flashcall"), provider), **settings)

    assert told in str(error.value)


def test_a_route_cannot_have_both_kinds_of_senders(make_app: MakeApp, provider: Provider) -> None:
    with pytest.raises(ConfigurationError, match="all senders of the route must do so"):
        make_app(flows=("email",), senders={"email": [provider, MemorySender()]})


def test_a_code_that_the_client_chooses_cannot_be_sent(
    make_app: MakeApp, outbox: Outbox, provider: Provider
) -> None:
    case = case_of("voice", make_app, outbox, provider)

    answer = case.driver.callers[0].call(otp="123456")  # type: ignore[attr-defined]

    assert case.driver.outcome(answer) == case.says.not_sent
    assert provider.messages == []
