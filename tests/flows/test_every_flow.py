"""What is the same in every flow: what a code is worth, for how long, and how often one may ask and guess."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.every_flow import DAY, DOCUMENTED, Case, Documented
from tests.hosts import MakeApp, otpauth_of


@pytest.fixture(params=DOCUMENTED)
def says(request: pytest.FixtureRequest) -> Documented:
    return DOCUMENTED[request.param]


@pytest.fixture
def case(says: Documented, make_app: MakeApp, outbox: Outbox) -> Case:
    """The flow with its documented numbers."""
    app = make_app(**says.settings)
    return Case(says, app, outbox)


@pytest.fixture
def unlimited(says: Documented, make_app: MakeApp, outbox: Outbox) -> Case:
    """The flow without quotas, for tests that need many codes."""
    app = make_app(**says.settings, **says.without_quotas)
    return Case(says, app, outbox)


# -- one code ---------------------------------------------------------------------------------


def test_a_code_is_drawn_for_each_request_and_accepted_once(unlimited: Case) -> None:
    codes = [unlimited.fresh_code() for _ in range(20)]

    assert {len(code) for code in codes} == {unlimited.says.code_length}
    assert all(code.isascii() and code.isdigit() for code in codes)
    assert len(set(codes)) > 12
    answers = [unlimited.submit(codes[-1]) for _ in range(3)]
    assert answers == [unlimited.says.accepted, unlimited.says.used, unlimited.says.used]


def test_a_code_is_good_for_300_seconds_to_the_millisecond(unlimited: Case, clock: MovableClock) -> None:
    code = unlimited.fresh_code()
    clock.tick_ms(299_999)
    in_time = unlimited.submit(code)
    late = unlimited.fresh_code()
    clock.tick_ms(300_000)

    assert in_time == unlimited.says.accepted
    assert unlimited.submit(late) == unlimited.says.expired


def test_used_wins_over_expired(case: Case, clock: MovableClock) -> None:
    code = case.fresh_code()
    case.submit(code)
    clock.tick(301)

    assert case.submit(code) == case.says.used


def test_a_new_code_supersedes_the_earlier_one(unlimited: Case) -> None:
    earlier, newer = unlimited.fresh_code(), unlimited.fresh_code()
    while newer == earlier:
        newer = unlimited.fresh_code()

    assert [unlimited.submit(earlier), unlimited.submit(newer)] == [
        unlimited.says.wrong,
        unlimited.says.accepted,
    ]


def test_a_new_code_may_follow_a_used_one(unlimited: Case) -> None:
    unlimited.submit(unlimited.fresh_code())

    assert unlimited.submit(unlimited.fresh_code()) == unlimited.says.accepted


def test_without_a_request_no_code_is_right_and_no_guess_counts(case: Case) -> None:
    guessed = [case.submit("123456"[: case.says.code_length]) for _ in range(20)]

    assert guessed == [case.says.none] * 20
    assert case.submit(case.fresh_code()) == case.says.accepted


def test_a_code_is_worth_nothing_for_another_person_or_client(unlimited: Case) -> None:
    for person, client in ((1, 0), (0, 1)):
        if client and not unlimited.says.knows_clients:
            continue
        code = unlimited.fresh_code()
        theirs = unlimited.fresh_code(person, client)

        assert code == theirs or unlimited.submit(code, person, client) == unlimited.says.wrong
        assert unlimited.submit(code) == unlimited.says.accepted


def test_what_has_not_the_shape_of_a_code_is_refused_and_not_counted(case: Case) -> None:
    code = case.fresh_code()
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")

    for shapeless in (code[:3], code * 3, f"{code[1:]}a", code.translate(wide), code.translate(arabic)):
        refused = [case.submit(shapeless) for _ in range(case.says.guesses + 1)]
        assert case.says.accepted not in refused
        assert case.says.exhausted == case.says.wrong or case.says.exhausted not in refused
    assert case.submit(code) == case.says.accepted


# -- the guesses of one code ------------------------------------------------------------------


def test_a_code_takes_so_many_wrong_guesses_and_no_more(unlimited: Case) -> None:
    spared = unlimited.fresh_code()
    guesses = [unlimited.submit(another(spared)) for _ in range(unlimited.says.guesses - 1)]
    last_guess = unlimited.submit(spared)
    spent = unlimited.exhaust()

    assert guesses == [unlimited.says.wrong] * (unlimited.says.guesses - 1)
    assert last_guess == unlimited.says.accepted
    assert [unlimited.submit(another(spent)), unlimited.submit(spent)] == [unlimited.says.exhausted] * 2
    assert "Retry-After" not in unlimited.driver.submit(spent).headers


def test_a_new_code_has_all_its_guesses_again(unlimited: Case) -> None:
    unlimited.exhaust()
    code = unlimited.fresh_code()
    guesses = [unlimited.submit(another(code)) for _ in range(unlimited.says.guesses - 1)]

    assert guesses == [unlimited.says.wrong] * (unlimited.says.guesses - 1)
    assert unlimited.submit(code) == unlimited.says.accepted


def test_an_exhausted_code_is_not_accepted_when_it_expires(case: Case, clock: MovableClock) -> None:
    code = case.exhaust()
    clock.tick(301)

    assert case.submit(code) == (case.says.exhausted_and_expired or case.says.exhausted)


@pytest.mark.parametrize("state", ["used", "expired", "exhausted"])
def test_a_wrong_guess_at_a_dead_code_is_not_counted(
    unlimited: Case, clock: MovableClock, state: str
) -> None:
    code = unlimited.exhaust() if state == "exhausted" else unlimited.fresh_code()
    if state == "used":
        unlimited.submit(code)
    if state == "expired":
        clock.tick(300)

    guesses = {unlimited.submit(another(code)) for _ in range(20)}

    assert unlimited.says.accepted not in guesses
    assert unlimited.submit(unlimited.fresh_code()) == unlimited.says.accepted


# -- the guesses of one person ----------------------------------------------------------------


def refusals(case: Case, client: int = 0) -> list[TestResponse]:
    """The answers to who asks for a code and to who submits one."""
    code = case.outbox.last.code
    return [case.driver.ask(client=client), case.driver.submit(code, client=client)]


def assert_locked(case: Case, answers: list[TestResponse], seconds: int) -> None:
    """Both are refused, and say for how long, where the document lets them."""
    asked, submitted = answers
    assert case.driver.outcome(asked) == case.says.refused_while_locked
    assert case.driver.outcome(submitted) == case.says.locked
    told_on_submit = str(seconds) if case.says.tells_locks_on_submit else None
    assert asked.headers["Retry-After"] == str(seconds)
    assert submitted.headers.get("Retry-After") == told_on_submit


def unlock(case: Case) -> None:
    """An administrator helps the person."""
    with case.app.app_context():
        otpauth_of(case.app).unlock(case.driver.subject)


def test_wrong_guesses_over_all_codes_lock_the_person_and_nobody_else(
    unlimited: Case, clock: MovableClock
) -> None:
    unlimited.miss(unlimited.says.budget - 1)
    not_locked = unlimited.fresh_code()
    sent = len(unlimited.outbox.messages)

    assert unlimited.submit(another(not_locked)) == unlimited.says.wrong
    clock.tick(60)
    assert_locked(unlimited, refusals(unlimited), DAY - 60)
    assert len(unlimited.outbox.messages) == sent
    assert unlimited.submit(not_locked) == unlimited.says.locked  # the lock wins over a live code
    assert unlimited.submit(unlimited.fresh_code(person=1), person=1) == unlimited.says.accepted


def test_a_lock_is_the_persons_over_all_clients(unlimited: Case) -> None:
    theirs = unlimited.fresh_code(client=1)
    unlimited.miss(unlimited.says.budget)

    assert unlimited.ask(client=1) == unlimited.says.refused_while_locked
    assert unlimited.submit(theirs, client=1) == unlimited.says.locked


def test_a_lock_ends_when_the_oldest_guess_is_a_day_old(unlimited: Case, clock: MovableClock) -> None:
    unlimited.miss(1)
    clock.tick(3600)
    unlimited.miss(unlimited.says.budget - 1)
    for _ in range(10):  # what is tried meanwhile does not prolong it
        clock.tick(3600)
        refusals(unlimited)
    assert_locked(unlimited, refusals(unlimited), DAY - 11 * 3600)

    clock.tick_ms((DAY - 11 * 3600) * 1000 - 1)
    assert_locked(unlimited, refusals(unlimited), 1)
    clock.tick_ms(1)
    unlimited.miss(1)
    assert unlimited.ask() == unlimited.says.refused_while_locked  # the others are not as old


def test_a_success_clears_the_wrong_guesses(unlimited: Case) -> None:
    for _ in range(2):
        unlimited.miss(unlimited.says.budget - 1)
        assert unlimited.submit(unlimited.fresh_code()) == unlimited.says.accepted


def test_an_administrator_lifts_a_lock(unlimited: Case) -> None:
    unlimited.miss(unlimited.says.budget)

    unlock(unlimited)

    assert unlimited.submit(unlimited.fresh_code()) == unlimited.says.accepted


def test_a_cap_of_failures_in_a_row_ends_by_an_administrator_alone(
    says: Documented, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    numbers = {f"{says.prefix}_failure_cap": 4, f"{says.prefix}_max_guesses": 1}
    app = make_app(**{**says.settings, **says.without_quotas, **numbers})
    case = Case(says, app, outbox)
    for _ in range(4):
        assert case.submit(another(case.fresh_code())) == says.wrong
        clock.tick(days=2)
    clock.tick(days=100)

    answers = refusals(case)

    assert [case.driver.outcome(each) for each in answers] == [says.refused_while_locked, says.locked]
    assert not any("Retry-After" in answer.headers for answer in answers)
    unlock(case)
    assert case.submit(case.fresh_code()) == says.accepted


def test_in_the_hardened_profile_the_cap_is_100(
    says: Documented, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    # One code and one hour take all the guesses.
    numbers = {f"{says.prefix}_max_guesses": 100, f"{says.prefix}_guess_budget": "100 per hour"}
    documented = {"flashcall_auth_get": True, "account_pin_blocklist": None}
    app = make_app(profile="hardened", **says.settings, **says.without_quotas, **numbers, **documented)
    case = Case(says, app, outbox)
    wrong = another(case.fresh_code())

    guesses = {case.submit(wrong) for _ in range(99)}
    not_yet = case.ask()
    last = case.submit(another(outbox.last.code))
    clock.tick(days=100)

    assert (guesses, not_yet, last) == ({says.wrong}, says.sent, says.wrong)
    answers = refusals(case)
    assert [case.driver.outcome(each) for each in answers] == [says.refused_while_locked, says.locked]
    assert not any("Retry-After" in answer.headers for answer in answers)


# -- how many codes a person gets -------------------------------------------------------------

SLIDING = [
    (name, quota) for name, documented in DOCUMENTED.items() for quota in range(len(documented.quotas))
]
CALENDAR = [name for name, documented in DOCUMENTED.items() if documented.day]


def staged(name: str, make_app: MakeApp, outbox: Outbox, **settings: Any) -> Case:
    """The flow of that name."""
    app = make_app(**DOCUMENTED[name].settings, **settings)
    return Case(DOCUMENTED[name], app, outbox)


@pytest.mark.parametrize(("name", "quota"), SLIDING)
def test_a_quota_slides_to_the_millisecond(
    name: str, quota: int, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    case = staged(name, make_app, outbox)
    count, seconds = case.says.quotas[quota]
    # So slowly that no shorter quota is in the way.
    step = 0 if quota == 0 else -(-case.says.quotas[0][1] // case.says.quotas[0][0])
    clients = [turn % 2 for turn in range(count)]  # it is one quota over all clients
    for client in clients:
        case.fresh_code(client=client)
        clock.tick(step)
    left = seconds - count * step

    refused = case.driver.ask(client=1)
    for _ in range(3):  # a refusal uses nothing up
        case.ask()
    clock.tick_ms(left * 1000 - 1)
    last_moment = case.driver.ask()
    clock.tick_ms(1)

    assert case.driver.outcome(refused) == case.driver.outcome(last_moment) == case.says.limited
    assert (refused.headers["Retry-After"], last_moment.headers["Retry-After"]) == (str(left), "1")
    freed = count if step == 0 else 1
    assert [case.ask() for _ in range(freed + 1)] == [case.says.sent] * freed + [case.says.limited]
    assert len(outbox.messages) == count + freed


@pytest.mark.parametrize("name", CALENDAR)
def test_a_day_of_the_calendar_ends_at_midnight_in_the_flows_zone(
    name: str, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    case = staged(name, make_app, outbox, sms_cooldown=0)
    count, left = case.says.day or (0, 0)
    for turn in range(count):
        case.fresh_code(client=turn % 2)

    refused = case.driver.ask(client=1)
    clock.tick_ms(left * 1000 - 1)
    last_moment = case.driver.ask()
    clock.tick_ms(1)

    assert case.driver.outcome(refused) == case.driver.outcome(last_moment) == case.says.limited
    assert (refused.headers["Retry-After"], last_moment.headers["Retry-After"]) == (str(left), "1")
    assert [case.ask() for _ in range(count + 1)] == [case.says.sent] * count + [case.says.limited]


def test_another_person_has_a_quota_of_their_own(case: Case, clock: MovableClock) -> None:
    for _ in range(case.says.codes_a_burst):
        case.fresh_code()
        clock.tick(case.says.cooldown)

    assert case.ask() == case.says.limited
    assert case.ask(person=1) == case.says.sent


def test_a_refused_request_leaves_the_code_alive(case: Case, clock: MovableClock) -> None:
    for _ in range(case.says.codes_a_burst):
        clock.tick(case.says.cooldown)
        code = case.fresh_code()
    clock.tick(case.says.cooldown)

    assert case.ask() == case.says.limited
    assert case.submit(code) == case.says.accepted


def test_two_codes_are_as_far_apart_as_the_document_says(case: Case, clock: MovableClock) -> None:
    case.fresh_code()

    if case.says.cooldown:
        clock.tick_ms(case.says.cooldown * 1000 - 1)
        assert case.driver.ask(client=1).headers["Retry-After"] == "1"
        clock.tick_ms(1)
    assert case.ask() == case.says.sent


# -- messages that are not sent ---------------------------------------------------------------


@pytest.mark.parametrize("status", [each for each in Status if each.is_definite_failure])
def test_a_message_that_could_not_be_sent_uses_nothing_up(
    case: Case, clock: MovableClock, status: Status
) -> None:
    earlier = case.fresh_code()
    clock.tick(case.says.cooldown)
    case.outbox.answer = lambda message: Receipt(status)

    failures = [case.ask() for _ in range(6)]
    lost = case.outbox.last.code
    case.outbox.answer = None

    assert failures == [case.says.not_sent] * 6
    if case.says.supersedes:
        assert [case.submit(code) for code in (lost, earlier)] == [case.says.wrong] * 2
    sent = []
    for _ in range(case.says.codes_a_burst):
        sent.append(case.ask())
        clock.tick(case.says.cooldown)
    assert sent == [case.says.sent] * (case.says.codes_a_burst - 1) + [case.says.limited]


def test_a_message_of_unknown_outcome_counts_as_sent(case: Case, clock: MovableClock) -> None:
    case.outbox.answer = lambda message: Receipt(Status.TIMEOUT)

    answers = []
    for _ in range(case.says.codes_a_burst + 1):
        answers.append(case.ask())
        clock.tick(case.says.cooldown)

    assert answers == [case.says.sent] * case.says.codes_a_burst + [case.says.limited]
    assert case.submit(case.outbox.last.code) in (case.says.accepted, case.says.expired)


# -- settings ---------------------------------------------------------------------------------


def test_every_number_is_a_setting(
    says: Documented, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    numbers = {
        "code_length": 8,
        "code_ttl": 60,
        "max_guesses": 2,
        "cooldown": 30,
        "guess_budget": "4/day",
        "send_quotas": ["3 per hour"],
        "day": "sliding",
    }
    own = {f"{says.prefix}_{key}": value for key, value in numbers.items()}
    app = make_app(**{**says.settings, **own})
    case = Case(says, app, outbox)

    first = case.fresh_code()
    too_soon = case.driver.ask()
    guesses = [case.submit(another(first)) for _ in range(3)]
    clock.tick(30)
    in_time = case.fresh_code()
    clock.tick_ms(59_999)
    case.fresh_code()
    refused = case.driver.ask()

    assert len(in_time) == 8
    assert (too_soon.headers["Retry-After"], len(outbox.messages)) == ("30", 3)
    assert guesses == [says.wrong, says.wrong, says.exhausted]
    assert refused.headers["Retry-After"] == "3511"
    late = outbox.last.code
    clock.tick(60)
    assert case.submit(late) == says.expired
    clock.tick(3600)
    wrong = another(case.fresh_code())
    assert [case.submit(wrong) for _ in range(3)] == [says.wrong, says.wrong, says.locked]
