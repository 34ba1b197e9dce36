"""Quotas as they are configured, and the policy of one kind of code."""

from __future__ import annotations

import re
from dataclasses import field
from datetime import timedelta
from functools import cached_property
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from flask_otpauth.core.instants import DAY, Limit, milliseconds
from flask_otpauth.core.record import frozen
from flask_otpauth.core.workflows import Step

#: The kinds of subjects that limits count under.
SubjectKind: TypeAlias = Literal["email", "phone", "user"]

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_PERIOD = r"\s*([0-9]{1,5})?\s*(second|minute|hour|day|week)s?\s*"
_ONLY_PERIOD = re.compile(_PERIOD, re.IGNORECASE | re.ASCII)
_QUOTA = re.compile(rf"\s*([0-9]{{1,9}})\s*(?:per|/){_PERIOD}", re.IGNORECASE | re.ASCII)


def period_of(text: str) -> timedelta:
    """
    Read a period, written as in a quota: ``"15 minutes"`` or ``"day"``.

    :raises ValueError: if the text is not a period.
    """
    found = _ONLY_PERIOD.fullmatch(text)
    period = found and _length(found[1], found[2])
    if not period:
        raise ValueError(f"{text!r} is not a period such as '15 minutes'")
    return period


def _length(number: str | None, unit: str) -> timedelta:
    return timedelta(seconds=int(number or 1) * _SECONDS[unit.lower()])


@frozen
class Quota:
    """At most ``count`` in any ``period``. Written ``"5 per 15 minutes"`` or ``"20/day"``."""

    count: int
    period: timedelta

    @classmethod
    def parse(cls, text: str) -> Quota:
        """
        Read a quota from text.

        :raises ValueError: if the text is not a quota.
        """
        found = _QUOTA.fullmatch(text)
        quota = found and cls(int(found[1]), _length(found[2], found[3]))
        if not quota or not quota.count or not quota.period:
            raise ValueError(f"{text!r} is not a quota such as '5 per 15 minutes'")
        return quota

    def __str__(self) -> str:
        seconds = int(self.period.total_seconds())
        unit, length = next(
            (unit, length)
            for unit, length in reversed(_SECONDS.items())
            if seconds % length == 0 or length == 1
        )
        times = seconds // length
        return f"{self.count} per {unit}" if times == 1 else f"{self.count} per {times} {unit}s"


@frozen
class Policy:
    """How codes of one kind are drawn, sent and guessed. It is made once, at start-up."""

    #: What the limits count under. Policies with the same scope share one quota and one guess budget for
    #: each subject.
    scope: str
    code_length: int = 6
    code_ttl: timedelta = timedelta(seconds=300)
    #: Wrong guesses that make one code invalid.
    max_guesses: int = 5
    #: The minimum time between two codes for a subject.
    cooldown: timedelta = timedelta(0)
    send_quotas: tuple[Quota, ...] = ()
    #: Wrong guesses of a subject over all its codes. More than that lock the subject.
    guess_budget: Quota = field(default_factory=lambda: Quota(15, DAY))
    #: In this zone, a quota of a day is one of a calendar day.
    day_zone: ZoneInfo | None = None
    #: Wrong guesses in a row, over any number of codes and days, after which only an administrator can
    #: unlock the subject (NIST SP 800-63B-4 §3.2.2); ``None``: no such cap.
    failure_cap: int | None = None
    #: A client that guesses wrong is told whether the code was used or has expired.
    tells_state: bool = False
    #: The channels over which one code goes, if it is requested on the first of them. Empty: only one.
    workflow: tuple[Step, ...] = ()

    @cached_property
    def code_ttl_ms(self) -> int:
        """How long a code is valid."""
        return milliseconds(self.code_ttl)

    @cached_property
    def send_limits(self) -> tuple[Limit, ...]:
        """The limits over the log of sends: the quotas and the cooldown."""
        limits = [self._quota(quota) for quota in self.send_quotas]
        if self.cooldown:
            limits.append(Limit("cooldown", 1, milliseconds(self.cooldown)))
        return tuple(limits)

    @cached_property
    def locks(self) -> tuple[Limit, ...]:
        """The limits over the log of wrong guesses: the budget and the cap."""
        budget = Limit("lock", self.guess_budget.count, milliseconds(self.guess_budget.period))
        cap = () if self.failure_cap is None else (Limit("lock", self.failure_cap, None),)
        return (budget, *cap)

    def _quota(self, quota: Quota) -> Limit:
        zone = self.day_zone if quota.period == DAY else None
        return Limit("quota", quota.count, milliseconds(quota.period), zone)
