"""The example app on a port of its own, and a browser to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from example_app import create_app
from example_app.live import serving
from flask_otpauth.testing import MovableClock
from tests.browsers import chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def clock() -> MovableClock:
    """The server's clock; the browser has its own."""
    return MovableClock(datetime.now(UTC))


@pytest.fixture
def url(tmp_path: Path, clock: MovableClock) -> Iterator[str]:
    """Where a fresh app answers."""
    with serving(create_app(str(tmp_path), {"OTPAUTH_CLOCK": clock})) as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """An empty page. When the test is over, nothing has gone wrong in its scripts."""
    # A phone that does not shake can be clicked at once.
    context = browser.new_context(
        base_url=url, permissions=["clipboard-read", "clipboard-write"], reduced_motion="reduce"
    )
    page, troubles = context.new_page(), list[str]()

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            troubles.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.set_default_timeout(10_000)
    yield page
    context.close()
    assert troubles == []
