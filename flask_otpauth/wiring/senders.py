"""Who sends on each channel."""

from __future__ import annotations

from collections.abc import Mapping

from flask_otpauth.adapters.senders.guarded import guarded
from flask_otpauth.adapters.senders.mail import MailSender
from flask_otpauth.core.routes import RouteKey
from flask_otpauth.engine.router import NamedSender, Route
from flask_otpauth.ports.senders import CHANNELS
from flask_otpauth.settings import nearest
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.providers import Providers
from flask_otpauth.wiring.routes import configured_routes


def routes(assembly: Assembly) -> dict[RouteKey, Route]:
    """Return the routes of all messages. Add a problem if a registered flow has a channel without one."""
    providers = Providers(assembly)
    found = configured_routes(assembly, providers)
    chosen = {**_defaults(assembly), **assembly.shared.senders}
    assembly.problems += [
        f"OTPAUTH_SENDERS: unknown channel {channel!r}{nearest(channel, CHANNELS)}"
        for channel in chosen
        if channel not in CHANNELS
    ]
    chosen = {name: value for name, value in chosen.items() if value and RouteKey(name) not in found}
    needed = _needed(assembly)
    for channel in sorted(needed - chosen.keys() - {key.channel for key in found}):
        if assembly.app.debug:
            chosen[channel] = "console"
        else:
            missing = (
                f"no sender configured for channel {channel!r}, which a registered flow "
                "needs ('console' prints messages)"
            )
            assembly.demand_to_serve([f"OTPAUTH_SENDERS: {missing}"])
    for channel, value in chosen.items():
        found[RouteKey(channel)] = Route(RouteKey(channel), _senders(providers, channel, value))
    assembly.problems += _gaps(found)
    if any(route.key.channel in needed and "mail" in route.names for route in found.values()):
        assembly.demand_to_serve(MailSender.problems(assembly.app.config))
    return found


def _needed(assembly: Assembly) -> set[str]:
    """Return the channels of the registered flows and of workflows, which codes of the host have too."""
    of_flows = {
        channel
        for name in assembly.registered
        for channel in assembly.flows[name].channels(assembly.by_flow[name])
    }
    policies = [settings.policy("") for settings in assembly.by_flow.values()]
    return of_flows | {step.channel for policy in policies for step in policy.workflow}


def _gaps(found: Mapping[RouteKey, Route]) -> list[str]:
    """Return a sentence for each channel that has routes, but none for some of the recipients."""
    return [
        f"OTPAUTH_ROUTES: no sender for all other recipients on channel {channel!r}: add the route "
        f"({channel!r},), or set OTPAUTH_SENDERS[{channel!r}]"
        for channel in sorted({key.channel for key in found})
        if RouteKey(channel) not in found
    ]


def _defaults(assembly: Assembly) -> dict[str, object]:
    """
    Return ``mail`` for e-mail, except in debug mode without ``MAIL_*``, which uses the console.

    With an inbox for development, it is the sender of every channel.
    """
    if assembly.inbox is not None:
        return dict.fromkeys(CHANNELS, assembly.inbox)
    if assembly.app.debug and not assembly.app.config.get("MAIL_DEFAULT_SENDER"):
        return {}
    return {"email": "mail"}


def _senders(providers: Providers, channel: str, value: object) -> tuple[NamedSender, ...]:
    """Return the senders of a channel. One without a name of its own has that of the channel."""
    key = f"SENDERS[{channel!r}]"
    values = {key: value}
    if isinstance(value, (list, tuple)):
        values = {f"{key}[{index}]": each for index, each in enumerate(value)}
    unnamed = [channel, *(f"{channel}-{place}" for place in range(2, len(values) + 1))]
    return tuple(
        NamedSender(
            chosen if isinstance(chosen, str) and chosen in providers.names else name,
            guarded(providers.find(each, chosen, channel)),
        )
        for name, (each, chosen) in zip(unnamed, values.items(), strict=True)
    )
