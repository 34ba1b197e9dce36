"""``email``: what a code is worth, for how long, and how often one may guess (contract/email.md)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.email_caller import ADDRESS, EmailCaller, outcome
from tests.hosts import MakeApp

DAY = 24 * 3600
LOGIN = (0, "Login successful")
SENT = (0, "OTP sent successfully")
WRONG = (1, "Invalid OTP")
USED = (1, "OTP has already been used")
EXPIRED = (1, "OTP has expired")
EXHAUSTED = (-204, "Maximum OTP attempts exceeded")
LIMITED = (-206, "Too many OTP requests")

#: As many requests as a test needs.
UNLIMITED: dict[str, Any] = {"email_send_quotas": ()}


@pytest.fixture
def caller(app: Flask, outbox: Outbox) -> EmailCaller:
    return EmailCaller(app, outbox)


@pytest.fixture
def unlimited(make_app: MakeApp, outbox: Outbox) -> EmailCaller:
    return EmailCaller(make_app(**UNLIMITED), outbox)


# -- one code --------------------------------------------------------------------------------


def test_a_code_has_six_digits(unlimited: EmailCaller) -> None:
    codes = [unlimited.fresh_code() for _ in range(20)]

    assert all(len(code) == 6 and code.isascii() and code.isdigit() for code in codes)
    assert len(set(codes)) > 15


def test_the_first_login_creates_the_account(caller: EmailCaller) -> None:
    data = caller.login()

    assert isinstance(data["userId"], int)
    assert data["email"] == ADDRESS
    assert data["fullName"] == ""
    assert data["avatarUrl"] is None


def test_the_second_login_is_that_of_the_same_account(caller: EmailCaller) -> None:
    first, second = caller.login(), caller.login()

    assert second["userId"] == first["userId"]


def test_a_code_lives_until_its_last_millisecond(caller: EmailCaller, clock: MovableClock) -> None:
    code = caller.fresh_code()
    clock.tick_ms(299_999)

    assert outcome(caller.verify(code)) == LOGIN


def test_a_code_is_expired_at_its_three_hundredth_second(caller: EmailCaller, clock: MovableClock) -> None:
    code = caller.fresh_code()
    clock.tick_ms(300_000)

    assert outcome(caller.verify(code)) == EXPIRED


def test_a_code_opens_once(caller: EmailCaller) -> None:
    code = caller.fresh_code()

    assert [outcome(caller.verify(code)) for _ in range(3)] == [LOGIN, USED, USED]


def test_used_wins_over_expired(caller: EmailCaller, clock: MovableClock) -> None:
    code = caller.fresh_code()
    caller.verify(code)
    clock.tick(301)

    assert outcome(caller.verify(code)) == USED


def test_a_new_request_supersedes_the_earlier_code(caller: EmailCaller) -> None:
    first, second = caller.fresh_code(), caller.fresh_code()

    assert outcome(caller.verify(first)) == (LOGIN if first == second else WRONG)
    assert outcome(caller.verify(second)) == (USED if first == second else LOGIN)


def test_a_new_request_supersedes_a_used_code(caller: EmailCaller) -> None:
    used = caller.fresh_code()
    caller.verify(used)
    fresh = caller.fresh_code()

    assert outcome(caller.verify(fresh)) == LOGIN


def test_a_refused_request_leaves_the_code_alive(caller: EmailCaller) -> None:
    code = [caller.fresh_code() for _ in range(5)][-1]
    refused = caller.ask()

    assert outcome(refused) == LIMITED
    assert outcome(caller.verify(code)) == LOGIN


def test_a_code_of_one_address_opens_no_other(caller: EmailCaller) -> None:
    caller.ask("other@example.com")
    code = caller.fresh_code()

    assert outcome(caller.verify(code, "other@example.com")) == WRONG
    assert outcome(caller.verify(code)) == LOGIN


def test_nothing_requested_reads_as_wrong_and_counts_nothing(caller: EmailCaller) -> None:
    refused = [outcome(caller.verify("123456")) for _ in range(20)]

    assert refused == [WRONG] * 20
    assert outcome(caller.verify(caller.fresh_code())) == LOGIN


@pytest.mark.parametrize(
    "state",
    ["live", "used", "expired"],
)
def test_a_wrong_code_reads_as_wrong_whatever_the_state_of_the_right_one(
    state: str, caller: EmailCaller, clock: MovableClock
) -> None:
    code = caller.fresh_code()
    if state == "used":
        caller.verify(code)
    if state == "expired":
        clock.tick(300)

    assert outcome(caller.miss()) == WRONG


@pytest.mark.parametrize(
    "shapeless",
    ["12345", "1234567", "12345a", " 123456", "123456\n", "１２３４５６", "١٢٣٤٥٦", 123456, True, ["1"], {}],
    ids=str,
)
def test_a_code_of_the_wrong_shape_is_invalid_and_not_counted(shapeless: object, caller: EmailCaller) -> None:
    code = caller.fresh_code()

    refused = [outcome(caller.verify(shapeless)) for _ in range(6)]

    assert refused == [WRONG] * 6
    assert outcome(caller.verify(code)) == LOGIN


def test_leading_zeros_count(unlimited: EmailCaller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda limit: 42)
    code = unlimited.fresh_code()

    assert code == "000042"
    assert outcome(unlimited.verify("42")) == WRONG
    assert outcome(unlimited.verify("000042")) == LOGIN


# -- five guesses ----------------------------------------------------------------------------


def test_the_fifth_wrong_guess_still_reads_as_wrong_and_kills_the_code(caller: EmailCaller) -> None:
    code = caller.fresh_code()

    assert [outcome(caller.miss()) for _ in range(5)] == [WRONG] * 5
    assert outcome(caller.miss()) == EXHAUSTED
    assert outcome(caller.verify(code)) == EXHAUSTED


def test_four_wrong_guesses_leave_the_code_alive(caller: EmailCaller) -> None:
    code = caller.fresh_code()
    caller.miss(4)

    assert outcome(caller.verify(code)) == LOGIN


def test_an_exhausted_code_stays_exhausted_when_it_expires(caller: EmailCaller, clock: MovableClock) -> None:
    code = caller.fresh_code()
    caller.miss(5)
    clock.tick(301)

    assert outcome(caller.verify(code)) == EXHAUSTED


def test_a_new_code_has_five_guesses_again(caller: EmailCaller) -> None:
    caller.fresh_code()
    caller.miss(6)
    code = caller.fresh_code()
    caller.miss(4)

    assert outcome(caller.verify(code)) == LOGIN


@pytest.mark.parametrize("state", ["used", "expired", "exhausted"])
def test_guesses_at_a_dead_code_are_not_counted(
    state: str, unlimited: EmailCaller, clock: MovableClock
) -> None:
    code = unlimited.fresh_code()
    if state == "used":
        unlimited.verify(code)
    if state == "expired":
        clock.tick(300)
    if state == "exhausted":
        unlimited.miss(5)

    unlimited.miss(20)

    assert outcome(unlimited.ask()) == SENT


# -- the long guess budget -------------------------------------------------------------------


def locked(caller: EmailCaller) -> None:
    """Guess wrong fifteen times, over three codes."""
    for _ in range(3):
        caller.fresh_code()
        caller.miss(5)


def test_fifteen_wrong_guesses_lock_both_paths(unlimited: EmailCaller) -> None:
    locked(unlimited)

    asked, guessed = unlimited.ask(), unlimited.verify("123456")

    for answer in (asked, guessed):
        assert outcome(answer) == LIMITED
        assert answer.headers["Retry-After"] == str(DAY)


def test_no_mail_goes_out_for_a_locked_address(unlimited: EmailCaller, outbox: Outbox) -> None:
    locked(unlimited)
    sent = len(outbox.messages)

    unlimited.ask()

    assert len(outbox.messages) == sent


def test_the_lock_wins_over_a_live_code(unlimited: EmailCaller) -> None:
    for times in (5, 5, 4):
        code = unlimited.fresh_code()
        unlimited.miss(times)
    code = unlimited.fresh_code()
    last = unlimited.miss()

    assert outcome(last) == WRONG
    assert outcome(unlimited.verify(code)) == LIMITED


def test_fourteen_wrong_guesses_do_not_lock(unlimited: EmailCaller) -> None:
    for times in (5, 5, 4):
        code = unlimited.fresh_code()
        unlimited.miss(times)

    assert outcome(unlimited.verify(code)) == LOGIN


def test_the_lock_ends_when_the_oldest_of_the_fifteen_leaves_the_window(
    unlimited: EmailCaller, clock: MovableClock
) -> None:
    unlimited.fresh_code()
    unlimited.miss()  # the oldest
    clock.tick(3600)
    for times in (5, 5, 4):
        unlimited.fresh_code()
        unlimited.miss(times)
    waits = unlimited.ask().headers["Retry-After"]

    clock.tick_ms((DAY - 3600) * 1000 - 1)
    before = unlimited.ask()
    clock.tick_ms(1)
    after = unlimited.ask()

    assert waits == str(DAY - 3600)
    assert outcome(before) == LIMITED
    assert before.headers["Retry-After"] == "1"
    assert outcome(after) == SENT


def test_after_the_window_of_the_oldest_one_more_guess_locks_again(
    unlimited: EmailCaller, clock: MovableClock
) -> None:
    unlimited.fresh_code()
    unlimited.miss()
    clock.tick(3600)
    for times in (5, 5, 4):
        unlimited.fresh_code()
        unlimited.miss(times)
    clock.tick(DAY - 3600)
    unlimited.fresh_code()

    assert outcome(unlimited.miss()) == WRONG
    assert outcome(unlimited.miss()) == LIMITED


def test_tries_do_not_prolong_the_lock(unlimited: EmailCaller, clock: MovableClock) -> None:
    locked(unlimited)
    for _ in range(10):
        clock.tick(3600)
        unlimited.verify("123456")
        unlimited.ask()

    assert unlimited.verify("123456").headers["Retry-After"] == str(DAY - 10 * 3600)
    clock.tick(DAY - 10 * 3600)
    assert outcome(unlimited.ask()) == SENT


def test_a_success_clears_the_log_of_wrong_guesses(unlimited: EmailCaller) -> None:
    for times in (5, 5, 4):
        code = unlimited.fresh_code()
        unlimited.miss(times)
    unlimited.verify(code)
    for times in (5, 5, 4):
        code = unlimited.fresh_code()
        unlimited.miss(times)

    assert outcome(unlimited.verify(code)) == LOGIN


def test_another_address_is_not_locked(unlimited: EmailCaller) -> None:
    locked(unlimited)

    assert unlimited.login("other@example.com")


def test_an_administrator_lifts_the_lock(unlimited: EmailCaller) -> None:
    locked(unlimited)

    with unlimited.app.app_context():
        unlimited.app.extensions["test_otpauth"].unlock("User@Example.COM")

    assert unlimited.login()


def test_the_command_line_lifts_the_lock(unlimited: EmailCaller) -> None:
    locked(unlimited)

    result = unlimited.app.test_cli_runner().invoke(args=["otpauth", "unlock", ADDRESS])

    assert result.exit_code == 0, result.output
    assert unlimited.login()


def test_the_hardened_cap_locks_until_an_administrator_helps(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    caller = EmailCaller(make_app(email_failure_cap=7, email_max_guesses=1, **UNLIMITED), outbox)
    for _ in range(7):
        caller.fresh_code()
        caller.miss()
        clock.tick(days=2)

    refused = caller.ask()

    assert outcome(refused) == LIMITED
    assert "Retry-After" not in refused.headers
    clock.tick(days=400)
    assert outcome(caller.verify("123456")) == LIMITED
    with caller.app.app_context():
        caller.app.extensions["test_otpauth"].unlock(ADDRESS)
    assert caller.login()


# -- quotas ----------------------------------------------------------------------------------


def test_an_address_gets_five_codes_in_any_fifteen_minutes(caller: EmailCaller, clock: MovableClock) -> None:
    answers = []
    for _ in range(6):
        answers.append(caller.ask())
        clock.tick(60)

    assert [outcome(answer) for answer in answers] == [SENT] * 5 + [LIMITED]
    assert answers[-1].headers["Retry-After"] == str(900 - 5 * 60)


def test_the_quota_of_fifteen_minutes_ends_to_the_millisecond(
    caller: EmailCaller, clock: MovableClock
) -> None:
    for _ in range(5):
        caller.ask()

    clock.tick_ms(899_999)
    before = caller.ask()
    clock.tick_ms(1)
    after = caller.ask()

    assert outcome(before) == LIMITED
    assert before.headers["Retry-After"] == "1"
    assert outcome(after) == SENT


def test_an_address_gets_twenty_codes_in_any_twenty_four_hours(
    caller: EmailCaller, clock: MovableClock
) -> None:
    for _ in range(20):
        assert outcome(caller.ask()) == SENT
        clock.tick(180)
    refused = caller.ask()

    assert outcome(refused) == LIMITED
    assert refused.headers["Retry-After"] == str(DAY - 20 * 180)
    clock.tick_ms((DAY - 20 * 180) * 1000 - 1)
    assert outcome(caller.ask()) == LIMITED
    clock.tick_ms(1)
    assert outcome(caller.ask()) == SENT
    assert outcome(caller.ask()) == LIMITED


def test_a_refused_request_uses_nothing_up(caller: EmailCaller, clock: MovableClock) -> None:
    for _ in range(10):
        caller.ask()
    clock.tick(900)

    assert [outcome(caller.ask()) for _ in range(6)] == [SENT] * 5 + [LIMITED]


def test_there_is_no_cooldown(caller: EmailCaller) -> None:
    assert [outcome(caller.ask()) for _ in range(2)] == [SENT] * 2


@pytest.mark.parametrize(
    "spelling",
    ["USER@example.com", "user@EXAMPLE.com", "  user@example.com  ", "User@Example.Com"],
)
def test_no_spelling_of_an_address_gets_a_second_quota_or_code(spelling: str, caller: EmailCaller) -> None:
    code = [caller.fresh_code() for _ in range(5)][-1]

    assert outcome(caller.ask(spelling)) == LIMITED
    assert outcome(caller.verify(code, spelling)) == LOGIN


def test_an_answer_echoes_the_address_as_it_was_sent_but_trimmed(caller: EmailCaller, outbox: Outbox) -> None:
    answer = caller.ask("  User@Example.COM ")

    assert answer.json["data"]["email"] == "User@Example.COM"
    assert outbox.last.recipient == "user@example.com"


def test_a_long_s_is_no_s(caller: EmailCaller) -> None:
    for _ in range(5):
        caller.ask("sam@example.com")

    assert outcome(caller.ask("sam@example.com")) == LIMITED
    assert outcome(caller.ask("\u017fam@example.com")) == SENT
    assert caller.outbox.last.recipient == "\u017fam@example.com"


# -- settings --------------------------------------------------------------------------------


def test_every_number_is_a_setting(make_app: MakeApp, outbox: Outbox, clock: MovableClock) -> None:
    caller = EmailCaller(
        make_app(
            email_code_length=8,
            email_code_ttl=60,
            email_max_guesses=2,
            email_cooldown=30,
            email_send_quotas=["3 per hour"],
            email_guess_budget="4/day",
        ),
        outbox,
    )
    answer = caller.ask()

    assert answer.json["data"]["expireInSeconds"] == 60
    assert len(caller.code) == 8
    assert caller.ask().headers["Retry-After"] == "30"
    assert [outcome(caller.miss()) for _ in range(3)] == [WRONG, WRONG, EXHAUSTED]
    clock.tick(30)
    code = caller.fresh_code()
    clock.tick(60)
    assert outcome(caller.verify(code)) == EXPIRED
    caller.fresh_code()
    caller.miss(2)
    assert outcome(caller.verify(another(caller.code))) == LIMITED
