"""The page on Flask-Migrate, followed word for word."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.shell import DOCS, Shell, blocks

pytestmark = pytest.mark.timeout(400)  # many processes, one after the other

PAGE = "howto/flask-migrate.md"
FIRST, MIGRATION, UPGRADE, STAMP = blocks(PAGE, "sh")
(MISSING,) = (each.strip() for each in blocks(PAGE, "text"))
EXAMPLE = (DOCS / "examples/migrated.py").read_text("utf-8")
#: The app that the page warns of.
EAGER = EXAMPLE.replace(
    "    return app", "    with app.app_context():\n        otpauth.create_all()\n    return app"
)


@pytest.fixture
def shop(tmp_path: Path) -> Shell:
    shop = Shell.on_sqlite(tmp_path)
    shop.write(EXAMPLE)
    return shop


@pytest.fixture
def migrated(shop: Shell) -> Shell:
    """The shop with its first migration written, and nothing in its database."""
    init, migrate, _, _ = FIRST.splitlines()
    shop.run(f"{init}\n{migrate}")
    return shop


def migrations(shop: Shell) -> list[Path]:
    return sorted((shop.folder / "migrations/versions").glob("*.py"))


def tables_made(shop: Shell) -> int:
    """How many tables the migrations make."""
    return "".join(each.read_text() for each in migrations(shop)).count("op.create_table('otpauth_")


def test_the_first_migration_makes_the_tables_and_init_db_leaves_its_mark(migrated: Shell) -> None:
    _, _, upgrade, mark = FIRST.splitlines()

    before = migrated.run(f"{upgrade}\nflask otpauth doctor")
    after = migrated.run(f"{mark}\nflask otpauth doctor\nflask db check")

    assert tables_made(migrated) > 5
    assert "The database has no mark of the subject key" in before
    assert "The database has no mark of the subject key" not in after
    assert migrated.login("ann@example.com") == "Login successful"


def test_an_app_that_makes_its_tables_when_it_starts_cannot_migrate(migrated: Shell) -> None:
    init, migrate, upgrade, _ = FIRST.splitlines()
    migrated.write(EAGER)

    failed = migrated.attempt(upgrade)
    migrated.run(f"rm -r migrations\n{init}\n{migrate}")

    assert "already exists" in failed.stderr
    assert (len(migrations(migrated)), tables_made(migrated)) == (0, 0)


def without_a_column(migration: Path) -> None:
    """Make of a migration the one of an older version: a table of the extension lacks a column."""
    source = migration.read_text()
    head, table, rest = source.partition("op.create_table('otpauth_challenges'")
    older = re.sub(r"^ *sa\.Column\(.*nullable=True\),\n", "", rest, count=1, flags=re.MULTILINE)
    assert older != rest
    migration.write_text(head + table + older)


def test_a_new_version_of_the_package_is_a_migration_like_any_other(migrated: Shell) -> None:
    without_a_column(*migrations(migrated))
    migrated.run("flask db upgrade")

    checked = migrated.attempt("flask db check")
    refused = migrated.login("ann@example.com")
    migrated.run(MIGRATION)

    assert checked.returncode == 1
    assert MISSING in refused
    assert refused.endswith("503")
    assert len(migrations(migrated)) == 2
    assert migrated.login("ann@example.com") == "Login successful"


def test_an_app_that_began_with_create_all_changes_to_migrations_and_keeps_its_rows(shop: Shell) -> None:
    shop.run("flask otpauth init-db")
    shop.login("ann@example.com")

    shop.run(STAMP)

    assert tables_made(shop) > 5
    assert "email=ann@example.com" in shop.run("flask otpauth users show ann@example.com")


def test_flask_migrate_does_not_see_another_database(shop: Shell) -> None:
    shop.variables["FLASK_OTPAUTH_DATABASE_URI"] = f"sqlite:///{shop.folder}/codes.db"
    init, migrate, _, mark = FIRST.splitlines()

    shop.run(f"{init}\n{migrate}\n{mark}")
    with closing(sqlite3.connect(shop.folder / "codes.db")) as database:
        database.execute("DROP INDEX ix_otpauth_sessions_alone_for")
    upgraded = shop.run(UPGRADE)

    assert tables_made(shop) == 0
    assert upgraded == "Added ix_otpauth_sessions_alone_for.\n"
    assert shop.login("ann@example.com") == "Login successful"
