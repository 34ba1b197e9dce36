"""The numbers of one kind of code, as one value that is checked once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from flask_otpauth.core.limits import Limit, Quota
from flask_otpauth.core.time_units import DAY, milliseconds


@dataclass(frozen=True)
class Policy:
    """
    How codes of one kind are drawn, sent and guessed.

    ``scope`` is what the limits count under: policies with one scope share one quota and one
    guess budget for each subject. ``day_zone`` makes quotas of a day calendar days there.
    ``failure_cap`` is the number of wrong guesses in a row, over any number of codes and of
    days, after which only an administrator can help (NIST SP 800-63B-4 §3.2.2); ``None`` = off.
    ``tells_state``: whether the state of a code is told to somebody who does not know it.
    """

    scope: str
    code_length: int = 6
    code_ttl: timedelta = timedelta(seconds=300)
    max_guesses: int = 5
    cooldown: timedelta = timedelta(0)
    send_quotas: tuple[Quota, ...] = ()
    guess_budget: Quota = field(default_factory=lambda: Quota(15, DAY))
    day_zone: ZoneInfo | None = None
    failure_cap: int | None = None
    tells_state: bool = False

    @cached_property
    def send_limits(self) -> tuple[Limit, ...]:
        """The rules over the log of sends: the cooldown and the quotas."""
        limits = [self._quota(quota) for quota in self.send_quotas]
        if self.cooldown:
            limits.append(Limit("cooldown", 1, milliseconds(self.cooldown)))
        return tuple(limits)

    @cached_property
    def locks(self) -> tuple[Limit, ...]:
        """The rules over the log of wrong guesses: the long budget and the cap."""
        budget = Limit("lock", self.guess_budget.count, milliseconds(self.guess_budget.period))
        cap = () if self.failure_cap is None else (Limit("lock", self.failure_cap, None),)
        return (budget, *cap)

    def _quota(self, quota: Quota) -> Limit:
        zone = self.day_zone if quota.period == DAY else None
        return Limit("quota", quota.count, milliseconds(quota.period), zone)
