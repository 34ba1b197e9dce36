"""What is the same in every flow: what a code is worth, for how long, and how often one may ask and guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.every_flow import DAY, DOCUMENTED, Documented, Outcome, Speaker
from tests.hosts import MakeApp, otpauth_of


@dataclass
class Scene:
    """One flow, as its document describes it, in an app of its own."""

    says: Documented
    app: Flask
    outbox: Outbox
    speaker: Speaker

    def ask(self, person: int = 0, client: int = 0) -> Outcome:
        """What is said to who asks for a code."""
        return self.speaker.outcome(self.speaker.ask(person, client))

    def submit(self, code: str, person: int = 0, client: int = 0) -> Outcome:
        """What is said to who submits a code."""
        return self.speaker.outcome(self.speaker.submit(code, person, client))

    def fresh_code(self, person: int = 0, client: int = 0) -> str:
        """Ask for a code and read it in the message."""
        assert self.ask(person, client) == self.says.sent
        return self.outbox.last.code

    def miss(self, times: int) -> None:
        """Guess wrong that often, at as many codes as that takes."""
        while times > 0:
            wrong = another(self.fresh_code())
            for _ in range(min(times, self.says.guesses)):
                assert self.submit(wrong) == self.says.wrong
            times -= self.says.guesses

    def exhaust(self) -> str:
        """Use up all guesses of a code."""
        code = self.fresh_code()
        for _ in range(self.says.guesses):
            assert self.submit(another(code)) == self.says.wrong
        return code


@pytest.fixture(params=DOCUMENTED)
def says(request: pytest.FixtureRequest) -> Documented:
    return DOCUMENTED[request.param]


@pytest.fixture
def scene(says: Documented, make_app: MakeApp, outbox: Outbox) -> Scene:
    """The flow with its documented numbers."""
    app = make_app(**says.settings)
    return Scene(says, app, outbox, says.speaker(app, outbox))


@pytest.fixture
def free(says: Documented, make_app: MakeApp, outbox: Outbox) -> Scene:
    """The flow without quotas, for tests that need many codes."""
    app = make_app(**says.settings, **says.free)
    return Scene(says, app, outbox, says.speaker(app, outbox))


# -- one code ---------------------------------------------------------------------------------


def test_a_code_is_drawn_for_each_request_and_accepted_once(free: Scene) -> None:
    codes = [free.fresh_code() for _ in range(20)]

    assert {len(code) for code in codes} == {free.says.code_length}
    assert all(code.isascii() and code.isdigit() for code in codes)
    assert len(set(codes)) > 12
    answers = [free.submit(codes[-1]) for _ in range(3)]
    assert answers == [free.says.accepted, free.says.used, free.says.used]


def test_a_code_is_good_for_300_seconds_to_the_millisecond(free: Scene, clock: MovableClock) -> None:
    code = free.fresh_code()
    clock.tick_ms(299_999)
    in_time = free.submit(code)
    late = free.fresh_code()
    clock.tick_ms(300_000)

    assert in_time == free.says.accepted
    assert free.submit(late) == free.says.expired


def test_used_wins_over_expired(scene: Scene, clock: MovableClock) -> None:
    code = scene.fresh_code()
    scene.submit(code)
    clock.tick(301)

    assert scene.submit(code) == scene.says.used


def test_a_new_code_supersedes_the_earlier_one(free: Scene) -> None:
    earlier, newer = free.fresh_code(), free.fresh_code()
    while newer == earlier:
        newer = free.fresh_code()

    assert [free.submit(earlier), free.submit(newer)] == [free.says.wrong, free.says.accepted]


def test_a_new_code_may_follow_a_used_one(free: Scene) -> None:
    free.submit(free.fresh_code())

    assert free.submit(free.fresh_code()) == free.says.accepted


def test_without_a_request_no_code_is_right_and_no_guess_counts(scene: Scene) -> None:
    guessed = [scene.submit("123456"[: scene.says.code_length]) for _ in range(20)]

    assert guessed == [scene.says.none] * 20
    assert scene.submit(scene.fresh_code()) == scene.says.accepted


def test_a_code_is_worth_nothing_for_another_person_or_client(free: Scene) -> None:
    for person, client in ((1, 0), (0, 1)):
        if client and not free.says.knows_clients:
            continue
        code = free.fresh_code()
        theirs = free.fresh_code(person, client)

        assert code == theirs or free.submit(code, person, client) == free.says.wrong
        assert free.submit(code) == free.says.accepted


def test_what_has_not_the_shape_of_a_code_is_refused_and_not_counted(scene: Scene) -> None:
    code = scene.fresh_code()
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")

    for shapeless in (code[:3], code * 3, f"{code[1:]}a", code.translate(wide), code.translate(arabic)):
        refused = [scene.submit(shapeless) for _ in range(scene.says.guesses + 1)]
        assert scene.says.accepted not in refused
        assert scene.says.exhausted == scene.says.wrong or scene.says.exhausted not in refused
    assert scene.submit(code) == scene.says.accepted


# -- the guesses of one code ------------------------------------------------------------------


def test_a_code_takes_so_many_wrong_guesses_and_no_more(free: Scene) -> None:
    spared = free.fresh_code()
    guesses = [free.submit(another(spared)) for _ in range(free.says.guesses - 1)]
    last_guess = free.submit(spared)
    spent = free.exhaust()

    assert guesses == [free.says.wrong] * (free.says.guesses - 1)
    assert last_guess == free.says.accepted
    assert [free.submit(another(spent)), free.submit(spent)] == [free.says.exhausted] * 2
    assert "Retry-After" not in free.speaker.submit(spent).headers


def test_a_new_code_has_all_its_guesses_again(free: Scene) -> None:
    free.exhaust()
    code = free.fresh_code()
    guesses = [free.submit(another(code)) for _ in range(free.says.guesses - 1)]

    assert guesses == [free.says.wrong] * (free.says.guesses - 1)
    assert free.submit(code) == free.says.accepted


def test_an_exhausted_code_is_not_accepted_when_it_expires(scene: Scene, clock: MovableClock) -> None:
    code = scene.exhaust()
    clock.tick(301)

    assert scene.submit(code) == (scene.says.exhausted_and_expired or scene.says.exhausted)


@pytest.mark.parametrize("state", ["used", "expired", "exhausted"])
def test_a_wrong_guess_at_a_dead_code_is_not_counted(free: Scene, clock: MovableClock, state: str) -> None:
    code = free.exhaust() if state == "exhausted" else free.fresh_code()
    if state == "used":
        free.submit(code)
    if state == "expired":
        clock.tick(300)

    guesses = {free.submit(another(code)) for _ in range(20)}

    assert free.says.accepted not in guesses
    assert free.submit(free.fresh_code()) == free.says.accepted


# -- the guesses of one person ----------------------------------------------------------------


def refusals(scene: Scene, client: int = 0) -> list[TestResponse]:
    """The answers to who asks for a code and to who submits one."""
    code = scene.outbox.last.code
    return [scene.speaker.ask(client=client), scene.speaker.submit(code, client=client)]


def assert_locked(scene: Scene, answers: list[TestResponse], seconds: int) -> None:
    """Both are refused, and say for how long, where the document lets them."""
    asked, submitted = answers
    assert scene.speaker.outcome(asked) == scene.says.refused_while_locked
    assert scene.speaker.outcome(submitted) == scene.says.locked
    told_on_submit = str(seconds) if scene.says.tells_locks_on_submit else None
    assert asked.headers["Retry-After"] == str(seconds)
    assert submitted.headers.get("Retry-After") == told_on_submit


def unlock(scene: Scene) -> None:
    """An administrator helps the person."""
    with scene.app.app_context():
        otpauth_of(scene.app).unlock(scene.speaker.subject)


def test_wrong_guesses_over_all_codes_lock_the_person_and_nobody_else(
    free: Scene, clock: MovableClock
) -> None:
    free.miss(free.says.budget - 1)
    not_locked = free.fresh_code()
    sent = len(free.outbox.messages)

    assert free.submit(another(not_locked)) == free.says.wrong
    clock.tick(60)
    assert_locked(free, refusals(free), DAY - 60)
    assert len(free.outbox.messages) == sent
    assert free.submit(not_locked) == free.says.locked  # the lock wins over a live code
    assert free.submit(free.fresh_code(person=1), person=1) == free.says.accepted


def test_a_lock_is_the_persons_over_all_clients(free: Scene) -> None:
    theirs = free.fresh_code(client=1)
    free.miss(free.says.budget)

    assert free.ask(client=1) == free.says.refused_while_locked
    assert free.submit(theirs, client=1) == free.says.locked


def test_a_lock_ends_when_the_oldest_guess_is_a_day_old(free: Scene, clock: MovableClock) -> None:
    free.miss(1)
    clock.tick(3600)
    free.miss(free.says.budget - 1)
    for _ in range(10):  # what is tried meanwhile does not prolong it
        clock.tick(3600)
        refusals(free)
    assert_locked(free, refusals(free), DAY - 11 * 3600)

    clock.tick_ms((DAY - 11 * 3600) * 1000 - 1)
    assert_locked(free, refusals(free), 1)
    clock.tick_ms(1)
    free.miss(1)
    assert free.ask() == free.says.refused_while_locked  # the others are not as old


def test_a_success_clears_the_wrong_guesses(free: Scene) -> None:
    for _ in range(2):
        free.miss(free.says.budget - 1)
        assert free.submit(free.fresh_code()) == free.says.accepted


def test_an_administrator_lifts_a_lock(free: Scene) -> None:
    free.miss(free.says.budget)

    unlock(free)

    assert free.submit(free.fresh_code()) == free.says.accepted


def test_a_cap_of_failures_in_a_row_ends_by_an_administrator_alone(
    says: Documented, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    numbers = {f"{says.prefix}_failure_cap": 4, f"{says.prefix}_max_guesses": 1}
    app = make_app(**{**says.settings, **says.free, **numbers})
    scene = Scene(says, app, outbox, says.speaker(app, outbox))
    for _ in range(4):
        assert scene.submit(another(scene.fresh_code())) == says.wrong
        clock.tick(days=2)
    clock.tick(days=100)

    answers = refusals(scene)

    assert [scene.speaker.outcome(each) for each in answers] == [says.refused_while_locked, says.locked]
    assert not any("Retry-After" in answer.headers for answer in answers)
    unlock(scene)
    assert scene.submit(scene.fresh_code()) == says.accepted


# -- how many codes a person gets -------------------------------------------------------------

SLIDING = [
    (name, quota) for name, documented in DOCUMENTED.items() for quota in range(len(documented.quotas))
]
CALENDAR = [name for name, documented in DOCUMENTED.items() if documented.day]


def staged(name: str, make_app: MakeApp, outbox: Outbox, **settings: Any) -> Scene:
    """The flow of that name."""
    app = make_app(**DOCUMENTED[name].settings, **settings)
    return Scene(DOCUMENTED[name], app, outbox, DOCUMENTED[name].speaker(app, outbox))


@pytest.mark.parametrize(("name", "quota"), SLIDING)
def test_a_quota_slides_to_the_millisecond(
    name: str, quota: int, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    scene = staged(name, make_app, outbox)
    count, seconds = scene.says.quotas[quota]
    # So slowly that no shorter quota is in the way.
    step = 0 if quota == 0 else -(-scene.says.quotas[0][1] // scene.says.quotas[0][0])
    clients = [turn % 2 for turn in range(count)]  # it is one quota over all clients
    for client in clients:
        scene.fresh_code(client=client)
        clock.tick(step)
    left = seconds - count * step

    refused = scene.speaker.ask(client=1)
    for _ in range(3):  # a refusal uses nothing up
        scene.ask()
    clock.tick_ms(left * 1000 - 1)
    last_moment = scene.speaker.ask()
    clock.tick_ms(1)

    assert scene.speaker.outcome(refused) == scene.speaker.outcome(last_moment) == scene.says.limited
    assert (refused.headers["Retry-After"], last_moment.headers["Retry-After"]) == (str(left), "1")
    freed = count if step == 0 else 1
    assert [scene.ask() for _ in range(freed + 1)] == [scene.says.sent] * freed + [scene.says.limited]
    assert len(outbox.messages) == count + freed


@pytest.mark.parametrize("name", CALENDAR)
def test_a_day_of_the_calendar_ends_at_midnight_in_the_flows_zone(
    name: str, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    scene = staged(name, make_app, outbox, sms_cooldown=0)
    count, left = scene.says.day or (0, 0)
    for turn in range(count):
        scene.fresh_code(client=turn % 2)

    refused = scene.speaker.ask(client=1)
    clock.tick_ms(left * 1000 - 1)
    last_moment = scene.speaker.ask()
    clock.tick_ms(1)

    assert scene.speaker.outcome(refused) == scene.speaker.outcome(last_moment) == scene.says.limited
    assert (refused.headers["Retry-After"], last_moment.headers["Retry-After"]) == (str(left), "1")
    assert [scene.ask() for _ in range(count + 1)] == [scene.says.sent] * count + [scene.says.limited]


def test_another_person_has_a_quota_of_their_own(scene: Scene, clock: MovableClock) -> None:
    for _ in range(scene.says.codes_a_burst):
        scene.fresh_code()
        clock.tick(scene.says.cooldown)

    assert scene.ask() == scene.says.limited
    assert scene.ask(person=1) == scene.says.sent


def test_a_refused_request_leaves_the_code_alive(scene: Scene, clock: MovableClock) -> None:
    for _ in range(scene.says.codes_a_burst):
        clock.tick(scene.says.cooldown)
        code = scene.fresh_code()
    clock.tick(scene.says.cooldown)

    assert scene.ask() == scene.says.limited
    assert scene.submit(code) == scene.says.accepted


def test_two_codes_are_as_far_apart_as_the_document_says(scene: Scene, clock: MovableClock) -> None:
    scene.fresh_code()

    if scene.says.cooldown:
        clock.tick_ms(scene.says.cooldown * 1000 - 1)
        assert scene.speaker.ask(client=1).headers["Retry-After"] == "1"
        clock.tick_ms(1)
    assert scene.ask() == scene.says.sent


# -- messages that are not sent ---------------------------------------------------------------


@pytest.mark.parametrize("status", [each for each in Status if each.is_definite_failure])
def test_a_message_that_could_not_be_sent_uses_nothing_up(
    scene: Scene, clock: MovableClock, status: Status
) -> None:
    earlier = scene.fresh_code()
    clock.tick(scene.says.cooldown)
    scene.outbox.answer = lambda message: Receipt(status)

    failures = [scene.ask() for _ in range(6)]
    lost = scene.outbox.last.code
    scene.outbox.answer = None

    assert failures == [scene.says.not_sent] * 6
    if scene.says.supersedes:
        assert [scene.submit(code) for code in (lost, earlier)] == [scene.says.wrong] * 2
    sent = []
    for _ in range(scene.says.codes_a_burst):
        sent.append(scene.ask())
        clock.tick(scene.says.cooldown)
    assert sent == [scene.says.sent] * (scene.says.codes_a_burst - 1) + [scene.says.limited]


def test_a_message_of_unknown_outcome_counts_as_sent(scene: Scene, clock: MovableClock) -> None:
    scene.outbox.answer = lambda message: Receipt(Status.TIMEOUT)

    answers = []
    for _ in range(scene.says.codes_a_burst + 1):
        answers.append(scene.ask())
        clock.tick(scene.says.cooldown)

    assert answers == [scene.says.sent] * scene.says.codes_a_burst + [scene.says.limited]
    assert scene.submit(scene.outbox.last.code) in (scene.says.accepted, scene.says.expired)


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
    scene = Scene(says, app, outbox, says.speaker(app, outbox))

    first = scene.fresh_code()
    too_soon = scene.speaker.ask()
    guesses = [scene.submit(another(first)) for _ in range(3)]
    clock.tick(30)
    in_time = scene.fresh_code()
    clock.tick_ms(59_999)
    scene.fresh_code()
    refused = scene.speaker.ask()

    assert len(in_time) == 8
    assert (too_soon.headers["Retry-After"], len(outbox.messages)) == ("30", 3)
    assert guesses == [says.wrong, says.wrong, says.exhausted]
    assert refused.headers["Retry-After"] == "3511"
    late = outbox.last.code
    clock.tick(60)
    assert scene.submit(late) == says.expired
    clock.tick(3600)
    wrong = another(scene.fresh_code())
    assert [scene.submit(wrong) for _ in range(3)] == [says.wrong, says.wrong, says.locked]
