"""Databases for the tests of storage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.databases import postgresql_schema


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL schema of this test process's own."""
    with postgresql_schema() as url:
        yield url
