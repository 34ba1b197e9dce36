"""The commands ``flask otpauth users …``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from flask_otpauth.cli.groups import as_json, show, state
from flask_otpauth.core.sensitive import one_line
from flask_otpauth.engine.logins import shown_id

if TYPE_CHECKING:
    from flask_otpauth.ports.directory import User

users = AppGroup("users", help="Manage users.")


@users.command("create")
@click.option("--email", help="E-mail address.")
@click.option("--phone", help="Phone number, with the country code unless OTPAUTH_PHONE_REGION is set.")
@click.option("--member-id", help="Member id (flow `account`).")
@click.option("--full-name", default="", help="Full name.")
@click.option("--password", help="Password. Use '-' to be prompted for it.")
@as_json
def create_user(
    as_json: bool,
    email: str | None,
    phone: str | None,
    member_id: str | None,
    full_name: str,
    password: str | None,
) -> None:
    """Create a user. Fails if another user has the same e-mail address, phone number or member id."""
    if not (email or phone or member_id):
        raise click.UsageError("give --email, --phone or --member-id")
    if password == "-":
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    user = state().services.users.create(
        email=email, phone=phone, member_id=member_id, full_name=full_name, password=password
    )
    show([_user_row(user)], as_json)


@users.command("show")
@click.argument("identifier")
@as_json
def show_user(identifier: str, as_json: bool) -> None:
    """Show the user with this e-mail address, phone number, member id or id."""
    show([_user_row(_find(identifier))], as_json)


@users.command("disable")
@click.argument("identifier")
def disable_user(identifier: str) -> None:
    """Disable a user and end their sessions."""
    user = _find(identifier)
    state().services.users.disable(user)
    click.echo(f"User {one_line(str(user.id))} is disabled. All sessions are revoked.")


@users.command("enable")
@click.argument("identifier")
def enable_user(identifier: str) -> None:
    """Enable a user again."""
    user = _find(identifier)
    state().services.users.enable(user)
    click.echo(f"User {one_line(str(user.id))} is enabled.")


@users.command("delete")
@click.argument("identifier")
def delete_user(identifier: str) -> None:
    """Delete a user, with sessions, PIN and password. Limits of the address are kept."""
    user = _find(identifier)
    state().services.users.delete(user)
    click.echo(f"User {one_line(str(user.id))} is deleted.")


def _find(identifier: str) -> User:
    user = state().services.users.find(identifier)
    if user is None:
        raise click.ClickException(f"no user, or more than one, matches {identifier!r}")
    return user


def _user_row(user: User) -> dict[str, object]:
    names = ("email", "phone", "member_id", "full_name")
    flags = ("is_enabled", "email_verified", "phone_verified")
    return {"id": shown_id(user), **{name: getattr(user, name) for name in (*names, *flags)}}
