"""On a screen of 390 pixels, as many phones have, nothing is cut off and what matters is in sight."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from example_app.tests.test_login import ask_for_code, read_inbox

LONG = "a.person.whose.address.is.rather.long.indeed@mail.department.example.com"
SCREENS = [{"width": 390, "height": 664}, {"width": 320, "height": 568}]

COVERED = """(input) => {
  const { x, y, width, height } = input.getBoundingClientRect();
  return document.elementFromPoint(x + width / 2, y + height / 2) !== input;
}"""


@pytest.fixture(autouse=True, params=SCREENS, ids=lambda screen: str(screen["width"]))
def screen(page: Page, request: pytest.FixtureRequest) -> None:
    page.set_viewport_size(request.param)


def assert_fits(page: Page) -> None:
    wide, there = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide == there


def in_sight(part: Locator) -> bool:
    """Whether all of it is in the window; browsers round what they scroll."""
    return bool(
        part.evaluate("""(part) => {
          const { top, bottom } = part.getBoundingClientRect();
          return top >= -1 && bottom <= innerHeight + 1 && bottom > top;
        }""")
    )


@pytest.mark.parametrize("address", ["user@example.com", LONG], ids=["short", "long"])
def test_the_login_and_the_profile_fit(page: Page, address: str) -> None:
    ask_for_code(page, address)
    assert_fits(page)
    page.get_by_label("Code from the mail").fill(read_inbox(page))
    page.keyboard.press("Enter")
    expect(page.locator("#address")).to_have_text(address)
    assert_fits(page)

    page.get_by_role("button", name="New tokens").click()
    expect(page.locator("output")).to_contain_text("There are new tokens")

    assert_fits(page)


def ring(page: Page) -> Locator:
    page.goto("/flashcall")
    page.get_by_role("button", name="Call me").click()
    return page.locator("#handset .number strong")


def write(page: Page) -> Locator:
    page.goto("/sms")
    page.get_by_role("button", name="Send a code").click()
    return page.locator("#handset .message")


def speak(page: Page) -> Locator:
    page.goto("/voice")
    page.get_by_role("button", name="Call and speak").click()
    return page.locator("#handset .answer")


@pytest.mark.parametrize("reach", [ring, write, speak])
def test_the_phone_that_is_reached_is_in_sight(page: Page, reach: Callable[[Page], Locator]) -> None:
    told = reach(page)

    expect(told).to_be_visible()
    assert in_sight(told)
    assert in_sight(page.locator("#handset"))
    assert_fits(page)


@pytest.mark.parametrize("reach", [ring, write])
def test_the_phone_stays_in_sight_beside_the_field_for_its_code(
    page: Page, reach: Callable[[Page], Locator]
) -> None:
    told = reach(page)
    expect(told).to_be_visible()
    expect(page.locator("form[aria-busy=false] output")).not_to_be_empty()

    field = page.locator("input:focus")

    assert in_sight(field)
    assert not field.evaluate(COVERED)
    assert in_sight(told)
