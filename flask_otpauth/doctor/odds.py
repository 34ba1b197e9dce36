"""
The odds that an attacker guesses a code, computed from a policy.

They hold even if the attacker can request codes, and sends any number of guesses at the same time
from many addresses, because guesses are counted exactly and a new code does not reset the budget.
"""

from __future__ import annotations

from math import ceil

from flask_otpauth.core.instants import DAY
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.record import frozen


@frozen
class Odds:
    """The chance of guessing a code of one subject, if codes are drawn uniformly."""

    #: The digits of a code.
    digits: int
    #: The most guesses that are judged in any 24 hours in which the subject does not log in.
    guesses_per_day: int
    #: The chance that one of these is right.
    per_day: float
    #: The chance of all guesses until only an administrator can help. ``None``: there is no limit.
    until_disabled: float | None


def odds(policy: Policy) -> Odds:
    """Return the odds under ``policy``."""
    guesses = guesses_per_day(policy)
    codes = 10**policy.code_length
    cap = policy.failure_cap
    return Odds(
        policy.code_length, guesses, min(1, guesses / codes), None if cap is None else min(1, cap / codes)
    )


def guesses_per_day(policy: Policy) -> int:
    """
    Return the most guesses that are judged in any 24 hours: the budget, or the cap if it is lower.

    Quotas of codes do not lower the number. A code can be valid on the next day, several can be valid
    at the same time (one for each client, order and purpose), and a code whose message could not be
    sent gives its quota back, but could be guessed until then. Every wrong guess is in the log of
    misses, no matter which code it was for.
    """
    budget = policy.guess_budget.count * ceil(DAY / policy.guess_budget.period)
    return budget if policy.failure_cap is None else min(budget, policy.failure_cap)
