"""Where a provider can own the codes, and where it cannot."""

from __future__ import annotations

from collections.abc import Iterator

from flask_otpauth.engine.router import Router
from flask_otpauth.settings import PREFIX
from flask_otpauth.wiring.assembly import Assembly

_OWNS = "the provider draws the code"


def problems(assembly: Assembly, router: Router) -> Iterator[str]:
    """Yield a sentence for each route and flow that cannot work, because a provider owns the codes."""
    owned = set()
    for key, route in router.routes.items():
        owners = [name for name in route.names if name in router.owners]
        if owners:
            owned.add(key.channel)
        if owners and len(owners) < len(route.names):
            yield (
                f"{PREFIX}SENDERS: {', '.join(owners)} on channel {key.channel!r} checks its codes itself, "
                "so all senders of the route must do so"
            )
    if "flashcall" in owned:
        yield f"{PREFIX}SENDERS: on channel 'flashcall' the code is the caller's number, but {_OWNS}"
    for name, settings in assembly.by_flow.items():
        steps = {step.channel for step in settings.policy("").workflow}
        if steps & owned:
            yield (
                f"{PREFIX}{name.upper()}_WORKFLOW: its steps send one code, but on channel "
                f"{min(steps & owned)!r} {_OWNS}"
            )
    for name in assembly.registered:
        yield from _flow_problems(assembly, name, owned)


def _flow_problems(assembly: Assembly, name: str, owned: set[str]) -> Iterator[str]:
    flow, settings = assembly.flows[name], assembly.by_flow[name]
    channels = sorted(owned.intersection(flow.channels(settings)) - {"flashcall"})
    if not channels:
        return
    where = f"{PREFIX}SENDERS: on channel {channels[0]!r} {_OWNS}"
    if any(each.shows_code(settings) for each in flow.operations):
        yield f"{where}, but the flow {name!r} shows it in a response"
    if settings.weakest_policy() is None:
        yield f"{where}, but the clients of the flow {name!r} choose it and check it themselves"
