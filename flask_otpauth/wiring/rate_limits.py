"""Rate limits: whose Limiter counts, and how much."""

from __future__ import annotations

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from flask_otpauth.adapters.rate_limits import DEFAULTS, LimiterRateLimits
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.settings import nearest
from flask_otpauth.wiring.assembly import Assembly


def rate_limits(assembly: Assembly, keys: KeyRing) -> LimiterRateLimits:
    """The limits of the configuration, counted apart from those of other apps."""
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
    limiter = _limiter(assembly)
    try:
        return LimiterRateLimits(limiter, limits, namespace)
    except ValueError as error:
        assembly.problems.append(f"OTPAUTH_IP_LIMITS: {error}")
        return LimiterRateLimits(limiter, {}, namespace)


def _names(assembly: Assembly) -> set[str]:
    """What a limit may be set for: classes of paths, flows, and single paths."""
    flows = [each for flow in assembly.flows.values() for each in flow.parts]
    paths = {f"{flow.name}.{operation.name}" for flow in flows for operation in flow.operations}
    return {*DEFAULTS, *assembly.flows, *paths, *(f"{name}.authentication" for name in assembly.flows)}


def _limiter(assembly: Assembly) -> Limiter:
    """The explicit one, else the host's only one, else our own on the host's ``RATELIMIT_*``."""
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
    # Only its counters are wanted: a host that makes a Limiter of its own later would otherwise
    # have its RATELIMIT_DEFAULT counted twice.
    return Limiter(
        get_remote_address,
        app=app,
        storage_uri=app.config.get("RATELIMIT_STORAGE_URI", "memory://"),
        default_limits_exempt_when=lambda: True,
        application_limits_exempt_when=lambda: True,
    )
