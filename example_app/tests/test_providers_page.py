"""The page of providers: one fails and the next one takes over, and what they report arrives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from example_app import create_app, providers
from flask_otpauth.testing import MovableClock


def provider(page: Page, name: str) -> Locator:
    return page.locator(f"#provider-{name}")


def switch(page: Page, name: str, mode: str) -> None:
    with page.expect_response("**/backend/providers/switch"):
        provider(page, name).get_by_label(mode).check()


def send(page: Page) -> None:
    page.get_by_role("button", name="Send a code").click()
    # A provider that never answers takes some seconds, and a busy machine some more.
    expect(page.locator("#send output")).not_to_be_empty(timeout=20_000)


def code_in(message: Locator) -> str:
    found = re.search("[0-9]{6}", message.locator(".text").inner_text())
    assert found
    return found[0]


@pytest.fixture
def page(page: Page) -> Page:
    page.goto("/providers")
    return page


def test_the_first_provider_takes_a_message_and_its_code_is_right(page: Page) -> None:
    send(page)
    message = provider(page, "alpha").locator(".taken li")
    expect(message).to_have_count(1)
    page.get_by_label("Code from the message").fill(code_in(message))
    page.keyboard.press("Enter")

    expect(page.locator("#verify output")).to_have_text("That is the code: the number is yours.")
    expect(page.locator("#journal li").first).to_contain_text("alpha took the message alpha-1 for 0.042 EUR.")
    expect(provider(page, "beta").locator(".taken li")).to_have_count(0)


def test_if_a_provider_is_down_the_next_one_takes_over(page: Page) -> None:
    switch(page, "alpha", "Is down")
    send(page)

    expect(provider(page, "beta").locator(".taken li")).to_have_count(1)
    expect(provider(page, "alpha").locator(".taken li")).to_have_count(0)
    expect(page.locator("#journal li").nth(0)).to_contain_text("beta took the message")
    expect(page.locator("#journal li").nth(1)).to_contain_text("alpha did not take the message (unavailable)")


def test_a_provider_that_fails_again_and_again_is_not_asked_for_a_while(page: Page) -> None:
    switch(page, "alpha", "Is down")
    for count in (1, 2, 3):
        send(page)
        expect(provider(page, "beta").locator(".taken li")).to_have_count(count)
    expect(page.locator("#journal")).to_contain_text("alpha failed several times in a row")
    switch(page, "alpha", "Works")
    send(page)

    expect(provider(page, "beta").locator(".taken li")).to_have_count(4)
    expect(provider(page, "alpha").locator(".taken li")).to_have_count(0)


def test_if_a_provider_never_answers_no_other_one_is_asked(page: Page) -> None:
    switch(page, "alpha", "Never answers")
    send(page)

    expect(page.locator("#journal li").first).to_contain_text("alpha did not answer")
    expect(provider(page, "alpha").locator(".taken li")).to_have_count(1)
    expect(provider(page, "beta").locator(".taken li")).to_have_count(0)


def test_if_no_sms_can_be_sent_a_call_speaks_the_code_at_once(page: Page) -> None:
    switch(page, "alpha", "Is down")
    switch(page, "beta", "Is down")
    send(page)

    expect(provider(page, "bell").locator(".taken li")).to_have_count(1)
    expect(page.locator("#journal li").first).to_contain_text("bell took the message")


def test_if_the_code_of_an_sms_is_not_used_a_call_speaks_it_later(page: Page, clock: MovableClock) -> None:
    send(page)
    expect(provider(page, "alpha").locator(".taken li")).to_have_count(1)

    clock.tick(20)

    # The app looks every few seconds for what is due.
    expect(provider(page, "bell").locator(".taken li")).to_have_count(1, timeout=30_000)
    spoken = "".join(re.findall("[0-9]", provider(page, "bell").locator(".taken .text").inner_text()))
    assert code_in(provider(page, "alpha").locator(".taken li")) in spoken


def test_a_report_of_a_provider_arrives(page: Page) -> None:
    send(page)
    provider(page, "alpha").get_by_role("button", name="Report it delivered").click()

    expect(provider(page, "alpha").locator(".taken li")).to_contain_text("Reported: delivered")
    expect(page.locator("#journal li").first).to_contain_text(
        "alpha reported the message alpha-1: delivered."
    )


def test_if_an_sms_is_reported_undeliverable_a_call_speaks_the_code(page: Page) -> None:
    send(page)
    provider(page, "alpha").get_by_role("button", name="Report it undeliverable").click()

    expect(page.locator("#journal")).to_contain_text("alpha reported the message alpha-1: undeliverable.")
    expect(provider(page, "bell").locator(".taken li")).to_have_count(1, timeout=30_000)


def test_if_all_providers_are_down_the_person_is_told(page: Page) -> None:
    for name in ("alpha", "beta", "bell"):
        switch(page, name, "Is down")
    send(page)

    expect(page.locator("#send output")).to_have_attribute("data-kind", "bad")
    expect(page.locator("#journal li").first).to_contain_text("It was not sent.")


def test_numbers_of_other_countries_go_to_the_inbox(page: Page) -> None:
    page.get_by_label("Country code").fill("84")
    page.get_by_label("Phone number").fill("0987654321")
    send(page)
    page.goto("/otpauth/inbox")

    expect(page.locator("#messages > li").first).to_contain_text("+84987654321")


def test_without_the_extra_the_page_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "find_spec", lambda name: None)

    client = create_app(str(tmp_path)).test_client()

    assert "pip install" in client.get("/providers").text
    assert client.get("/providers/state").json == {"providers": {}, "entries": []}
    report = {"name": "alpha", "id": "alpha-1", "status": "delivered"}
    assert client.post("/backend/providers/report", json=report).status_code == 404
