from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


def choose(page: Page, mode: str) -> None:
    page.get_by_role("radio", name=mode, exact=True).focus()
    page.get_by_role("radio", name=mode, exact=True).check(force=True)


def press(page: Page, pin: str) -> None:
    """Use the pad's own keys."""
    for digit in pin:
        page.locator("#pin-form").get_by_role("button", name=digit, exact=True).click()


def outcome(page: Page) -> Locator:
    return page.locator("#pin-outcome")


def set_pin(page: Page, pin: str) -> None:
    page.goto("/account")
    choose(page, "Set")
    press(page, pin)
    expect(page.locator("#step")).to_have_text("The same again")
    press(page, pin)
    expect(outcome(page)).to_have_text("The PIN is set.")


def unfold(page: Page, title: str) -> Locator:
    part = page.locator("details", has=page.locator("summary", has_text=title)).first
    part.locator("summary").click()
    return part


def newest_code(page: Page) -> str:
    return page.request.get("/otpauth/inbox/code", params={"to": "customer@stamps.co.id"}).text()


def test_a_pin_is_blocked_by_three_wrong_ones_and_unblocked(page: Page) -> None:
    set_pin(page, "123456")
    choose(page, "Check")
    for told in ("Invalid PIN, 2 attempt(s) left.", "Invalid PIN, 1 attempt(s) left.", "PIN is blocked."):
        press(page, "000000")
        expect(outcome(page)).to_have_text(told)
    press(page, "123456")
    expect(outcome(page)).to_have_text("PIN is blocked.")
    expect(page.locator("#pin-form")).to_have_attribute("data-state", "blocked")

    page.get_by_role("button", name="Unblock the PIN").click()
    expect(outcome(page)).to_have_text("The PIN is not blocked any more.")
    press(page, "123456")

    expect(outcome(page)).to_have_text("That is the PIN.")
    expect(page.locator("#pin-form")).to_have_attribute("data-state", "open")


def test_a_pin_can_be_typed(page: Page) -> None:
    set_pin(page, "123456")
    choose(page, "Check")
    page.get_by_label("PIN", exact=True).press_sequentially("123456")

    expect(outcome(page)).to_have_text("That is the PIN.")


def test_the_pad_takes_digits_back(page: Page) -> None:
    page.goto("/account")
    press(page, "123")

    page.get_by_role("button", name="Delete the last digit").click()
    expect(page.get_by_label("PIN", exact=True)).to_have_value("12")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_label("PIN", exact=True)).to_have_value("")


def test_a_pin_that_is_repeated_differently_is_not_set(page: Page) -> None:
    page.goto("/account")
    choose(page, "Set")
    press(page, "123456")
    press(page, "654321")

    expect(outcome(page)).to_have_text("Confirmation PIN does not match.")
    expect(page.locator("#step")).to_have_text("New PIN")


def test_a_pin_is_changed_by_somebody_who_knows_it(page: Page) -> None:
    set_pin(page, "123456")
    choose(page, "Change")
    for pin in ("123456", "654321", "654321"):
        press(page, pin)
    expect(outcome(page)).to_have_text("The PIN is changed.")
    choose(page, "Check")
    press(page, "654321")

    expect(outcome(page)).to_have_text("That is the PIN.")


def test_a_pin_is_reset_with_the_code_in_the_mail(page: Page) -> None:
    page.goto("/account")
    choose(page, "Reset")
    page.locator("#send-code").click()
    expect(outcome(page)).to_have_text("A code is in the inbox.")
    for digits in (newest_code(page), "654321", "654321"):
        press(page, digits)

    expect(outcome(page)).to_have_text("The PIN is reset. A mail says so.")


def test_the_mail_of_a_reset_is_written_by_the_host(page: Page) -> None:
    page.goto("/account")
    choose(page, "Reset")
    page.locator("#send-code").click()
    expect(outcome(page)).to_have_text("A code is in the inbox.")

    page.goto("/otpauth/inbox")

    expect(page.locator("#messages h2")).to_have_text("A code for your new PIN")
    expect(page.locator("#messages .text")).to_contain_text("wants to choose a new PIN")


def test_the_code_of_a_reset_never_reaches_the_browser(page: Page) -> None:
    page.goto("/account")
    choose(page, "Reset")
    page.locator("#send-code").click()
    expect(outcome(page)).to_have_text("A code is in the inbox.")

    expect(page.locator("#wire")).to_contain_text("(not for the browser)")
    expect(page.locator("#wire")).not_to_contain_text(newest_code(page))


def test_a_password_is_checked_and_changed(page: Page) -> None:
    page.goto("/account")
    change = unfold(page, "Change")
    change.get_by_label("Password as it is").fill("secret123")
    change.get_by_label("New password").fill("a much better one")
    page.keyboard.press("Enter")
    expect(change.locator("output")).to_have_text("The password is changed. A mail says so.")

    check = unfold(page, "Check")
    check.get_by_label("Password").fill("secret123")
    page.keyboard.press("Enter")

    expect(check.locator("output")).to_have_text("Invalid user password.")


def test_a_password_is_reset_with_the_code_in_the_mail(page: Page) -> None:
    page.goto("/account")
    reset = unfold(page, "Reset with a code")
    reset.get_by_role("button", name="Send a code by e-mail").click()
    expect(reset.locator("output").first).to_have_text("A code is in the inbox.")
    reset.get_by_label("Code from the mail").fill(newest_code(page))
    reset.get_by_label("New password").fill("a much better one")
    reset.get_by_label("The same again").fill("a much better one")
    page.keyboard.press("Enter")

    expect(reset.locator("output").last).to_have_text("The password is reset. A mail says so.")


def test_the_limit_of_codes_can_be_freed(page: Page) -> None:
    page.goto("/account")
    reset, free = unfold(page, "Reset with a code"), page.locator("form[data-action=reset-otp-limit]")
    send = reset.get_by_role("button", name="Send a code by e-mail")
    for sent in range(1, 7):
        send.click()
        expect(page.locator("#wire li")).to_have_count(sent)
    expect(reset.locator("output").first).to_have_text("OTP limit reached, try again tomorrow.")

    unfold(page, "Free the limit of codes")
    free.get_by_role("button").click()
    expect(free.locator("output")).to_have_text("Five codes a day, beginning now.")
    unfold(page, "Reset with a code")
    send.click()

    expect(reset.locator("output").first).to_have_text("A code is in the inbox.")
