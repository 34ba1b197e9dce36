"""Rate limits: what counts, and the limits."""

from __future__ import annotations

from flask_limiter import Limiter

from flask_otpauth.adapters.rate_limits import DEFAULTS, Counters, LimiterRateLimits, OwnCounters
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.settings import nearest
from flask_otpauth.wiring.assembly import Assembly


def rate_limits(assembly: Assembly, keys: KeyRing) -> LimiterRateLimits:
    """Return the limits of the configuration, counted separately for each app."""
    limits: dict[str, str | None] = {**DEFAULTS, **(assembly.shared.ip_limits or {})}
    known = _names(assembly)
    assembly.problems += [
        f"OTPAUTH_IP_LIMITS: {name!r} is not a known path, flow or rate-limit class{nearest(name, known)}"
        for name in limits
        if name not in known
    ]
    if assembly.shared.ip_limits is None:
        limits = dict.fromkeys(limits)
    namespace = f"otpauth:{assembly.app.name}:{keys.row_key('namespace').hex()[:12]}"
    counters = _counters(assembly)
    try:
        return LimiterRateLimits(counters, limits, namespace)
    except ValueError as error:
        assembly.problems.append(f"OTPAUTH_IP_LIMITS: {error}")
        return LimiterRateLimits(counters, {}, namespace)


def _names(assembly: Assembly) -> set[str]:
    """Return the names for which a limit can be set: classes of paths, flows, and single paths."""
    flows = [each for flow in assembly.flows.values() for each in flow.parts]
    paths = {f"{flow.name}.{operation.name}" for flow in flows for operation in flow.operations}
    failures = {f"{name}.authentication" for name in (*assembly.flows, "receipts")}
    return {*DEFAULTS, *assembly.flows, *paths, *failures}


def _counters(assembly: Assembly) -> Counters:
    """Return the Limiter that the host gave, or its only one. Without one, return own counters."""
    app, given = assembly.app, assembly.limiter
    registered = app.extensions.get("limiter", set())
    if given is not None:
        if given not in registered:
            given.init_app(app)
        return given
    if len(registered) > 1:
        assembly.problems.append(
            "OTPAUTH_IP_LIMITS: the app has several Limiters: choose one with OtpAuth(limiter=…)"
        )
    if registered:
        found: Limiter = next(iter(registered))
        return found
    try:
        return OwnCounters.from_config(app.config)
    except ValueError as error:
        assembly.problems.append(str(error))
        return OwnCounters.from_config({})
