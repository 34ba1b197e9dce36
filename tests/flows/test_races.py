"""The promises of the flows when requests arrive at once: on threads and processes, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from tests.adapters.databases import read
from tests.codes import another
from tests.flows import sms_caller
from tests.flows.account_caller import EMAIL, OK, PHONE, PIN, UNLUCKY, WRONG_PIN, Merchant, new_customer
from tests.flows.email_caller import ADDRESS, EmailCaller, bearer
from tests.flows.every_flow import DOCUMENTED, Case
from tests.flows.flashcall_caller import Application
from tests.flows.racing import Action, Answer, Arena, MakeArena, database, make_arena, racers
from tests.flows.sms_caller import NUMBER, SPELLINGS, SmsCaller
from tests.flows.voice_caller import VoiceCaller, buy, new_campaign

__all__ = ["database", "make_arena", "racers"]


@pytest.fixture
def arena(make_arena: MakeArena) -> Arena:
    """An arena with the documented numbers."""
    return make_arena()


def statuses(answers: list[Answer]) -> Counter[int]:
    """How often each status was answered."""
    return Counter(answer.status_code for answer in answers)


# -- every flow -------------------------------------------------------------------------------


@pytest.fixture(params=DOCUMENTED)
def race(request: pytest.FixtureRequest, make_arena: MakeArena) -> tuple[Arena, Case]:
    """Where each flow races, and what its document says."""
    says = DOCUMENTED[request.param]
    arena = make_arena(**says.settings)
    return arena, Case(says, arena.host.app, arena.host.outbox)


def tally(case: Case, answers: list[Any]) -> Counter[tuple[int, str]]:
    """How often each outcome was told."""
    return Counter(map(case.driver.outcome, answers))


def guesses_and_misses(arena: Arena) -> tuple[int, int]:
    """What the store has counted: against the code, and against the person."""
    row = arena.host.storage.tables.challenges.c
    # But for the mark by which the key of the rows is known.
    rows = read(arena.host.storage, select(row.guesses, row.misses).where(row.reference != "mark"))
    return sum(each["guesses"] for each in rows), sum(each["misses"].count(",") for each in rows)


def test_of_fifty_right_codes_one_is_accepted(race: tuple[Arena, Case]) -> None:
    arena, case = race
    code = case.fresh_code()

    answers = arena.at_once([lambda: case.driver.submit(code)] * 50)

    assert tally(case, answers) == {case.says.accepted: 1, case.says.used: 49}


def test_of_a_hundred_wrong_codes_as_many_are_judged_as_a_code_takes(race: tuple[Arena, Case]) -> None:
    arena, case = race
    code, guesses = case.fresh_code(), case.says.guesses

    answers = arena.at_once([lambda: case.driver.submit(another(code))] * 100)

    told = Counter({case.says.wrong: guesses}) + Counter({case.says.exhausted: 100 - guesses})
    assert tally(case, answers) == told
    assert guesses_and_misses(arena) == (guesses, guesses)
    assert case.submit(code) == case.says.exhausted


def test_of_fifty_requests_by_two_clients_as_many_are_granted_as_the_person_gets(
    race: tuple[Arena, Case],
) -> None:
    arena, case = race
    granted = 1 if case.says.cooldown else case.says.codes_a_burst

    answers = arena.at_once([partial(case.driver.ask, client=turn % 2) for turn in range(50)])

    told = tally(case, answers)
    assert told.pop(case.says.sent) == granted
    assert list(told.values()) == [50 - granted]
    assert case.says.cooldown or list(told) == [case.says.limited]
    assert len(arena.host.outbox.messages) == granted


# -- email ------------------------------------------------------------------------------------


def caller_of(arena: Arena) -> EmailCaller:
    return EmailCaller(arena.host.app, arena.host.outbox)


def test_a_right_code_among_wrong_ones_logs_in_once_or_never(arena: Arena) -> None:
    caller = caller_of(arena)
    code = caller.fresh_code()
    codes = [another(code), another(code), code] * 20

    answers = arena.at_once([partial(caller.verify, each) for each in codes])

    told = Counter(answer.json["message"] for answer in answers)
    accepted, exhausted = told["Login successful"], told["Maximum OTP attempts exceeded"]
    assert accepted + (exhausted > 0) == 1
    assert accepted == 0 or told["OTP has already been used"] == 19
    assert exhausted == 0 or told["Invalid OTP"] == 5


def test_of_many_requests_one_code_is_alive(make_arena: MakeArena) -> None:
    arena = make_arena(email_send_quotas=["50 per hour"])
    caller = caller_of(arena)
    arena.at_once([caller.ask] * 16)
    codes = {message.code for message in arena.host.outbox.messages}

    told = Counter(caller.verify(code).json["message"] for code in codes)

    # Every wrong one is a guess: whichever comes first, no more than one of them opens.
    assert told["Login successful"] <= 1
    assert told["Login successful"] + told["Maximum OTP attempts exceeded"] >= 1


def test_first_logins_at_the_same_moment_make_one_account(make_arena: MakeArena) -> None:
    arena = make_arena(email_send_quotas=["50 per hour"], email_create_user="on_request")

    arena.at_once([caller_of(arena).ask] * 16)

    with arena.host.app.app_context():
        directory = arena.host.app.extensions["otpauth"].services.directory
        # An insert that fails uses up an id of PostgreSQL's sequence.
        [account] = filter(None, (directory.get(str(number)) for number in range(1, 17)))
        assert arena.host.otpauth.users.find(ADDRESS).id == account.id


def test_a_refresh_token_that_races_with_itself_has_one_successor(arena: Arena) -> None:
    caller = caller_of(arena)
    token = caller.login()["refreshToken"]

    answers = arena.at_once([lambda: caller.refresh(token)] * 9)

    # All within the grace: whoever lost its answer gets the very same one.
    (successor,) = {answer.json["data"]["refreshToken"] for answer in answers}
    assert successor


def test_of_logouts_by_one_refresh_token_at_once_one_ends_the_session(arena: Arena) -> None:
    caller = caller_of(arena)
    body = {"refreshToken": caller.login()["refreshToken"]}

    answers = arena.at_once([lambda: caller.post("/logout", body)] * 9)

    told = Counter(answer.json["message"] for answer in answers)
    assert told == {"Logout successful": 1, "Invalid refresh token": 8}


def test_sessions_that_are_opened_at_once_leave_one(arena: Arena) -> None:
    caller, services = caller_of(arena), arena.host.app.extensions["otpauth"].services
    arena.host.app.add_url_rule("/me", "me", arena.host.otpauth.token_required(lambda: "ok"))
    user = services.directory.get(str(caller.login()["userId"]))
    with ThreadPoolExecutor(8) as pool:
        openings = list(pool.map(lambda _: services.sessions.open(user), range(8)))

    client = arena.host.app.test_client()
    answers = [client.get("/me", headers=bearer(opening.tokens.access_token)) for opening in openings]

    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 7}


# -- sms --------------------------------------------------------------------------------------


def test_of_fifty_requests_for_a_days_last_code_one_sends_and_none_sends_a_fourth(arena: Arena) -> None:
    app, clock = arena.host.app, arena.host.clock
    user_id = sms_caller.new_user(app, phone=NUMBER)
    # Every way to name the same number.
    ways = [*SPELLINGS, {"account_token": sms_caller.account_token(app, user_id)}]
    # The processes' clocks stand still at what is now for this one.
    clock.tick(-200)
    caller = SmsCaller(app, arena.host.outbox)
    for _ in range(2):
        caller.fresh_code()
        clock.tick(100)
    requests = [partial(caller.resend, **ways[turn % len(ways)]) for turn in range(50)]

    third, fourth = arena.at_once(requests), arena.at_once(requests)

    told = [
        Counter((each.json["status"], each.json["data"]["otp"]["status"]) for each in answers)
        for answers in (third, fourth)
    ]
    assert told == [{("OK", "wait"): 1, ("INVALID_FIELD", "limit"): 49}, {("INVALID_FIELD", "limit"): 50}]
    assert len(arena.host.outbox.messages) == 3


# -- flashcall --------------------------------------------------------------------------------


def test_a_phone_is_guessed_at_six_times_over_orders_and_applications(arena: Arena) -> None:
    guesses: list[Action] = []
    for _ in range(2):
        application = Application(arena.host.app, arena.host.outbox)
        for _ in range(2):
            order_id = application.ordered()
            guesses += [partial(application.auth, order_id, another(application.seen()))] * 12

    answers = arena.at_once(guesses)

    told = Counter(answer.json["errors"][0]["message"] for answer in answers)
    assert told == {"invalid code": 6, "too many attempts": 42}


# -- voice ------------------------------------------------------------------------------------


def voice_of(arena: Arena, **campaign: Any) -> VoiceCaller:
    """A customer with a campaign."""
    client = sms_caller.new_client(arena.host.app, "voice")
    campaign_id = new_campaign(arena.host.app, client.id, **campaign).id
    return VoiceCaller(arena.host.app, arena.host.outbox, client, campaign_id)


def test_of_fifty_identical_requests_one_is_called(arena: Arena) -> None:
    caller = voice_of(arena)

    answers = arena.at_once(
        [partial(caller.call, "123456", phone) for phone in ("0771122330", "+84771122330") * 25]
    )

    assert statuses(answers) == {200: 50}
    assert [message.code for message in arena.host.outbox.messages] == ["123456"]


def test_of_fifty_calls_of_a_phone_five_are_placed(arena: Arena) -> None:
    caller = voice_of(arena)

    answers = arena.at_once([partial(caller.call, f"1000{turn:02d}") for turn in range(50)])

    assert statuses(answers) == {200: 5, 429: 45}
    assert len(arena.host.outbox.messages) == 5


def test_a_daily_cap_is_exact(arena: Arena) -> None:
    caller = voice_of(arena, daily_cap=7)

    answers = arena.at_once([partial(caller.call, "123456", f"09876543{turn:02d}") for turn in range(50)])

    assert statuses(answers) == {200: 7, 429: 43}
    assert len(arena.host.outbox.messages) == 7


def test_of_fifty_tokens_twenty_live(arena: Arena) -> None:
    caller = voice_of(arena)

    bought = arena.at_once([partial(buy, arena.host.app, caller.client.secret)] * 50)
    tokens = [answer.json["data"]["access_token"] for answer in bought]
    # The clock stands still, so the caller's own token is as new as these, and may be one of the twenty.
    tokens.append(caller.token)
    answers = [caller.post("/voiceotp", {}, authorization=token) for token in tokens]

    assert len(set(tokens)) == 51
    assert Counter(answer.status_code for answer in answers) == {400: 20, 401: 31}


# -- account ----------------------------------------------------------------------------------


NAMES = (EMAIL, PHONE, 1)


class Customer:
    """A customer with a PIN, and the merchant who asks about them."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        new_customer(arena.host.app)
        self.merchant = Merchant(arena.host.app)
        assert self.merchant.set_pin().json == OK

    def tally(self, actions: Sequence[Action]) -> Counter[str]:
        """How often each outcome is told: ``ok``, or what the first field is to blame for."""
        answers = self.arena.at_once(actions)
        return Counter(answer.json.get("error_message", answer.json.get("status")) for answer in answers)

    def failures(self) -> int:
        """The failures in a row that the store has counted."""
        storage = self.arena.host.storage
        return sum(row["in_a_row"] for row in read(storage, select(storage.tables.secrets.c.in_a_row)))


@pytest.fixture
def customer(arena: Arena) -> Customer:
    return Customer(arena)


def test_of_100_wrong_pins_3_are_judged_and_told_2_1_blocked(customer: Customer) -> None:
    told = customer.tally(
        [partial(customer.merchant.validate, WRONG_PIN, user=NAMES[turn % 3]) for turn in range(100)]
    )

    assert told == {
        "pin: Invalid PIN, 2 attempt(s) left": 1,
        "pin: Invalid PIN, 1 attempt(s) left": 1,
        "pin: PIN is blocked": 98,
    }
    assert customer.failures() == 3


def test_changes_and_validations_share_the_three_failures(customer: Customer) -> None:
    merchant = customer.merchant

    told = customer.tally([lambda: merchant.change(WRONG_PIN), lambda: merchant.validate(WRONG_PIN)] * 10)

    assert told["pin: PIN is blocked"] + told["current_pin: PIN is blocked"] == 18
    assert told.total() == 20
    assert customer.failures() == 3


def test_fifty_right_pins_all_pass(customer: Customer) -> None:
    customer.merchant.validate(WRONG_PIN)

    assert customer.tally([customer.merchant.validate] * 50) == {"ok": 50}
    assert customer.failures() == 0


def test_of_simultaneous_changes_of_one_pin_one_wins(customer: Customer) -> None:
    pins = [f"{n:06d}" for n in range(700_000, 700_006)]

    told = customer.tally([partial(customer.merchant.change, PIN, pin) for pin in pins])

    assert told["ok"] == 1
    assert customer.failures() == 3  # the others' PIN was wrong by the time it was judged


def test_of_twenty_wrong_passwords_ten_are_judged(customer: Customer) -> None:
    told = customer.tally([lambda: customer.merchant.check("wrong")] * 20)

    assert told == {f"password: {UNLUCKY}": 10, "password: Too many attempts, try again later": 10}
    assert customer.failures() == 10


def test_of_simultaneous_resets_with_one_code_one_pin_is_set(customer: Customer) -> None:
    code = customer.merchant.code()
    pins = [f"{n:06d}" for n in range(700_000, 700_010)]

    answers = customer.arena.at_once([partial(customer.merchant.reset_pin, code, pin) for pin in pins])

    (winner,) = [pin for pin, answer in zip(pins, answers, strict=True) if answer.status_code == 200]
    assert customer.merchant.validate(winner).json == OK


def test_of_twenty_requests_by_three_names_five_codes_are_granted(customer: Customer) -> None:
    answers = customer.arena.at_once(
        [partial(customer.merchant.request, user=NAMES[turn % 3]) for turn in range(20)]
    )

    assert statuses(answers) == {200: 5, 429: 15}


def test_of_ten_first_pins_one_is_set(customer: Customer) -> None:
    other = new_customer(customer.arena.host.app, email="other@stamps.co.id", phone=None, member_id=None).id

    told = customer.tally([partial(customer.merchant.set_pin, f"{n:06d}", user=other) for n in range(10)])

    assert told == {"ok": 1, "pin: PIN is already set": 9}
