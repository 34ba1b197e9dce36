"""Commands for the data: make and upgrade the tables, fill in missing keys, delete old rows, unlock."""

from __future__ import annotations

from datetime import timedelta
from time import sleep

import click
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import state
from flask_otpauth.core.instants import DAY
from flask_otpauth.core.policies import period_of
from flask_otpauth.core.sensitive import one_line

#: How often a purge says how far it is.
BATCHES_PER_LINE = 100
#: How long a purge waits after a batch in which it has deleted rows. On SQLite, each batch locks the whole
#: file, and a request that waits for the lock looks for it ten times a second.
PAUSE_SECONDS = 0.1


@click.command("init-db")
@with_appcontext
def init_db() -> None:
    """Create missing tables."""
    state().services.upkeep.create_all()
    click.echo("Tables created.")


@click.command()
@click.option("--sql", "only_show", is_flag=True, help="Only print the SQL statements.")
@with_appcontext
def upgrade(only_show: bool) -> None:
    """
    Add the tables, columns and indexes that a new version needs.

    Nothing is changed or deleted, and a users table of your own is left alone. You can run this command
    at any time, and repeatedly. If you have migrations, use these instead.
    """
    # Not at the top: the command line must load without it.
    from flask_otpauth.adapters.sqlalchemy.schema import upgrade as add_what_is_missing

    services = state().services
    added = add_what_is_missing(services.storage, services.directory, dry_run=only_show)
    if only_show:
        click.echo("\n".join(f"{statement};" for each in added for statement in each.statements))
        return
    services.upkeep.create_all()  # for the mark of the subject key
    for each in added:
        click.echo(f"Added {each.name}.")
    if not added:
        click.echo("The packaged tables lack nothing.")


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


def _age(context: click.Context, option: click.Parameter, text: str) -> timedelta:
    try:
        age = period_of(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    # The clock of another server may be behind, and for its requests the rows are younger.
    if age < DAY:
        raise click.BadParameter("at least 1 day")
    return age


@click.command()
@click.option(
    "--older-than",
    default="30 days",
    callback=_age,
    show_default=True,
    help="Delete rows that were not needed for this long, such as '36 hours'.",
)
@click.option("--dry-run", is_flag=True, help="Only count the rows.")
@click.option(
    "--batch",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="Number of rows per transaction.",
)
@with_appcontext
def purge(older_than: timedelta, dry_run: bool, batch: int) -> None:
    """
    Delete rows that are no longer needed. This only saves space.

    You can run this command at any time, also while the app serves requests. You can stop it at any
    time: rows that were deleted stay deleted.
    """
    deleted = 0
    try:
        for number, total in enumerate(state().services.upkeep.purge(older_than, batch, dry_run), 1):
            has_deleted, deleted = total.deleted > deleted and not dry_run, total.deleted
            if number % BATCHES_PER_LINE == 0:
                click.echo(f"{total.checked} rows checked", err=True)
            if has_deleted:
                sleep(PAUSE_SECONDS)
    finally:
        # Also if it was stopped.
        click.echo(f"{deleted} rows {'would be deleted' if dry_run else 'deleted'}.")


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
