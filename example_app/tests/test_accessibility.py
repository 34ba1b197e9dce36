from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page

from example_app import create_app
from example_app.live import serving

PAGES = ("/", "/email", "/sms", "/flashcall", "/voice", "/account", "/providers", "/otpauth/inbox", "/keys")

#: Text whose contrast with what is behind it is lower than WCAG 2.2 AA (1.4.3) asks for.
FAINT = """() => {
  const rgb = (color) => color.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = rgb(getComputedStyle(each).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const written = [...document.querySelectorAll("body *")].filter(
    (element) => element.checkVisibility() && !element.closest("#handset, .hidden, .skip, :disabled")
      && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return written.filter((element) => {
    const { color, fontSize } = getComputedStyle(element);
    const [dark, bright] = [light(rgb(color)), light(behind(element))].sort((one, other) => one - other);
    return (bright + 0.05) / (dark + 0.05) < (parseFloat(fontSize) >= 24 ? 3 : 4.5);
  }).map((element) => `${element.tagName} ${element.textContent.trim().slice(0, 40)}`);
}"""

UNLABELLED = """() => [...document.querySelectorAll("input, select, textarea")]
  .filter((input) => !input.hidden && !input.labels?.length && !input.ariaLabel)
  .map((input) => input.outerHTML)"""

NAMELESS = """() => [...document.querySelectorAll("button, a, summary")]
  .filter((each) => !(each.ariaLabel || each.textContent.trim())).map((each) => each.outerHTML)"""

DANGLING = """() => [...document.querySelectorAll("[for], [aria-describedby], [aria-labelledby]")]
  .flatMap((each) => ["for", "aria-describedby", "aria-labelledby"].map((name) => each.getAttribute(name)))
  .filter((id) => id && !document.getElementById(id))"""

REPEATED_IDS = """() => [...document.querySelectorAll("[id]")].map((each) => each.id)
  .filter((id, index, all) => all.indexOf(id) !== index)"""

#: The parts of a page that a screen reader lists, of which two have one name and one kind.
ALIKE = """() => [...document.querySelectorAll("section, [role=region], nav, [role=navigation]")]
  .map((each) => [
    each.tagName === "NAV" ? "navigation" : "region",
    each.ariaLabel ?? document.getElementById(each.getAttribute("aria-labelledby"))?.textContent.trim(),
  ])
  .filter(([, name]) => name).map(String).filter((part, index, all) => all.indexOf(part) !== index)"""

HEADINGS = (
    """() => [...document.querySelectorAll("h1, h2, h3, h4, h5")].map((each) => Number(each.tagName[1]))"""
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where one app answers for all of these tests, which only look. Its inbox is not empty."""
    app = create_app(str(tmp_path_factory.mktemp("instance")))
    app.test_client().post("/apis/auth/request-otp", json={"email": "user@example.com"})
    with serving(app) as url:
        yield url


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_read_by_a_machine(page: Page, path: str) -> None:
    page.goto(path)

    assert page.locator("html").get_attribute("lang") == "en"
    assert page.title() not in ("", " · flask_otpauth")
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert page.evaluate(UNLABELLED) == []
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(DANGLING) == []
    assert page.evaluate(REPEATED_IDS) == []
    assert page.evaluate(ALIKE) == []


@pytest.mark.parametrize("path", PAGES)
def test_no_level_of_headings_is_skipped(page: Page, path: str) -> None:
    page.goto(path)

    levels = page.evaluate(HEADINGS)

    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_text_stands_out_in_both_schemes(page: Page, path: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(path)

    assert page.evaluate(FAINT) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_small_phone(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(path)

    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_errors_are_read_out(page: Page) -> None:
    for path in ("/email", "/sms", "/flashcall", "/voice", "/account"):
        page.goto(path)

        assert page.locator("form output:not([aria-live])").count() == 0
        assert page.locator("form:not(:has(output))").count() == 0


def test_without_scripts_a_page_says_what_it_needs(browser: Browser, url: str) -> None:
    context = browser.new_context(base_url=url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/email")

    assert "need JavaScript" in page.locator("noscript").inner_text()
    context.close()
