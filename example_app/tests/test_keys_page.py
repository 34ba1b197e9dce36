from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from example_app.calls import chapters


def keys(page: Page) -> Any:
    return page.request.get("/keys.json").json()


def test_the_lines_are_those_that_the_script_runs(page: Page, url: str) -> None:
    page.goto("/keys")
    account_token, held = "", keys(page)

    shown = page.locator(".copyable code").all_text_contents()

    # An account token is made anew for each who asks.
    lines = [
        each.command
        for chapter in chapters(url, {**held, "account_token": account_token})
        for each in chapter.examples
    ]
    assert [line for line in shown if "account_token" not in line] == [
        line for line in lines if "account_token" not in line
    ]
    assert len(shown) == len(lines)


def test_a_line_is_copied_as_it_is_shown(page: Page) -> None:
    page.goto("/keys")
    page.get_by_role("button", name="Copy: Request OTP", exact=True).click()

    expect(page.get_by_role("button", name="Copy: Request OTP", exact=True)).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator(".copyable code").first.text_content()


def test_every_key_and_campaign_is_shown(page: Page) -> None:
    page.goto("/keys")
    held, text = keys(page), page.locator("main").inner_text()

    for client in held["clients"].values():
        assert client["client_id"] in text
        assert client["secret"] in text
    assert all(campaign in text for campaign in held["campaigns"].values())


def test_starting_over_makes_new_keys_and_forgets_people(page: Page) -> None:
    page.goto("/keys")
    before = keys(page)["clients"]["flashcall"]["secret"]
    with page.expect_navigation():
        page.get_by_role("button", name="Start over").click()

    refused = page.request.post(
        "/v1/orders", headers={"X-Application-Token": before}, data={"phone": "79991234567"}
    )

    assert keys(page)["clients"]["flashcall"]["secret"] != before
    assert refused.status == 403
