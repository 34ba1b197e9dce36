"""Several processes serve one app: they start at once, and none uses what another has opened."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.adapters.databases import postgresql_schema
from tests.servers import Shop, gunicorn

LOGINS = 200
ROUNDS = range(3)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield "sqlite:///shop.sqlite"
        return
    with postgresql_schema() as url:
        yield url


@pytest.fixture
def postgresql() -> Iterator[str]:
    """An empty database on a server."""
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


def logged_in_as(shop: Shop, email: str) -> list[object]:
    """Log in, and ask some times who that is."""
    with httpx.Client(timeout=60) as http:
        headers = {"Authorization": f"Bearer {shop.login(http, email)}"}
        return [http.get(f"{shop.address}/me", headers=headers).json() for _ in range(3)]


def test_preloaded_workers_find_each_of_200_users_by_themselves(tmp_path: Path, postgresql: str) -> None:
    emails = [f"user{number}@example.com" for number in range(LOGINS)]

    with gunicorn(tmp_path, postgresql, "--preload") as shop, ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda email: logged_in_as(shop, email), emails))

    assert found == [[{"email": email}] * 3 for email in emails]
