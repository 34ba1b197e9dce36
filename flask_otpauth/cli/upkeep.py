"""Commands for the data: make the tables, fill in missing keys, delete old rows, unlock."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import state
from flask_otpauth.core.sensitive import one_line


@click.command("init-db")
@with_appcontext
def init_db() -> None:
    """Create missing tables."""
    state().services.upkeep.create_all()
    click.echo("Tables created.")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be changed.")
@click.option(
    "--batch",
    type=click.IntRange(1, 100_000),
    default=500,
    show_default=True,
    help="Number of rows per transaction.",
)
@with_appcontext
def backfill(dry_run: bool, batch: int) -> None:
    """
    Write `email_key` where it is missing or does not match `email`.

    Users who share an address, and users whose `email` is not a valid address, are listed and not
    changed, and the exit status is 1. They cannot log in by e-mail until you change their address.
    You can run this command at any time, and repeatedly.
    """
    # Not at the top: the command line must load without them.
    from flask_otpauth.adapters.sqlalchemy.directory.backfill import Backfilled
    from flask_otpauth.adapters.sqlalchemy.directory.backfill import backfill as backfill_keys
    from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory

    directory, result = state().services.directory, Backfilled()
    if not isinstance(directory, ModelDirectory):
        raise click.ClickException("OTPAUTH_USERS is a custom directory, which has no email_key")
    for result in backfill_keys(directory, batch, dry_run):
        click.echo(f"{result.seen} users checked", err=True)
    click.echo(f"{result.written} keys {'would be written' if dry_run else 'written'}.")
    for address, ids in sorted(result.collisions.items()):
        click.echo(one_line(f"{address} is shared by several users: {', '.join(map(str, ids))}"))
    for user_id in result.no_address:
        click.echo(one_line(f"user {user_id} has an invalid e-mail address"))
    if result.collisions or result.no_address:
        click.get_current_context().exit(1)


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
