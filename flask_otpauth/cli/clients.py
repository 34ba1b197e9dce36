"""The commands ``flask otpauth clients …``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from flask_otpauth.cli.groups import as_json, demand, show, state

if TYPE_CHECKING:
    from flask_otpauth.core.clients import Client

clients = AppGroup("clients", help="Manage clients of the flows.")


@clients.command("create")
@click.argument("name")
@click.option("--flow", "flows", multiple=True, required=True, help="Flow the client may use (repeatable).")
@click.option(
    "--scope",
    default="member",
    show_default=True,
    help="`member`, or `admin` (may use the campaigns of all clients).",
)
@as_json
def create_client(name: str, flows: tuple[str, ...], scope: str, as_json: bool) -> None:
    """Create a client and print its secret (shown only once)."""
    created = state().services.clients.create(name, flows, scope)
    show([{"id": created.id, "secret": created.secret}], as_json)


@clients.command("list")
@as_json
def list_clients(as_json: bool) -> None:
    """List clients."""
    show([_client_row(client) for client in state().services.clients.list()], as_json)


@clients.command("block")
@click.argument("client_id")
def block_client(client_id: str) -> None:
    """Block a client. Its secret and tokens are refused at once."""
    demand(state().services.clients.block(client_id), "client", client_id)
    click.echo(f"Client {client_id} is blocked.")


@clients.command("unblock")
@click.argument("client_id")
def unblock_client(client_id: str) -> None:
    """Unblock a client. Its secret and tokens work again."""
    demand(state().services.clients.unblock(client_id), "client", client_id)
    click.echo(f"Client {client_id} is unblocked.")


@clients.command("rotate")
@click.argument("client_id")
@click.option(
    "--overlap",
    type=click.IntRange(0, 31_536_000),
    default=0,
    show_default=True,
    help="Seconds for which the old secret keeps working.",
)
@as_json
def rotate_client(client_id: str, overlap: int, as_json: bool) -> None:
    """Rotate the client's secret and print it (shown only once)."""
    rotated = state().services.clients.rotate(client_id, overlap)
    show([{"id": rotated.id, "secret": rotated.secret}], as_json)


def _client_row(client: Client) -> dict[str, object]:
    return {
        "id": client.id,
        "name": client.name,
        "flows": client.flows,
        "scope": client.scope,
        "blocked": client.blocked_at is not None,
    }
