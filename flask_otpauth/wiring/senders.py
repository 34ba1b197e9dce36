"""Who sends on each channel, and when."""

from __future__ import annotations

from collections.abc import Callable

from flask_otpauth.adapters.delivery import InlineDelivery, ThreadDelivery
from flask_otpauth.adapters.senders.failover import FailoverSender
from flask_otpauth.adapters.senders.mail import MailSender
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.delivery import Delivery
from flask_otpauth.ports.senders import CHANNELS, Sender
from flask_otpauth.settings import nearest
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.providers import Providers


def routes(assembly: Assembly, clock: Clock) -> dict[str, Sender]:
    """Return a sender for each channel. Add a problem if a registered flow has a channel without one."""
    chosen = {**_defaults(assembly), **assembly.shared.senders}
    assembly.problems += [
        f"OTPAUTH_SENDERS: unknown channel {channel!r}{nearest(channel, CHANNELS)}"
        for channel in chosen
        if channel not in CHANNELS
    ]
    needed = {
        channel
        for name in assembly.registered
        for channel in assembly.flows[name].channels(assembly.by_flow[name])
    }
    for channel in sorted(needed - {name for name, value in chosen.items() if value}):
        if assembly.app.debug:
            chosen[channel] = "console"
        else:
            missing = (
                f"no sender configured for channel {channel!r}, which a registered flow "
                "needs ('console' prints messages)"
            )
            assembly.demand_to_serve([f"OTPAUTH_SENDERS: {missing}"])
    providers = Providers(assembly)
    return {
        channel: FailoverSender(_senders(assembly, providers, channel, value, channel in needed), clock)
        for channel, value in chosen.items()
        if value
    }


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


def delivery(assembly: Assembly) -> Delivery:
    """Return what decides when messages are sent."""
    packaged: dict[str, Callable[[], Delivery]] = {
        "inline": InlineDelivery,
        "thread": lambda: ThreadDelivery(assembly.app.app_context),
    }
    chosen = assembly.resolved("DELIVERY", assembly.shared.delivery, packaged, "submit")
    return chosen or InlineDelivery()


def _senders(
    assembly: Assembly, providers: Providers, channel: str, value: object, needed: bool
) -> list[Sender]:
    key = f"SENDERS[{channel!r}]"
    values = {key: value}
    if isinstance(value, (list, tuple)):
        values = {f"{key}[{index}]": each for index, each in enumerate(value)}
    if "mail" in values.values() and needed:
        assembly.demand_to_serve(MailSender.problems(assembly.app.config))
    return [providers.find(each, chosen) for each, chosen in values.items()]
