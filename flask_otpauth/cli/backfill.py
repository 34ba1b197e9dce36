"""``flask otpauth backfill`` gives rows that were there before the key that users are found by."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import state
from flask_otpauth.core.masking import one_line


@click.command()
@click.option("--dry-run", is_flag=True, help="Change nothing, and show what would be changed.")
@click.option(
    "--batch",
    type=click.IntRange(1, 100_000),
    default=500,
    show_default=True,
    help="How many rows are looked at, and written, in one transaction.",
)
@with_appcontext
def backfill(dry_run: bool, batch: int) -> None:
    """
    Write `email_key` where it is missing or of another address.

    Users who share an address, and users whose e-mail is not an address, are listed and not changed,
    and the exit status is 1. They cannot log in by e-mail until you have changed them. You can run
    this at any time, and again.
    """
    # Here and not above: the command line must load without them.
    from flask_otpauth.adapters.sqlalchemy.directory.backfill import Backfilled
    from flask_otpauth.adapters.sqlalchemy.directory.backfill import backfill as backfilled
    from flask_otpauth.adapters.sqlalchemy.directory.model import ModelDirectory

    directory, result = state().services.directory, Backfilled()
    if not isinstance(directory, ModelDirectory):
        raise click.ClickException("OTPAUTH_USERS is a directory of your own: it has no keys to be written")
    for result in backfilled(directory, batch, dry_run):
        click.echo(f"{result.seen} users looked at", err=True)
    click.echo(f"{result.written} keys {'would be written' if dry_run else 'written'}.")
    for address, ids in sorted(result.collisions.items()):
        click.echo(one_line(f"{address} is the e-mail of several users: {', '.join(map(str, ids))}"))
    for user_id in result.no_address:
        click.echo(one_line(f"the e-mail of user {user_id} is no address"))
    if result.collisions or result.no_address:
        click.get_current_context().exit(1)
