from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def ask_for_code(page: Page, address: str = "user@example.com") -> None:
    page.goto("/email")
    page.get_by_label("E-mail").fill(address)
    page.get_by_role("button", name="Send me a code").click()
    expect(page.get_by_label("Code from the mail")).to_be_focused()


def read_inbox(page: Page) -> str:
    inbox = page.context.new_page()
    inbox.goto("/otpauth/inbox")
    code = inbox.locator(".code-line code").first.inner_text()
    inbox.close()
    return code


def press_until_focused(page: Page, selector: str) -> None:
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator(selector).evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{selector} cannot be reached with the Tab key")


def test_a_person_logs_in_with_the_code_from_the_inbox_and_logs_out(page: Page) -> None:
    ask_for_code(page)
    page.get_by_label("Code from the mail").fill(read_inbox(page))
    page.get_by_role("button", name="Log in").click()

    expect(page).to_have_url(re.compile("/profile$"))
    expect(page.locator("#name")).to_have_text("Nguyen Van A")
    expect(page.locator("#user-id")).to_have_text("12345")

    page.get_by_role("button", name="Log out").click()

    expect(page).to_have_url(re.compile("/email$"))
    assert page.evaluate("sessionStorage.length") == 0


def test_every_page_says_who_is_logged_in(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#who")).to_have_text("Not logged in")
    expect(page.get_by_role("link", name="Not logged in")).to_have_attribute("href", "/email")
    ask_for_code(page)
    page.get_by_label("Code from the mail").fill(read_inbox(page))
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_text("Nguyen Van A")

    for path in (
        "/",
        "/email",
        "/sms",
        "/flashcall",
        "/voice",
        "/account",
        "/providers",
        "/keys",
        "/profile",
    ):
        page.goto(path)
        who = page.get_by_role("link", name="Logged in as Nguyen Van A")
        expect(who).to_be_visible()
        expect(who).to_have_attribute("href", "/profile")

    page.get_by_role("button", name="Log out").click()

    expect(page.locator("#who")).to_have_text("Not logged in")


def test_a_login_that_has_run_out_is_not_shown_as_one(page: Page) -> None:
    ask_for_code(page)
    page.get_by_label("Code from the mail").fill(read_inbox(page))
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_text("Nguyen Van A")

    page.evaluate("""() => {
      const login = JSON.parse(sessionStorage.login);
      sessionStorage.login = JSON.stringify({...login, expiresAt: "2020-01-01T00:00:00Z"});
    }""")
    page.goto("/")

    expect(page.locator("#who")).to_have_text("Not logged in")


def test_after_logging_out_the_profile_leads_back_to_the_login(page: Page) -> None:
    page.goto("/profile")

    expect(page).to_have_url(re.compile("/email$"))


def test_a_new_address_gets_an_account(page: Page) -> None:
    ask_for_code(page, "new@example.com")
    page.get_by_label("Code from the mail").fill(read_inbox(page))
    page.keyboard.press("Enter")

    expect(page.locator("#name")).to_have_text("new@example.com")


def test_the_login_needs_no_mouse(page: Page) -> None:
    page.goto("/email")
    press_until_focused(page, "#email")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code from the mail")).to_be_focused()
    page.keyboard.type(read_inbox(page))
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_text("Nguyen Van A")

    press_until_focused(page, "button[value=logout]")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("/email$"))


def test_the_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.goto("/email")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


def test_a_wrong_code_is_told_and_can_be_typed_again(page: Page) -> None:
    ask_for_code(page)
    code = read_inbox(page)
    page.get_by_label("Code from the mail").fill("000000" if code != "000000" else "111111")
    page.keyboard.press("Enter")

    expect(page.locator("#verify output")).to_have_text("Invalid OTP.")
    expect(page.get_by_label("Code from the mail")).to_be_focused()
    expect(page.get_by_label("Code from the mail")).to_have_attribute("aria-invalid", "true")

    page.keyboard.type(code)
    page.keyboard.press("Enter")

    expect(page.locator("#name")).to_have_text("Nguyen Van A")


def test_the_code_field_lets_the_browser_fill_it_in(page: Page) -> None:
    ask_for_code(page)

    field = page.get_by_label("Code from the mail")

    expect(field).to_have_attribute("autocomplete", "one-time-code")
    expect(field).to_have_attribute("inputmode", "numeric")


def test_new_tokens_keep_the_person_logged_in(page: Page) -> None:
    ask_for_code(page)
    page.get_by_label("Code from the mail").fill(read_inbox(page))
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_text("Nguyen Van A")
    before = page.evaluate("JSON.parse(sessionStorage.login).refreshToken")
    page.get_by_role("button", name="New tokens").click()
    expect(page.locator("output")).to_contain_text("There are new tokens")

    page.reload()

    expect(page.locator("#name")).to_have_text("Nguyen Van A")
    assert page.evaluate("JSON.parse(sessionStorage.login).refreshToken") != before


def test_the_inbox_shows_a_new_message_by_itself(page: Page) -> None:
    page.clock.install()
    page.goto("/otpauth/inbox")
    expect(page.locator("#messages")).to_contain_text("Nothing yet")
    # No mail: the installed clock is a script, and a mail is shown in a frame in which no script may run.
    page.request.post("/backend/sms/send", data={"cc_phone": "84", "phone": "987654321"})

    page.clock.run_for(2000)

    expect(page.locator("#messages > li").first).to_contain_text("+84987654321")
    expect(page.locator("#news")).to_contain_text("+84987654321")
