"""Who sends on each channel, and when."""

from __future__ import annotations

from collections.abc import Callable

from flask_mail import Mail

from flask_otpauth.adapters.delivery import InlineDelivery, ThreadDelivery
from flask_otpauth.adapters.senders.console import ConsoleSender
from flask_otpauth.adapters.senders.failover import FailoverSender
from flask_otpauth.adapters.senders.mail import MailSender
from flask_otpauth.adapters.senders.memory import MemorySender
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.delivery import Delivery
from flask_otpauth.ports.senders import CHANNELS, Sender
from flask_otpauth.settings import nearest
from flask_otpauth.wiring.assembly import Assembly


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
    return {
        channel: FailoverSender(_senders(assembly, channel, value, channel in needed), clock)
        for channel, value in chosen.items()
        if value
    }


def _defaults(assembly: Assembly) -> dict[str, object]:
    """Return ``mail`` for e-mail, except in debug mode without ``MAIL_*``, which uses the console."""
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


def _senders(assembly: Assembly, channel: str, value: object, needed: bool) -> list[Sender]:
    packaged: dict[str, Callable[[], Sender]] = {
        "mail": lambda: _mail(assembly),
        "console": ConsoleSender,
        "memory": MemorySender,
    }
    names = list(value) if isinstance(value, (list, tuple)) else [value]
    if "mail" in names and needed:
        assembly.demand_to_serve(MailSender.problems(assembly.app.config))
    found = [assembly.resolved(f"SENDERS[{channel!r}]", name, packaged, "send") for name in names]
    # If a sender was not found, the app will not start, and any sender will do.
    return [MemorySender() if sender is None else sender for sender in found]


def _mail(assembly: Assembly) -> MailSender:
    if "mail" not in assembly.app.extensions:
        Mail(assembly.app)
    return MailSender(assembly.app.extensions["mail"])
