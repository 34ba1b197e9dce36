"""Databases for the tests of storage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.databases import mariadb_database, postgresql_schema


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL schema of this test process's own."""
    with postgresql_schema() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """A MariaDB database of this test process's own."""
    with mariadb_database() as url:
        yield url
