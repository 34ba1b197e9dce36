"""
``flask otpauth …``

Import-light on purpose: Flask imports this module for every ``flask`` command of the host, so
a broken import here would break them all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
from flask import current_app
from flask.cli import AppGroup

if TYPE_CHECKING:
    from flask_otpauth.wiring import State

otpauth = AppGroup("otpauth", help="One-time-code authentication.")
users = AppGroup("users", help="Users of the directory.")
clients = AppGroup("clients", help="Clients of the server-to-server flows.")
campaigns = AppGroup("campaigns", help="Campaigns of the voice flow.")
for group in (users, clients, campaigns):
    otpauth.add_command(group)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def _state() -> State:
    state: State | None = current_app.extensions.get("otpauth")
    if state is None:
        raise click.ClickException("this app has no OtpAuth: call otpauth.init_app(app)")
    return state


def show(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print rows for people or for scripts."""
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        click.echo("  ".join(f"{name}={_plain(value)}" for name, value in row.items()))


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(str(each) for each in value)
    return "-" if value in (None, "") else str(value)


@otpauth.command("init-db")
def init_db() -> None:
    """Create the tables that are missing."""
    _state().services.upkeep.create_all()
    click.echo("The tables are there.")


@otpauth.command()
@click.option("--days", default=30, show_default=True, help="Delete what nothing has needed for so long.")
def purge(days: int) -> None:
    """Delete rows that are of no use any more. Nothing depends on it but space."""
    count = _state().services.upkeep.purge(days)
    click.echo(f"{count} rows deleted.")


@otpauth.command()
@click.argument("subject")
def unlock(subject: str) -> None:
    """Lift the lock of SUBJECT: an e-mail address, a phone number, or a user's id."""
    count = _state().services.upkeep.unlock(subject)
    click.echo(f"{count} guess budgets are free again.")


@otpauth.command()
@as_json
def flows(as_json: bool) -> None:
    """List the registered flows with their paths, and the errors that each can answer."""
    rows = [
        {"flow": name, "method": operation.method, "path": path, "does": summary}
        for name, mount in _state().mounts.items()
        for operation, path, summary in mount.listed()
    ]
    show(rows, as_json)


@otpauth.command()
@as_json
def config(as_json: bool) -> None:
    """Show every setting with its value, secrets masked."""
    state = _state()
    sections: Mapping[str, Any] = {"": state.shared, **{f"{name.upper()}_": each for name, each in state.by_flow.items()}}
    rows = [
        {"key": f"OTPAUTH_{prefix}{name.upper()}", "value": _masked(field.repr, getattr(values, name))}
        for prefix, values in sections.items()
        for name, field in type(values).model_fields.items()
    ]
    show(rows, as_json)


def _masked(may_be_shown: bool, value: Any) -> str:
    return str(value) if may_be_shown or value is None else "***"


def _user_row(user: Any) -> dict[str, Any]:
    names = ("id", "email", "phone", "member_id", "full_name", "is_enabled", "email_verified", "phone_verified")
    return {name: getattr(user, name) for name in names}


@users.command("create")
@click.option("--email")
@click.option("--phone")
@click.option("--member-id")
@click.option("--full-name", default="")
@click.option("--password", help="Asked for, without showing it, if given as '-'.")
@as_json
def create_user(as_json: bool, password: str | None, **fields: Any) -> None:
    """Create a user, or show the one that has this address already."""
    if not any(fields[name] for name in ("email", "phone", "member_id")):
        raise click.UsageError("give --email, --phone or --member-id")
    if password == "-":
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        user = _state().services.users.create(**fields, password=password)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    show([_user_row(user)], as_json)


@users.command("show")
@click.argument("identifier")
@as_json
def show_user(identifier: str, as_json: bool) -> None:
    """Show the user of that e-mail, member id, phone or id."""
    show([_user_row(_found(identifier))], as_json)


@users.command("disable")
@click.argument("identifier")
def disable_user(identifier: str) -> None:
    """Disable a user and end their sessions."""
    user = _found(identifier)
    _state().services.users.disable(user.id)
    click.echo(f"User {user.id} is disabled, their sessions are revoked.")


@users.command("enable")
@click.argument("identifier")
def enable_user(identifier: str) -> None:
    """Enable a user again."""
    user = _found(identifier)
    _state().services.users.enable(user.id)
    click.echo(f"User {user.id} is enabled.")


def _found(identifier: str) -> Any:
    user = _state().services.users.find(identifier)
    if user is None:
        raise click.ClickException(f"no user, or more than one, is known as {identifier!r}")
    return user


def _client_row(client: Any) -> dict[str, Any]:
    return {
        "id": client.id,
        "name": client.name,
        "flows": client.flows,
        "scope": client.scope,
        "blocked": client.blocked_at is not None,
    }


@clients.command("create")
@click.argument("name")
@click.option("--flow", "flows", multiple=True, required=True, help="A flow that it may use; give several.")
@click.option("--scope", default="member", show_default=True, help="member, or admin.")
@as_json
def create_client(name: str, flows: tuple[str, ...], scope: str, as_json: bool) -> None:
    """Create a client and show its secret, this once."""
    try:
        created = _state().services.clients.create(name, flows, scope)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    show([{"id": created.id, "secret": created.secret}], as_json)


@clients.command("list")
@as_json
def list_clients(as_json: bool) -> None:
    """List the clients."""
    show([_client_row(client) for client in _state().services.clients.list()], as_json)


@clients.command("block")
@click.argument("client_id")
def block_client(client_id: str) -> None:
    """Refuse a client's secrets and tokens at once."""
    _demand(_state().services.clients.block(client_id), "client", client_id)
    click.echo(f"Client {client_id} is blocked.")


@clients.command("unblock")
@click.argument("client_id")
def unblock_client(client_id: str) -> None:
    """Let a client's secrets and tokens work again."""
    _demand(_state().services.clients.unblock(client_id), "client", client_id)
    click.echo(f"Client {client_id} is not blocked.")


@clients.command("rotate")
@click.argument("client_id")
@click.option("--overlap", default=0, show_default=True, help="Seconds that the old secret still works.")
@as_json
def rotate_client(client_id: str, overlap: int, as_json: bool) -> None:
    """Give a client a new secret and show it, this once."""
    try:
        rotated = _state().services.clients.rotate(client_id, overlap)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    show([{"id": rotated.id, "secret": rotated.secret}], as_json)


def _campaign_row(campaign: Any) -> dict[str, Any]:
    names = ("id", "client_id", "name", "caller_id", "language", "repeats", "daily_cap")
    return {**{name: getattr(campaign, name) for name in names}, "paused": campaign.paused_at is not None}


@campaigns.command("create")
@click.argument("client_id")
@click.option("--name", default="")
@click.option("--caller-id", default="", help="The number that calls are shown from.")
@click.option("--language", default="vi", show_default=True)
@click.option("--repeats", default=2, show_default=True, help="How often the digits are read.")
@click.option("--daily-cap", type=int, help="The most calls of one UTC day.")
@as_json
def create_campaign(client_id: str, as_json: bool, **fields: Any) -> None:
    """Create a campaign of a client."""
    try:
        created = _state().services.campaigns.create(client_id, **fields)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    show([_campaign_row(created)], as_json)


@campaigns.command("list")
@click.option("--client", "client_id", help="Only those of this client.")
@as_json
def list_campaigns(client_id: str | None, as_json: bool) -> None:
    """List the campaigns."""
    show([_campaign_row(each) for each in _state().services.campaigns.list(client_id)], as_json)


@campaigns.command("pause")
@click.argument("campaign_id")
def pause_campaign(campaign_id: str) -> None:
    """Refuse a campaign's calls."""
    _demand(_state().services.campaigns.pause(campaign_id), "campaign", campaign_id)
    click.echo(f"Campaign {campaign_id} is paused.")


@campaigns.command("resume")
@click.argument("campaign_id")
def resume_campaign(campaign_id: str) -> None:
    """Take a campaign's calls again."""
    _demand(_state().services.campaigns.resume(campaign_id), "campaign", campaign_id)
    click.echo(f"Campaign {campaign_id} is running.")


def _demand(found: bool, what: str, name: str) -> None:
    if not found:
        raise click.ClickException(f"there is no {what} {name!r}")
