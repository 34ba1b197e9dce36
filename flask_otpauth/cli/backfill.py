"""``flask otpauth backfill`` gives rows that were there before the key that users are found by."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import state
from flask_otpauth.core.masking import one_line


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
    # Here and not above: the command line must load without them.
    from flask_otpauth.adapters.sqlalchemy.directory.backfill import Backfilled
    from flask_otpauth.adapters.sqlalchemy.directory.backfill import backfill as backfilled
    from flask_otpauth.adapters.sqlalchemy.directory.model import ModelDirectory

    directory, result = state().services.directory, Backfilled()
    if not isinstance(directory, ModelDirectory):
        raise click.ClickException("OTPAUTH_USERS is a custom directory, which has no email_key")
    for result in backfilled(directory, batch, dry_run):
        click.echo(f"{result.seen} users checked", err=True)
    click.echo(f"{result.written} keys {'would be written' if dry_run else 'written'}.")
    for address, ids in sorted(result.collisions.items()):
        click.echo(one_line(f"{address} is shared by several users: {', '.join(map(str, ids))}"))
    for user_id in result.no_address:
        click.echo(one_line(f"user {user_id} has an invalid e-mail address"))
    if result.collisions or result.no_address:
        click.get_current_context().exit(1)
