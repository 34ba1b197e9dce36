"""``flask otpauth backfill`` writes the keys by which existing users are found."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import update

from tests.test_users_that_were_there import ADDRESS, Host, host, uri

__all__ = ["host", "uri"]  # fixtures


def run(host: Host, *args: str) -> Result:
    """Return the output of a command."""
    return host.app.test_cli_runner().invoke(args=["otpauth", *args])


def test_every_row_gets_its_key_and_a_second_run_writes_nothing(host: Host) -> None:
    for number in range(5):
        host.old_row(f"User{number}@Example.com")

    first, again = run(host, "backfill", "--batch", "2"), run(host, "backfill")

    assert first.stdout == "5 keys written.\n"
    assert first.stderr.splitlines() == [f"{seen} users checked" for seen in (2, 4, 5)]
    assert (again.stdout, again.exit_code) == ("0 keys written.\n", 0)
    assert host.keys() == [f"user{number}@example.com" for number in range(5)]


def test_a_dry_run_changes_nothing(host: Host) -> None:
    host.old_row("Ann@Example.com")

    answer = run(host, "backfill", "--dry-run")

    assert answer.stdout == "1 keys would be written.\n"
    assert host.keys() == [None]


def test_shared_and_invalid_addresses_are_listed_and_not_changed(host: Host) -> None:
    for email in ("Ann@Example.com", ADDRESS, "root", "Bob@Example.com"):
        host.old_row(email)

    answer = run(host, "backfill", "--batch", "1")

    assert answer.stdout.splitlines() == [
        "1 keys written.",
        f"{ADDRESS} is shared by several users: 1, 2",
        "user 3 has an invalid e-mail address",
    ]
    assert answer.exit_code == 1
    assert host.keys() == [None, None, None, "bob@example.com"]


def test_rows_that_have_exchanged_their_addresses_get_their_keys(host: Host) -> None:
    with host.app.app_context():
        for name in ("ann", "bob", "eve"):
            host.users.create(email=f"{name}@example.com")
    for number, name in enumerate(("bob", "eve", "ann"), 1):
        host.write(update(host.table).where(host.table.c.id == number).values(email=f"{name}@example.com"))

    answer = run(host, "backfill", "--batch", "2")

    assert answer.exit_code == 0
    assert host.keys() == ["bob@example.com", "eve@example.com", ADDRESS]


def test_doctor_counts_missing_keys_and_keys_of_earlier_addresses(host: Host) -> None:
    host.old_row("Ann@Example.com")
    host.caller.login("bob@example.com")
    host.write(update(host.table).where(host.table.c.id == 2).values(email="eve@example.com"))

    before = run(host, "doctor").stdout
    run(host, "backfill")
    after = run(host, "doctor").stdout

    assert "2 users have an e-mail address but no email_key" in before
    assert "backfill" not in after


def test_a_host_directory_has_no_keys(make_app: Any) -> None:
    app = make_app(users="tests.test_users:Elsewhere")

    answer = app.test_cli_runner().invoke(args=["otpauth", "backfill"])

    assert answer.exit_code == 1
    assert "custom directory" in answer.stderr


@pytest.mark.parametrize("column", ["email_key", "is_enabled"])
def test_the_error_names_a_column_that_is_missing(host: Host, column: str) -> None:
    with host.app.app_context():
        for index in list(host.table.indexes):
            if column in index.c or "doubtful" in str(index.name):
                index.drop(host.db.engine)
        host.db.session.execute(host.db.text(f"ALTER TABLE customer DROP COLUMN {column}"))
        host.db.session.commit()

    answer = run(host, "users", "show", ADDRESS)

    assert answer.exit_code == 1
    assert "a column is missing: run `flask otpauth upgrade`, or your migrations" in answer.stderr
    assert column in answer.stderr
    assert "init-db" not in answer.stderr
