"""What a page does with a refusal: the wire shows it as one, and the input that is to blame says so."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from example_app.tests.test_account_page import choose, press, set_pin, unfold
from example_app.tests.test_login import ask_for_code, read_inbox

DESCRIPTION = """(input) => (input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean)
  .map((id) => document.getElementById(id).textContent)"""


def described(field: Locator) -> Any:
    return field.evaluate(DESCRIPTION)


def newest_status(page: Page) -> Locator:
    return page.locator("#wire .status").first


def wrong_mail_code(page: Page) -> tuple[Locator, str]:
    ask_for_code(page)
    field = page.get_by_label("Code from the mail")
    field.fill("000000" if read_inbox(page) != "000000" else "111111")
    page.keyboard.press("Enter")
    return field, "200 refused"


def wrong_sms_number(page: Page) -> tuple[Locator, str]:
    page.goto("/sms")
    page.get_by_label("Phone number").fill("1")
    page.keyboard.press("Enter")
    return page.get_by_label("Phone number"), "200 refused"


def wrong_number_to_call(page: Page) -> tuple[Locator, str]:
    page.goto("/flashcall")
    page.get_by_label("Phone number").fill("12345")
    page.keyboard.press("Enter")
    return page.get_by_label("Phone number"), "400 refused"


def wrong_code_to_speak(page: Page) -> tuple[Locator, str]:
    page.goto("/voice")
    page.get_by_label("Code to speak").fill("12")
    page.keyboard.press("Enter")
    return page.get_by_label("Code to speak"), "400 refused"


def wrong_pin(page: Page) -> tuple[Locator, str]:
    set_pin(page, "123456")
    choose(page, "Check")
    page.locator("#digits").press_sequentially("000000")
    return page.locator("#digits"), "400 refused"


def wrong_password(page: Page) -> tuple[Locator, str]:
    page.goto("/account")
    field = unfold(page, "Check").get_by_label("Password")
    field.fill("not the one")
    page.keyboard.press("Enter")
    return field, "400 refused"


REFUSED = [
    wrong_mail_code,
    wrong_sms_number,
    wrong_number_to_call,
    wrong_code_to_speak,
    wrong_pin,
    wrong_password,
]


@pytest.mark.parametrize("refused", REFUSED)
def test_the_input_that_is_to_blame_is_marked_and_described_by_the_refusal(page: Page, refused: Any) -> None:
    field, _ = refused(page)

    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    told = page.locator("output[data-kind=bad]").inner_text()
    assert described(field)[0] == told != ""


@pytest.mark.parametrize("refused", REFUSED)
def test_the_wire_shows_a_refusal_as_one_whatever_its_status(page: Page, refused: Any) -> None:
    _, status = refused(page)

    expect(newest_status(page)).to_have_text(status)
    expect(newest_status(page)).to_have_attribute("data-kind", "bad")


def test_the_wire_shows_what_went_well_as_such(page: Page) -> None:
    for path, name in (
        ("/email", "Send me a code"),
        ("/sms", "Send a code"),
        ("/flashcall", "Call me"),
        ("/voice", "Call and speak"),
    ):
        page.goto(path)
        page.get_by_role("button", name=name).click()
        expect(newest_status(page)).to_have_text("200")
        expect(newest_status(page)).to_have_attribute("data-kind", "good")

    set_pin(page, "123456")
    expect(newest_status(page)).to_have_text("200")


def test_the_description_of_a_field_is_its_hint_alone_when_it_is_right_again(page: Page) -> None:
    field, _ = wrong_number_to_call(page)
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("79991234567")
    page.keyboard.press("Enter")

    expect(page.locator("#order output")).to_contain_text("A number like")
    assert described(field) == ["A Russian number: 11 digits."]
    assert field.get_attribute("aria-invalid") is None


def test_whoever_presses_the_keys_of_the_pad_stays_there(page: Page) -> None:
    set_pin(page, "123456")
    choose(page, "Check")
    press(page, "000000")

    expect(page.locator("#digits")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#digits")).not_to_be_focused()
