"""What an administrator does now and then: tables, locks, old rows."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import state


@click.command("init-db")
@with_appcontext
def init_db() -> None:
    """Create the tables that are missing."""
    state().services.upkeep.create_all()
    click.echo("The tables are there.")


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, 36_500),
    default=30,
    show_default=True,
    help="Delete rows that nothing has needed for so many days.",
)
@with_appcontext
def purge(days: int) -> None:
    """Delete rows that are of no use any more. Nothing depends on it but space."""
    count = state().services.upkeep.purge(days)
    click.echo(f"{count} rows deleted.")


@click.command()
@click.argument("subject")
@with_appcontext
def unlock(subject: str) -> None:
    """Lift every lock of SUBJECT: an e-mail address, a phone number, a member id or a user's id."""
    unlocked = state().services.unlocking.unlock(subject)
    for change in unlocked.changes:
        done = "free again" if change.was_locked else "forgotten, was not locked"
        click.echo(f"{change.subject}: {change.what}: {done}")
    if not unlocked:
        raise click.ClickException(f"nothing of {subject!r} was locked")
