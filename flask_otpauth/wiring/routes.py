"""Which senders get which messages, as ``OTPAUTH_ROUTES`` says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from flask_otpauth.adapters.senders.guarded import guarded
from flask_otpauth.core.circuits import CircuitPolicy
from flask_otpauth.core.instants import DAY, milliseconds
from flask_otpauth.core.routes import ANYWHERE, RouteKey
from flask_otpauth.engine.router import NamedSender, Route
from flask_otpauth.ports.senders import CHANNELS
from flask_otpauth.settings import PREFIX, Shared, nearest
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.providers import Providers

_CALLING_CODES = frozenset(map(str, COUNTRY_CODE_TO_REGION_CODE))


def configured_routes(assembly: Assembly, providers: Providers) -> dict[RouteKey, Route]:
    """Return the routes. Add a problem for each key and each name that means nothing."""
    found = {}
    for key, names in assembly.shared.routes.items():
        shown = f"{PREFIX}ROUTES[{key!r}]"
        problems = list(_key_problems(key)) + list(_name_problems(names, providers))
        assembly.problems += [f"{shown}: {problem}" for problem in problems]
        if not problems:
            route = RouteKey(*key)
            senders = ((name, providers.find(f"ROUTES[{key!r}]", name, route.channel)) for name in names)
            found[route] = Route(route, tuple(NamedSender(name, guarded(sender)) for name, sender in senders))
    return found


def circuit_policy(assembly: Assembly) -> CircuitPolicy:
    """Return when a sender rests, and for how long."""
    shared = assembly.shared
    assembly.problems += _circuit_problems(shared)
    return CircuitPolicy(
        shared.circuit_failures,
        milliseconds(shared.circuit_window),
        milliseconds(shared.circuit_rest),
        milliseconds(shared.circuit_longest_rest),
    )


def _key_problems(key: Sequence[str]) -> Iterator[str]:
    if not 1 <= len(key) <= len(RouteKey._fields) or not all(key):
        yield "expected a channel, a calling code and the id of a client, the last two if they matter"
        return
    channel, calling_code = key[0], key[1] if len(key) > 1 else ANYWHERE
    if channel not in CHANNELS:
        yield f"unknown channel {channel!r}{nearest(channel, CHANNELS)}"
    elif calling_code != ANYWHERE and channel == "email":
        yield f"e-mail addresses have no calling code: use {ANYWHERE!r}"
    elif calling_code not in (ANYWHERE, *_CALLING_CODES):
        yield f"{calling_code!r} is not a calling code such as '84': use its digits without a plus sign"


def _name_problems(names: Sequence[str], providers: Providers) -> Iterator[str]:
    if not names:
        yield "expected at least one sender"
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{name!r} is there twice"
        if name not in providers.names:
            yield f"unknown sender {name!r}{nearest(name, providers.names)}: declare it in {PREFIX}PROVIDERS"


def _circuit_problems(shared: Shared) -> Iterator[str]:
    if shared.circuit_longest_rest < shared.circuit_rest:
        yield f"{PREFIX}CIRCUIT_LONGEST_REST: must not be shorter than {PREFIX}CIRCUIT_REST"
    for key, period in (("WINDOW", shared.circuit_window), ("LONGEST_REST", shared.circuit_longest_rest)):
        if period > DAY:
            yield f"{PREFIX}CIRCUIT_{key}: must not exceed a day"
