"""The commands ``flask otpauth users …``."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup

from flask_otpauth.cli.groups import as_json, show, state
from flask_otpauth.core.masking import one_line
from flask_otpauth.engine.people import shown_id

users = AppGroup("users", help="Users of the directory.")


@users.command("create")
@click.option("--email", help="The e-mail address.")
@click.option("--phone", help="The phone number, with its country code unless OTPAUTH_PHONE_REGION is set.")
@click.option("--member-id", help="The member ID of the flow account.")
@click.option("--full-name", default="", help="The name.")
@click.option("--password", help="The password; asked for, without showing it, if given as '-'.")
@as_json
def create_user(as_json: bool, password: str | None, **fields: Any) -> None:
    """Create a user. It is an error if somebody has the e-mail, the phone or the member id."""
    if not any(fields[name] for name in ("email", "phone", "member_id")):
        raise click.UsageError("give --email, --phone or --member-id")
    if password == "-":
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    user = state().services.users.create(**fields, password=password)
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
    state().services.users.disable(user)
    click.echo(f"User {one_line(str(user.id))} is disabled, their sessions are revoked.")


@users.command("enable")
@click.argument("identifier")
def enable_user(identifier: str) -> None:
    """Enable a user again."""
    user = _found(identifier)
    state().services.users.enable(user)
    click.echo(f"User {one_line(str(user.id))} is enabled.")


@users.command("delete")
@click.argument("identifier")
def delete_user(identifier: str) -> None:
    """Delete a user, their sessions, PIN and password. What is counted for an address stays."""
    user = _found(identifier)
    state().services.users.delete(user)
    click.echo(f"User {one_line(str(user.id))} is deleted.")


def _found(identifier: str) -> Any:
    user = state().services.users.find(identifier)
    if user is None:
        raise click.ClickException(f"no user, or more than one, is known as {identifier!r}")
    return user


def _user_row(user: Any) -> dict[str, Any]:
    names = ("email", "phone", "member_id", "full_name")
    flags = ("is_enabled", "email_verified", "phone_verified")
    return {"id": shown_id(user), **{name: getattr(user, name) for name in (*names, *flags)}}
