from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from flask_otpauth.testing import MovableClock


def code_in(page: Page) -> str:
    expect(page.locator("#handset .message")).to_have_text(re.compile("[0-9]{6}"))
    found = re.search("[0-9]{6}", page.locator("#handset .message").inner_text())
    assert found
    return found[0]


def calling_end(page: Page) -> str:
    expect(page.locator("#handset .caption")).to_have_text("Incoming call")
    return page.locator("#handset .number strong").inner_text()


def wrong(code: str) -> str:
    return ("0" if code[0] != "0" else "1") * len(code)


def test_the_code_of_an_sms_proves_the_number(page: Page) -> None:
    page.goto("/sms")
    page.get_by_role("button", name="Send a code").click()
    page.get_by_label("Code from the SMS").fill(code_in(page))
    page.keyboard.press("Enter")

    expect(page.locator("#verify output")).to_have_text("That is the code: the number is yours.")


def test_a_wrong_code_of_an_sms_is_told(page: Page) -> None:
    page.goto("/sms")
    page.get_by_role("button", name="Send a code").click()
    page.get_by_label("Code from the SMS").fill(wrong(code_in(page)))
    page.keyboard.press("Enter")

    expect(page.locator("#verify output")).to_have_attribute("data-kind", "bad")
    expect(page.get_by_label("Code from the SMS")).to_be_focused()


def test_another_sms_can_be_asked_for_when_the_countdown_is_over(page: Page, clock: MovableClock) -> None:
    page.clock.install()
    page.goto("/sms")
    page.get_by_role("button", name="Send a code").click()
    first = code_in(page)
    waiting = page.locator("#send-button")
    expect(waiting).to_be_disabled()
    expect(waiting).to_have_text(re.compile("Send again in (90|8[0-9]) s"))

    clock.tick(90)
    page.clock.run_for(90_000)
    expect(waiting).to_have_text("Send a code")
    waiting.click()

    expect(page.locator("#handset .message")).not_to_contain_text(first)


def test_too_early_a_second_sms_is_refused_and_the_wait_is_shown(page: Page) -> None:
    for _ in range(2):
        page.goto("/sms")
        page.get_by_role("button", name="Send a code").click()
        expect(page.locator("#send output")).not_to_be_empty()

    expect(page.locator("#send output")).to_have_attribute("data-kind", "bad")
    expect(page.locator("#send-button")).to_be_disabled()


def test_the_end_of_the_number_that_rings_is_the_code(page: Page) -> None:
    page.goto("/flashcall")
    page.get_by_role("button", name="Call me").click()
    end = calling_end(page)
    expect(page.locator("#handset .number")).to_have_text(f"+7 487 260 {end}")
    page.get_by_label("Last four digits").fill(end)
    page.keyboard.press("Enter")

    expect(page.locator("#redeem output")).to_have_text("That is the code: the number is yours.")


def test_another_end_is_not_the_code(page: Page) -> None:
    page.goto("/flashcall")
    page.get_by_role("button", name="Call me").click()
    page.get_by_label("Last four digits").fill(wrong(calling_end(page)))
    page.keyboard.press("Enter")

    expect(page.locator("#redeem output")).to_have_text("invalid code.")


def test_the_phone_stops_ringing_and_keeps_the_number(page: Page) -> None:
    page.clock.install()
    page.goto("/flashcall")
    page.get_by_role("button", name="Call me").click()
    end = calling_end(page)

    page.clock.run_for(5000)

    expect(page.locator("#handset .caption")).to_have_text("Missed call")
    expect(page.locator("#handset .number strong")).to_have_text(end)


def test_a_number_that_cannot_be_called_is_blamed(page: Page) -> None:
    page.goto("/flashcall")
    page.get_by_label("Phone number").fill("12345")
    page.keyboard.press("Enter")

    expect(page.locator("#order output")).to_have_text("phone must be 11 digits.")
    expect(page.get_by_label("Phone number")).to_be_focused()


def test_the_voice_speaks_the_code_digit_by_digit_when_the_call_is_answered(page: Page) -> None:
    page.goto("/voice")
    page.get_by_label("Campaign").select_option("English")
    page.get_by_label("Code to speak").fill("012945")
    page.get_by_role("button", name="Call and speak").click()
    expect(page.locator("#handset .number")).to_have_text("+442 079 460 123")

    page.get_by_role("button", name="Answer").click()

    expect(page.locator("#handset .message")).to_contain_text("0, 1, 2, 9, 4, 5")


def test_each_campaign_speaks_its_language(page: Page) -> None:
    page.goto("/voice")

    spoken = set[str]()
    for language in ("en", "vi", "lo", "ru", "id"):
        page.get_by_label("Campaign").select_option(language)
        page.get_by_label("Phone number").fill(f"+8477112233{len(spoken)}")
        page.get_by_role("button", name="Call and speak").click()
        page.get_by_role("button", name="Answer").click()
        spoken.add(page.locator("#handset .message").inner_text())

    assert len(spoken) == 5


def test_a_code_that_cannot_be_spoken_is_blamed(page: Page) -> None:
    page.goto("/voice")
    page.get_by_label("Code to speak").fill("12")
    page.keyboard.press("Enter")

    expect(page.locator("#call output")).to_have_text("contact.otp must be 4 to 10 digits.")
    expect(page.get_by_label("Code to speak")).to_be_focused()
