"""What an administrator does now and then: tables, locks, old rows."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import state


@click.command("init-db")
@with_appcontext
def init_db() -> None:
    """Create missing tables."""
    state().services.upkeep.create_all()
    click.echo("Tables created.")


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, 36_500),
    default=30,
    show_default=True,
    help="Delete rows unused for this many days.",
)
@with_appcontext
def purge(days: int) -> None:
    """Delete rows that are no longer used. This only saves space."""
    count = state().services.upkeep.purge(days)
    click.echo(f"{count} rows deleted.")


@click.command()
@click.argument("subject")
@with_appcontext
def unlock(subject: str) -> None:
    """Unlock SUBJECT: an e-mail address, a phone number, a member id or a user id."""
    unlocked = state().services.unlocking.unlock(subject)
    for change in unlocked.changes:
        done = "unlocked" if change.was_locked else "reset (was not locked)"
        click.echo(f"{change.subject}: {change.what}: {done}")
    if not unlocked:
        raise click.ClickException(f"{subject!r} was not locked")
