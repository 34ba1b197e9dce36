"""
How likely it is that a code is guessed: arithmetic over a policy.

It holds against whoever may ask for codes and send any number of guesses at once, from
anywhere, since guesses are counted exactly and a new code brings no new budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from flask_otpauth.core.instants import DAY
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
    """
    The most guesses that are judged in any 24 hours: what the budget and the cap leave.

    Quotas of codes do not lower it. A code outlives the day that it was issued on, several may be
    live at a time (one for each client, order and purpose), and one whose message could not be
    handed over gives its quota back, though it could be guessed at until then. Every guess that is
    judged is in the log of misses, whichever code it was at.
    """
    budget = policy.guess_budget.count * ceil(DAY / policy.guess_budget.period)
    return budget if policy.failure_cap is None else min(budget, policy.failure_cap)
