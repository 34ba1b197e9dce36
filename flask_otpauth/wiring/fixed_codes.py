"""Reads the test identities of an app, and reports them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from flask_otpauth.core.challenges import is_digits
from flask_otpauth.core.sensitive import mask_address, one_line
from flask_otpauth.engine.fixed_codes import FixedCode, FixedCodes
from flask_otpauth.ports.addresses import Addresses
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.directory import User
from flask_otpauth.settings import PREFIX, TestIdentity
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.databases import Databases

_logger = logging.getLogger("flask_otpauth")
_KEY = f"{PREFIX}TEST_IDENTITIES"
#: How far away the last day may be.
_LONGEST = timedelta(days=366)
_ONE_DAY = timedelta(days=1)


def fixed_codes(assembly: Assembly, stores: Databases, addresses: Addresses, clock: Clock) -> FixedCodes:
    """Return the fixed codes. Add a problem for each entry that is wrong, and warn of the others."""
    hook = assembly.shared.is_privileged
    by_address: dict[str, FixedCode] = {}
    for given, identity in assembly.shared.test_identities.items():
        name, address = one_line(mask_address(given)), _canonical(given, addresses)
        if address is None:
            problems = ["expected an e-mail address, or a phone number such as '+84912345678'"]
        elif address in by_address:
            problems = ["it is listed twice, in different spellings"]
        else:
            problems = list(_problems(assembly, address, identity, clock().astimezone(UTC).date()))
            by_address[address] = FixedCode(identity.code, _end_of(identity.until))
        assembly.problems += [f"{_KEY}[{name!r}]: {problem}" for problem in problems]
    for address, fixed in by_address.items():
        _logger.warning("%s", description(address, fixed, clock()))

    def is_privileged(user: User) -> bool:
        return bool(hook is not None and hook(stores.for_host(user)))

    return FixedCodes(by_address, is_privileged, stores.directory, addresses, clock)


def description(address: str, fixed: FixedCode, now: datetime) -> str:
    """Return a sentence about a test identity, for people who operate the app."""
    last_day = (fixed.ends_at - _ONE_DAY).date()
    if now >= fixed.ends_at:
        return f"{_KEY}: {mask_address(address)} gets ordinary codes since {last_day}. Remove it."
    return (
        f"{_KEY}: {mask_address(address)} gets a fixed code and no message until {last_day}. "
        "Whoever knows the code can use it."
    )


def _canonical(given: str, addresses: Addresses) -> str | None:
    try:
        return addresses.email(given) if "@" in given else addresses.phone(given, None)
    except ValueError:
        return None


def _problems(assembly: Assembly, address: str, identity: TestIdentity, today: date) -> Iterator[str]:
    """Yield what is wrong with an entry."""
    length = _length(assembly, "email" if "@" in address else "phone")
    if not is_digits(identity.code, length):
        yield f"expected a code of {length} digits, as many as the longest code that the address can get"
    if identity.until > today + _LONGEST:
        yield f"'until' is more than a year away: {identity.until}"


def _length(assembly: Assembly, kind: str) -> int:
    """Return how long the longest code is that an address of this kind can get."""
    lengths = [
        assembly.by_flow[name].code_length
        for name in assembly.registered
        for channel in assembly.flows[name].channels(assembly.by_flow[name])
        if (channel == "email") is (kind == "email")
    ]
    of_host = [
        assembly.by_flow[name].code_length
        for name, flow in assembly.flows.items()
        if flow.counts_host_codes == kind
    ]
    return max(lengths or of_host, default=6)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + _ONE_DAY, time.min, UTC)
