"""The command ``flask otpauth send-test``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import as_json, show, state
from flask_otpauth.core.sensitive import Sensitive, mask_address
from flask_otpauth.ports.senders import CHANNELS, Message, Receipt, Status

if TYPE_CHECKING:
    from flask_otpauth.ports.senders import Sender

_CODE_DIGITS = 6
_CODE_TTL = timedelta(minutes=5)


@click.command("send-test")
@click.argument("channel", type=click.Choice(CHANNELS))
@click.argument("recipient")
@click.option(
    "--provider", help="A sender of OTPAUTH_PROVIDERS. Default: the one that would get the message."
)
@click.option("--locale", help="The language of the message.")
@click.option("--caller", default="", help="The number to call from.")
@as_json
@with_appcontext
def send_test(
    channel: str, recipient: str, provider: str | None, locale: str | None, caller: str, as_json: bool
) -> None:
    """
    Send a message with a code to RECIPIENT, and print what became of it.

    The code is accepted nowhere, and counts for no quota. Unless the message was accepted, the exit
    status is 1.
    """
    message = _message(channel, recipient, locale, caller)
    receipt = _send(message, provider)
    show([_row(message, receipt, provider)], as_json)
    if receipt.status is not Status.ACCEPTED:
        click.get_current_context().exit(1)


def _message(channel: str, recipient: str, locale: str | None, caller: str) -> Message:
    from flask_otpauth.core.challenges import draw_code
    from flask_otpauth.engine.messenger import Draft

    services = state().services
    address = services.host_codes.address_on(channel, recipient)
    draft = Draft(
        channel,
        address,
        services.host_codes.languages(locale),
        purpose="send-test",
        caller_number=Sensitive(caller),
    )
    return services.codes.messenger.write(draft, draw_code(_CODE_DIGITS), services.clock() + _CODE_TTL)


def _send(message: Message, provider: str | None) -> Receipt:
    if provider is not None:
        from flask_otpauth.adapters.senders.guarded import hand_over

        return hand_over(_named(provider, message.channel), message)
    router = state().services.codes.messenger.router
    if message.channel not in router.channels:
        raise click.ClickException(f"OTPAUTH_SENDERS has no sender for channel {message.channel!r}")
    return router.send(message)


def _named(provider: str, channel: str) -> Sender:
    """Return a sender by its name, also one that no channel uses yet."""
    from flask_otpauth.wiring.assembly import Assembly
    from flask_otpauth.wiring.providers import Providers

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy has it, but its type does not
    assembly = Assembly.of(app, None, None)
    found = Providers(assembly).find("PROVIDERS", provider, channel)
    if assembly.problems:
        raise click.ClickException("\n".join(assembly.problems))
    return found


def _row(message: Message, receipt: Receipt, provider: str | None) -> dict[str, object]:
    cost = "" if receipt.cost is None else f"{receipt.cost} {receipt.currency}".strip()
    return {
        "sender": provider or receipt.sender,
        "recipient": mask_address(message.recipient),
        "status": receipt.status.value,
        "provider_id": receipt.provider_id,
        "segments": str(message.segments or ""),
        "cost": cost,
        "detail": receipt.detail,
    }
