"""The page on browser apps: its files in a browser, on another origin than its API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from docs.examples import browser_api
from example_app.live import serving
from flask_otpauth.testing import MovableClock, Outbox
from tests.browsers import chromium
from tests.codes import another
from tests.docs.shell import DOCS
from tests.flows.email_caller import ADDRESS
from tests.hosts import SECRET_KEY

ORIGIN = "https://shop.example.com"
FILES = DOCS / "examples/browser_app"
CALLS = [("POST", "/apis/auth/request-otp"), ("POST", "/apis/auth/logout"), ("GET", "/me")]


@pytest.fixture
def config(outbox: Outbox, clock: MovableClock, database_uri: str) -> dict[str, Any]:
    """What a deployment of the API sets."""
    return {
        "SECRET_KEY": SECRET_KEY,
        "APP_ORIGIN": ORIGIN,
        "OTPAUTH_SENDERS": outbox.senders,
        "OTPAUTH_CLOCK": clock,
        "OTPAUTH_DATABASE_URI": database_uri,
    }


def api(config: dict[str, Any]) -> Flask:
    """The app of the page, with its tables made."""
    app = browser_api.create_app(config)
    with app.app_context():
        browser_api.otpauth.create_all()
    return app


# -- what the API says of origins -------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_the_browser_is_told_that_it_may_send_tokens_and_json(
    config: dict[str, Any], method: str, path: str
) -> None:
    preflight = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization, content-type",
    }

    answer = api(config).test_client().options(path, headers=preflight)

    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert method in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_page_of_an_unknown_origin_may_read_nothing(config: dict[str, Any], method: str, path: str) -> None:
    answer = (
        api(config)
        .test_client()
        .open(path, method=method, json={}, headers={"Origin": "https://evil.example"})
    )

    assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]


# -- the page in a browser --------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, config: dict[str, Any]) -> Iterator[Page]:
    """The page on one origin, and its API on another."""
    host = Flask("shop", static_folder=str(FILES), static_url_path="")
    with serving(host) as shop, serving(api({**config, "APP_ORIGIN": shop})) as backend:
        context = browser.new_context(base_url=shop)
        page, troubles = context.new_page(), list[str]()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        script = (FILES / "app.js").read_text("utf-8")
        assert "https://api.example.com" in script
        page.route(
            "**/app.js",
            lambda route: route.fulfill(
                body=script.replace("https://api.example.com", backend), content_type="text/javascript"
            ),
        )
        page.goto("/index.html")
        yield page
        context.close()
        assert troubles == []


def ask(page: Page) -> None:
    page.get_by_label("E-mail").fill(ADDRESS)
    page.get_by_role("button", name="Send me a code").click()


def log_in(page: Page, outbox: Outbox) -> None:
    ask(page)
    expect(page.get_by_role("status")).to_have_text(f"We have sent a code to {ADDRESS}.")
    page.get_by_label("Code").fill(outbox.last.code)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("status")).to_have_text(f"You are logged in as {ADDRESS}.")


def test_a_person_logs_in_and_the_browser_keeps_nothing(page: Page, outbox: Outbox) -> None:
    log_in(page, outbox)

    stored = page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length")
    cookies = page.context.cookies()
    page.reload()

    assert (stored, cookies) == (0, [])
    expect(page.get_by_role("button", name="Log out")).to_be_hidden()


def test_a_wrong_code_is_told_and_the_right_one_still_works(page: Page, outbox: Outbox) -> None:
    ask(page)
    expect(page.get_by_label("Code")).to_be_visible()

    page.get_by_label("Code").fill(another(outbox.last.code))
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("status")).to_have_text("Invalid OTP")
    page.get_by_label("Code").fill(outbox.last.code)
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("status")).to_have_text(f"You are logged in as {ADDRESS}.")


def test_the_page_goes_on_when_the_access_token_has_expired(
    page: Page, outbox: Outbox, clock: MovableClock
) -> None:
    log_in(page, outbox)
    clock.tick(days=1)

    with page.expect_response(lambda answer: answer.url.endswith("/me") and answer.ok):
        page.get_by_role("button", name="Who am I?").click()

    expect(page.get_by_role("status")).to_have_text(f"You are logged in as {ADDRESS}.")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


@pytest.mark.parametrize("days", [0, 1])
def test_a_logout_ends_the_session_also_when_the_access_token_has_expired(
    page: Page, outbox: Outbox, clock: MovableClock, days: int
) -> None:
    log_in(page, outbox)
    clock.tick(days=days)

    with page.expect_response("**/logout") as answered:
        page.get_by_role("button", name="Log out").click()

    expect(page.get_by_role("status")).to_have_text("You are logged out.")
    assert answered.value.json()["message"] == "Logout successful"


def test_the_page_says_when_the_next_code_can_be_had(page: Page, outbox: Outbox) -> None:
    for number in range(5):
        ask(page)
        expect(page.get_by_role("status")).to_have_text(f"We have sent a code to {ADDRESS}.")
        assert len(outbox.messages) == number + 1
        page.get_by_role("status").evaluate("(status) => { status.textContent = '' }")

    ask(page)

    expect(page.get_by_role("status")).to_have_text("Too many OTP requests. Try again in 900 seconds.")
