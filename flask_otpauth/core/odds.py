"""
How likely it is that a code is guessed: arithmetic over a policy.

It holds against whoever may ask for codes and send any number of guesses at once, from
anywhere, since guesses are counted exactly and a new code brings no new budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from flask_otpauth.core.limits import DAY
from flask_otpauth.core.policies import Policy


@dataclass(frozen=True)
class Odds:
    """
    The chance of a guesser at one subject's codes of ``digits`` digits, drawn uniformly.

    ``guesses_per_day`` is the most that are judged in any 24 hours in which the subject has no
    success; ``per_day`` their chance. ``until_disabled`` is the chance of all guesses that are
    ever judged before an administrator has to help (``None``: nothing bounds them).
    """

    digits: int
    guesses_per_day: int
    per_day: float
    until_disabled: float | None


def odds(policy: Policy) -> Odds:
    """The odds that ``policy`` leaves to a guesser."""
    guesses = guesses_per_day(policy)
    codes = 10**policy.code_length
    cap = policy.failure_cap
    return Odds(
        policy.code_length, guesses, min(1, guesses / codes), None if cap is None else min(1, cap / codes)
    )


def guesses_per_day(policy: Policy) -> int:
    """The most guesses that are judged in any 24 hours: what the budget and the codes leave."""
    budget = policy.guess_budget.count * _periods_a_day(policy.guess_budget.period)
    codes = codes_per_day(policy)
    return budget if codes is None else min(budget, codes * policy.max_guesses)


def codes_per_day(policy: Policy) -> int | None:
    """The most codes in any 24 hours, ``None`` without a limit. They touch two calendar days."""
    most = [
        quota.count * (2 if policy.day_zone and quota.period == DAY else _periods_a_day(quota.period))
        for quota in policy.send_quotas
    ]
    if policy.cooldown:
        most.append(_periods_a_day(policy.cooldown))
    return min(most, default=None)


def _periods_a_day(period: timedelta) -> int:
    """How many periods of that length a day touches, so that none of its entries is missed."""
    return ceil(DAY / period)
