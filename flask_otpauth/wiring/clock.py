"""The clock of an app: the host's, or the system's."""

from __future__ import annotations

from datetime import datetime

from flask_otpauth.adapters.clock import system_clock
from flask_otpauth.ports.clock import Clock
from flask_otpauth.wiring.assembly import Assembly


def clock_of(assembly: Assembly) -> Clock:
    """Return the host's clock, which may show any time zone, or the system's."""
    given: Clock | None = assembly.shared.clock
    if given is None:
        return system_clock
    now: object = given()
    if not isinstance(now, datetime) or now.utcoffset() is None:
        assembly.problems.append("OTPAUTH_CLOCK: expected a callable that returns an aware datetime")
    return given
