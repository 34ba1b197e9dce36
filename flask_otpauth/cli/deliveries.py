"""The command ``flask otpauth deliver``."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING

import click
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import state

if TYPE_CHECKING:
    from flask_otpauth.engine.deliveries import Deliveries


@click.command()
@click.option("--watch", is_flag=True, help="Do not end: look again and again.")
@click.option(
    "--every",
    "pause_seconds",
    type=click.FloatRange(0.1, 3600),
    default=5.0,
    show_default=True,
    help="How many seconds to wait between two looks.",
)
@with_appcontext
def deliver(watch: bool, pause_seconds: float) -> None:
    """
    Send the messages that wait in the database and that nobody is sending.

    They were left by a process that was killed, or by a queue that lost its tasks. You can run this command
    at any time, also several times at once: each message is sent once.
    """
    deliveries = state().services.deliveries
    if deliveries is None:
        raise click.ClickException(
            "no message waits in the database, because OTPAUTH_DELIVERY sends directly"
        )
    while True:
        _deliver_all(deliveries)
        if not watch:
            return
        sleep(pause_seconds)


def _deliver_all(deliveries: Deliveries) -> None:
    """Take up batches until nothing is left, and say how many messages there were."""
    count = 0
    while found := deliveries.deliver_due():
        count += found
    click.echo(f"{count} messages taken up.")
