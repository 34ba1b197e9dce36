"""The odds: what the arithmetic says, and that no guesser who plays by the rules does better."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from flask_otpauth.core.challenges import (
    Guess,
    Issue,
    Record,
    State,
    blocked,
    judge,
    with_code,
    with_guess,
    with_miss,
    with_send,
)
from flask_otpauth.core.limits import DAY, Quota, milliseconds
from flask_otpauth.core.odds import Odds, codes_per_day, guesses_per_day, odds
from flask_otpauth.core.policies import Policy
from flask_otpauth.flows import FLOWS

DAY_MS = milliseconds(DAY)
HOUR = timedelta(hours=1)


def test_six_digits_are_guessed_at_most_15_times_in_a_million_a_day() -> None:
    policy = FLOWS["email"].settings().policy("email")

    assert odds(policy) == Odds(6, 15, 1.5e-5, None)


def test_four_digits_are_guessed_at_most_6_times_in_ten_thousand_a_day() -> None:
    policy = FLOWS["flashcall"].settings().policy("flashcall")

    assert odds(policy) == Odds(4, 6, 6e-4, None)


def test_a_cap_bounds_what_a_guesser_ever_has() -> None:
    policy = Policy("s", failure_cap=100)

    assert odds(policy).until_disabled == 1e-4


def test_a_chance_is_at_most_one() -> None:
    policy = Policy("s", code_length=1, guess_budget=Quota(100, DAY), failure_cap=100)

    assert (odds(policy).per_day, odds(policy).until_disabled) == (1, 1)


@pytest.mark.parametrize(
    ("budget", "guesses"),
    [
        (Quota(15, DAY), 15),
        (Quota(15, timedelta(hours=12)), 30),
        (Quota(15, timedelta(hours=7)), 60),
        (Quota(15, timedelta(days=7)), 15),
    ],
)
def test_a_budget_of_another_period_counts_as_often_as_it_begins_anew(budget: Quota, guesses: int) -> None:
    assert guesses_per_day(Policy("s", guess_budget=budget)) == guesses


@pytest.mark.parametrize(
    ("quotas", "cooldown", "zone", "codes"),
    [
        ((), timedelta(0), None, None),
        ((Quota(3, DAY),), timedelta(0), None, 3),
        ((Quota(3, DAY),), timedelta(0), ZoneInfo("Asia/Ho_Chi_Minh"), 6),
        ((Quota(5, timedelta(minutes=15)), Quota(20, DAY)), timedelta(0), None, 20),
        ((Quota(1, HOUR),), timedelta(0), None, 24),
        ((), timedelta(hours=5), None, 5),
        ((Quota(20, DAY),), timedelta(hours=5), None, 5),
    ],
)
def test_codes_of_a_day(
    quotas: tuple[Quota, ...], cooldown: timedelta, zone: ZoneInfo | None, codes: int | None
) -> None:
    policy = Policy("s", send_quotas=quotas, cooldown=cooldown, day_zone=zone)

    assert codes_per_day(policy) == codes


def test_where_codes_are_rarer_than_guesses_they_are_the_bound() -> None:
    policy = Policy("s", max_guesses=2, send_quotas=(Quota(3, DAY),))

    assert guesses_per_day(policy) == 6


PERIODS = some.sampled_from([HOUR, timedelta(hours=7), timedelta(hours=12), DAY, timedelta(days=2)])
POLICIES = some.builds(
    Policy,
    scope=some.just("s"),
    max_guesses=some.integers(1, 4),
    cooldown=some.sampled_from([timedelta(0), timedelta(minutes=90)]),
    send_quotas=some.lists(some.builds(Quota, some.integers(1, 5), PERIODS), max_size=2).map(tuple),
    guess_budget=some.builds(Quota, some.integers(1, 12), PERIODS),
    day_zone=some.sampled_from([None, ZoneInfo("Asia/Jakarta")]),
    code_ttl=some.just(timedelta(minutes=5)),
)


@given(POLICIES, some.integers(0, DAY_MS))
def test_whoever_guesses_as_fast_as_the_rules_allow_has_no_more_in_any_day(
    policy: Policy, start: int
) -> None:
    guessed_at = greedy(policy, start + 365 * DAY_MS, days=3)

    most = max(
        sum(1 for each in guessed_at if begin <= each < begin + DAY_MS) for begin in (*guessed_at, start)
    )
    assert 0 < most <= guesses_per_day(policy)


def greedy(policy: Policy, start_ms: int, days: int) -> list[int]:
    """When somebody is wrong who asks for codes and spends them as soon as the rules allow."""
    record, now_ms, instants = Record(), start_ms, list[int]()
    while now_ms < start_ms + days * DAY_MS:
        issue = Issue(
            b"k", b"k", "nonce", b"right", now_ms, now_ms + 300_000, policy.send_limits, policy.locks
        )
        block = blocked(record, issue)
        if block is not None and block.free_at_ms is not None:
            now_ms = block.free_at_ms
            continue
        record = with_code(with_send(record, issue), issue)
        guess = Guess(b"k", b"k", (b"wrong",), "nonce", now_ms, policy.max_guesses, policy.locks)
        while (standing := judge(record, record, guess)).state is State.WRONG:
            record = with_miss(with_guess(record, guess, standing), guess, standing)
            instants.append(now_ms)
    return instants
