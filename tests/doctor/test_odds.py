"""The odds: the numbers, and that no guesser gets more guesses than they say."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from flask_otpauth.core.challenges import (
    ChallengeRow,
    Guess,
    GuessState,
    Issue,
    block_of,
    judge_guess,
    with_code,
    with_guess,
    with_miss,
    with_send,
    without_issue,
)
from flask_otpauth.core.instants import DAY, milliseconds
from flask_otpauth.core.policies import Policy, Quota
from flask_otpauth.doctor.odds import Odds, guesses_per_day, odds
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


def test_a_cap_below_the_budget_is_the_bound() -> None:
    assert guesses_per_day(Policy("s", guess_budget=Quota(15, timedelta(hours=1)), failure_cap=50)) == 50


@pytest.mark.parametrize("quotas", [(Quota(1, DAY),), (Quota(2, DAY),), (Quota(1, DAY), Quota(2, 3 * DAY))])
def test_a_code_that_lives_across_the_edge_of_the_day_is_guessed_at_in_the_next(
    quotas: tuple[Quota, ...],
) -> None:
    policy = Policy("s", max_guesses=5, send_quotas=quotas)
    guesser = Guesser(policy, 365 * DAY_MS)
    sends = quotas[0].count

    for _ in range(sends):
        guesser.ask("one order each")
    guesser.wait(milliseconds(policy.code_ttl) - 1)
    first = guesser.now_ms
    guesser.guess_all()
    guesser.wait(DAY_MS - milliseconds(policy.code_ttl) + 1)
    for _ in range(sends):
        guesser.ask("again")
        guesser.guess_all()

    within = [each for each in guesser.wrong_at if first <= each < first + DAY_MS]
    assert len(within) > 5 * sends or len(within) == 15
    assert len(within) <= guesses_per_day(policy)


class Guesser:
    """
    Requests codes of one subject and guesses them, under the rules of ``core``.

    Each code has its own row (of an order, a purpose or a client). All of them count in one row.
    """

    def __init__(self, policy: Policy, start_ms: int) -> None:
        self.policy = policy
        self.now_ms = start_ms
        self.wrong_at: list[int] = []
        self._limits = ChallengeRow()
        self._codes: list[tuple[ChallengeRow, Issue]] = []
        #: The numbers of codes that can never be guessed again, so that not all are judged each time.
        self._over: set[int] = set()

    def ask(self, what: str = "") -> bool:
        """Request a code. Return whether one was issued."""
        issue = Issue(
            b"limits",
            what.encode(),
            f"{len(self._codes):04d}",
            b"right",
            self.now_ms,
            self.now_ms + milliseconds(self.policy.code_ttl),
            self.policy.send_limits,
            self.policy.locks,
        )
        if block_of(self._limits, issue) is not None:
            return False
        self._limits = with_send(self._limits, issue)
        self._codes.append((with_code(ChallengeRow(), issue), issue))
        return True

    def guess(self) -> bool:
        """Make a wrong guess at the newest code that can be guessed. Return whether there is one."""
        for number, (code, issue) in reversed(list(enumerate(self._codes))):
            if number in self._over:
                continue
            guess = Guess(
                b"limits",
                b"code",
                (b"wrong",),
                "nonce",
                self.now_ms,
                self.policy.max_guesses,
                self.policy.locks,
            )
            standing = judge_guess(self._limits, code, guess)
            if standing.state is GuessState.WRONG:
                self._limits = with_miss(self._limits, guess, standing, code)
                self._codes[number] = with_guess(code, guess, standing), issue
                self.wrong_at.append(self.now_ms)
                return True
            if standing.state in (GuessState.EXHAUSTED, GuessState.EXPIRED):
                self._over.add(number)
        return False

    def guess_all(self) -> None:
        """Guess until no guess is judged."""
        while self.guess():
            pass

    def fail_to_get_it(self) -> None:
        """Withdraw the newest code, because its message could not be sent."""
        if self._codes:
            _, issue = self._codes.pop()
            self._over.discard(len(self._codes))
            self._limits = without_issue(self._limits, issue)

    def wait(self, duration_ms: int) -> None:
        """Let time pass."""
        self.now_ms += duration_ms

    def most_in_a_day(self) -> int:
        """Return the most guesses that were judged in any 24 hours."""
        return max(
            (sum(1 for each in self.wrong_at if begin <= each < begin + DAY_MS) for begin in self.wrong_at),
            default=0,
        )


PERIODS = some.sampled_from(
    [timedelta(minutes=1), HOUR, timedelta(hours=7), timedelta(hours=12), DAY, 2 * DAY]
)
ZONES = some.sampled_from(
    [None, *(ZoneInfo(name) for name in ("Asia/Jakarta", "America/Havana", "Antarctica/Troll"))]
)
POLICIES = some.builds(
    Policy,
    scope=some.just("s"),
    max_guesses=some.integers(1, 4),
    cooldown=some.sampled_from([timedelta(0), timedelta(minutes=90)]),
    send_quotas=some.lists(some.builds(Quota, some.integers(1, 5), PERIODS), max_size=2).map(tuple),
    guess_budget=some.builds(Quota, some.integers(1, 12), PERIODS),
    failure_cap=some.sampled_from([None, 3, 20]),
    day_zone=ZONES,
    code_ttl=some.sampled_from([timedelta(seconds=1), timedelta(minutes=5), timedelta(minutes=10)]),
)
#: Days with a change of the clock: 25 h and 23 h in Havana, 22 h and 26 h in Troll. And a normal day.
STARTS = some.sampled_from(["2024-11-03", "2024-03-10", "2024-03-31", "2024-10-27", "2024-06-01"]).map(
    lambda day: round(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp() * 1000)
)
STEPS = some.lists(
    some.sampled_from(["ask", "guess", "guess_all", "fail_to_get_it"])
    | some.sampled_from([1, 299_999, 300_000, 3_599_999, 3_600_000, 86_100_000, 86_399_999, 86_400_000])
    | some.integers(1, DAY_MS),
    max_size=60,
)


@given(POLICIES, STARTS, STEPS)
def test_whoever_asks_guesses_and_waits_as_they_like_has_no_more_in_any_day(
    policy: Policy, start_ms: int, steps: list[str | int]
) -> None:
    guesser = Guesser(policy, start_ms)

    for step in steps:
        guesser.wait(step) if isinstance(step, int) else getattr(guesser, step)()

    assert guesser.most_in_a_day() <= guesses_per_day(policy)


@given(POLICIES, STARTS, some.sampled_from([1_000, 60_000, 900_000]))
def test_whoever_is_as_fast_as_the_rules_allow_has_no_more_in_any_day(
    policy: Policy, start_ms: int, step_ms: int
) -> None:
    guesser = Guesser(policy, start_ms)

    for _ in range(60):
        while guesser.ask():
            guesser.guess_all()
        guesser.guess_all()
        guesser.wait(step_ms if guesser.now_ms % 7 else milliseconds(policy.guess_budget.period))

    assert 0 < guesser.most_in_a_day() <= guesses_per_day(policy)


@pytest.mark.parametrize("hours", [1, 5, 7, 12, 24, 25, 48])
def test_nothing_less_would_be_a_bound(hours: int) -> None:
    policy = Policy("s", max_guesses=5, guess_budget=Quota(5, timedelta(hours=hours)))
    guesser = Guesser(policy, 365 * DAY_MS)

    for _ in range(30):
        guesser.ask()
        guesser.guess_all()
        guesser.wait(milliseconds(policy.guess_budget.period))

    assert guesser.most_in_a_day() == guesses_per_day(policy)
