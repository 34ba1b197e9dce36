"""
Workflows: one code over several channels, one after the other, until it is used.

A workflow is a list of steps such as ``("sms 40s", "whatsapp 40s", "voice")``. The first step is sent by the
request. Each later one is due when the time of the step before it is over, or at once if that step has
certainly failed (:mod:`flask_otpauth.core.deliveries`). All steps have the same code, so a step is not sent
any more when the code was used, withdrawn or replaced, or has expired.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate

from flask_otpauth.core.record import frozen

#: The channels that reach one phone number with the same code. The code of a flash call is the number that
#: calls, so it cannot be the code of another message.
CHANNELS = ("sms", "whatsapp", "voice")

_STEP = re.compile(r"(?P<channel>[a-z]+)(?: (?P<count>[0-9]{1,4})(?P<unit>[sm]))?")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1)}


@frozen
class Step:
    """One message of a workflow."""

    channel: str
    #: How long the next step waits. The last step has no next one.
    wait: timedelta = timedelta(0)

    @classmethod
    def parse(cls, text: str) -> Step:
        """
        Return the step of a text such as ``"sms 40s"``, ``"voice 2m"`` or ``"voice"``.

        :raises ValueError: if it is none. The text of the error is a sentence for the start-up error.
        """
        found = _STEP.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not a step such as 'sms 40s', 'whatsapp 2m' or 'voice'")
        if found["channel"] == "flashcall":
            raise ValueError("a flash call cannot be a step, because its code is the number that calls")
        if found["channel"] not in CHANNELS:
            raise ValueError(f"{found['channel']!r} cannot be a step: expected {', '.join(CHANNELS)}")
        if found["count"] is None:
            return cls(found["channel"])
        if int(found["count"]) == 0:
            raise ValueError(f"{text!r} waits for no time")
        return cls(found["channel"], int(found["count"]) * _UNITS[found["unit"]])

    def __str__(self) -> str:
        seconds = int(self.wait.total_seconds())
        return f"{self.channel} {seconds}s" if seconds else self.channel


def parse_steps(texts: Sequence[str]) -> tuple[Step, ...]:
    """
    Return the steps of a workflow. Without texts, there is no workflow.

    :raises ValueError: if they cannot be one. The text of the error is a sentence for the start-up error.
    """
    steps = tuple(Step.parse(text) for text in texts)
    if len(steps) == 1:
        raise ValueError("a workflow has at least two steps")
    for step in steps[:-1]:
        if not step.wait:
            raise ValueError(f"{step.channel!r} does not say how long the next step waits, such as '40s'")
    if steps and steps[-1].wait:
        raise ValueError(f"after {str(steps[-1])!r} there is no step that could wait")
    return steps


def starts(steps: Sequence[Step]) -> list[timedelta]:
    """Return for each step when it is due, counted from the request. Without steps, that is one message."""
    return list(accumulate((step.wait for step in steps[:-1]), initial=timedelta(0)))


def problems(steps: Sequence[Step], code_ttl: timedelta, first_channels: Sequence[str]) -> list[str]:
    """Return a sentence for each reason why a flow cannot have this workflow."""
    found = []
    if steps and steps[0].channel not in first_channels:
        found.append(f"the first step must be one of {', '.join(first_channels)}")
    if steps and starts(steps)[-1] >= code_ttl:
        last, ttl = (int(each.total_seconds()) for each in (starts(steps)[-1], code_ttl))
        found.append(f"the last step starts after {last} seconds, and the code is valid for {ttl} (CODE_TTL)")
    return found
