"""The command ``flask otpauth routes``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import as_json, show, state

if TYPE_CHECKING:
    from flask_otpauth.engine.router import Route


@click.command()
@as_json
@with_appcontext
def routes(as_json: bool) -> None:
    """List which senders get which messages, in their order, and the senders that rest."""
    found = state().services.codes.messenger.router.routes.values()
    rows = [row for route in sorted(found, key=lambda each: each.key) for row in _rows(route)]
    show(rows, as_json)


def _rows(route: Route) -> Iterator[dict[str, object]]:
    """Yield a row for each sender of a route. A circuit is only asked for if there is another sender."""
    from flask_otpauth.core.instants import epoch_ms, from_epoch_ms

    services = state().services
    router, now_ms = services.codes.messenger.router, epoch_ms(services.clock())
    for sender in route.senders:
        row = {**route.key._asdict(), "sender": sender.name}
        if len(route.senders) > 1:
            circuit = router.circuits.read(sender.name)
            until = circuit.rests_until(router.policy, now_ms)
            row["circuit"] = circuit.state(router.policy, now_ms).value
            row["failures"] = str(circuit.failures)
            row["rests_until"] = f"{from_epoch_ms(until):%Y-%m-%d %H:%M:%S}" if until else ""
        yield row
