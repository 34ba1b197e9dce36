"""The commands ``flask otpauth sessions …``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from flask_otpauth.cli.groups import as_json, demand, show, state

if TYPE_CHECKING:
    from flask_otpauth.engine.user_sessions import UserSessions

sessions = AppGroup("sessions", help="Sessions of users.")


@sessions.command("list")
@click.argument("user")
@as_json
def list_sessions(user: str, as_json: bool) -> None:
    """List the open sessions of USER: an e-mail address, a phone number, a member id or a user's id."""
    rows = [
        {
            "id": each.id,
            "logged_in": f"{each.authenticated_at:%Y-%m-%d %H:%M:%S}",
            "refreshed": f"{each.refreshed_at:%Y-%m-%d %H:%M:%S}",
            "ends": f"{each.ends_at:%Y-%m-%d %H:%M:%S}",
        }
        for each in _sessions().list(user)
    ]
    show(rows, as_json)


# An id may begin with a hyphen.
@sessions.command("revoke", context_settings={"ignore_unknown_options": True})
@click.argument("session_id")
def revoke_session(session_id: str) -> None:
    """End one session."""
    demand(_sessions().revoke(session_id), "open session", session_id)
    click.echo(f"Session {session_id} revoked.")


@sessions.command("revoke-all")
@click.argument("user")
def revoke_all_sessions(user: str) -> None:
    """End all sessions and account tokens of a user."""
    click.echo(f"{_sessions().revoke_all(user)} sessions revoked.")


def _sessions() -> UserSessions:
    from flask_otpauth.engine.user_sessions import UserSessions

    return UserSessions(state().services.users)
