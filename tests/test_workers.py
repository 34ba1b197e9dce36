"""Several processes serve one app: they start at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.adapters.storage.databases import postgresql_schema
from tests.servers import gunicorn

ROUNDS = range(3)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield "sqlite:///shop.sqlite"
        return
    with postgresql_schema() as url:
        yield url


@pytest.mark.parametrize("attempt", ROUNDS)
def test_workers_of_the_readmes_app_start_at_once_on_an_empty_database(
    tmp_path: Path, database: str, attempt: int
) -> None:
    with gunicorn(tmp_path, database) as shop, httpx.Client() as http:
        token = shop.login(http, "first@example.com")

        me = http.get(f"{shop.address}/me", headers={"Authorization": f"Bearer {token}"})

    assert me.json() == {"email": "first@example.com"}
