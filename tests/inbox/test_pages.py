"""The pages of the inbox, in an app that has nothing else, and in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from example_app.live import serving
from flask_otpauth.inbox import Inbox, inbox_pages
from flask_otpauth.senders import Message
from tests.browsers import chromium

EVIL = """
<style>body { color: red }</style>
<p id="code">Your code is 012345</p>
<script>document.title = "run"; parent.document.title = "run"</script>
<img src="https://tracker.test/seen.gif">
<form action="https://tracker.test/"><button>Log in</button></form>
"""
MAIL = Message("email", "user@example.com", "012345", "Your code is 012345", EVIL, "Your code")
SMS = Message("sms", "+84987654321", "481516", "481516 is your code.\n@shop.test #481516")
CALL = Message("flashcall", "+84987654321", "0042", caller_number="+84287300042")
VOICE = Message("voice", "+84987654321", "8251", "Your code is 8, 2, 5, 1.", caller_number="+84287301234")


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def app(inbox: Inbox) -> Flask:
    app = Flask("host")
    # What a host may do with its own templates.
    app.jinja_options = {"variable_start_string": "<<", "variable_end_string": ">>"}
    app.register_blueprint(inbox_pages(inbox))
    return app


def test_the_page_shows_each_message_with_its_code(app: Flask, inbox: Inbox) -> None:
    for message in (MAIL, SMS, CALL, VOICE):
        inbox.send(message)

    page = app.test_client().get("/otpauth/inbox").text

    assert page.index("+84287301234") < page.index("481516 is your code.") < page.index("user@example.com")
    assert "+8428730<strong>0042</strong>" in page
    assert "Your code is 8, 2, 5, 1." in page
    assert "1 segment in GSM-7" in page


def test_texts_are_escaped(app: Flask, inbox: Inbox) -> None:
    inbox.send(Message("sms", "<i>+84</i>", "1234", "<script>alert(1)</script>"))

    page = app.test_client().get("/otpauth/inbox").text

    assert "<script>alert" not in page
    assert "<i>" not in page


def test_nothing_of_another_site_is_loaded_and_nothing_is_cached(app: Flask, inbox: Inbox) -> None:
    inbox.send(MAIL)
    client = app.test_client()

    page, mail = client.get("/otpauth/inbox"), client.get("/otpauth/inbox/1/html")

    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "sandbox" in mail.headers["Content-Security-Policy"]
    assert "script-src" not in mail.headers["Content-Security-Policy"]
    assert {page.headers["Cache-Control"], mail.headers["Cache-Control"]} == {"no-store"}
    assert "http" not in page.text.replace("http://localhost", "")


def test_a_message_without_html_has_no_page_of_its_own(app: Flask, inbox: Inbox) -> None:
    inbox.send(SMS)

    assert [app.test_client().get(f"/otpauth/inbox/{n}/html").status_code for n in (1, 2)] == [404, 404]


def test_scripts_read_the_newest_message_and_code(app: Flask, inbox: Inbox) -> None:
    for message in (MAIL, SMS, CALL):
        inbox.send(message)
    client = app.test_client()

    newest = client.get("/otpauth/inbox/latest?channel=sms").json
    code = client.get("/otpauth/inbox/code", query_string={"to": "+84987654321"}).text

    assert newest is not None
    assert (newest["id"], newest["code"], newest["text"]) == (2, "481516", SMS.text)
    assert code == "0042"
    assert client.get("/otpauth/inbox/code?to=nobody").text == ""
    assert client.get("/otpauth/inbox/latest?channel=whatsapp").json is None


# -- in a browser -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, app: Flask) -> Iterator[Page]:
    with serving(app) as url:
        context = browser.new_context(base_url=url, reduced_motion="reduce")
        page = context.new_page()
        page.set_default_timeout(10_000)
        yield page
        context.close()


def test_a_mail_is_shown_in_a_frame_in_which_nothing_runs(page: Page, inbox: Inbox) -> None:
    inbox.send(MAIL)
    failed: dict[str, str | None] = {}
    page.on("requestfailed", lambda request: failed.update({request.url: request.failure}))

    page.goto("/otpauth/inbox")
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Log in").click()

    expect(frame.locator("#code")).to_have_text("Your code is 012345")
    expect(frame.locator("#code")).to_have_css("color", "rgb(255, 0, 0)")
    assert page.title() == "Inbox · flask_otpauth"
    assert failed == {"https://tracker.test/seen.gif": "csp"}


def test_a_new_message_appears_by_itself_and_leaves_the_others_alone(page: Page, inbox: Inbox) -> None:
    page.clock.install()
    inbox.send(MAIL)
    page.goto("/otpauth/inbox")
    expect(page.frame_locator("iframe").locator("#code")).to_be_visible()
    page.locator("#messages > li").evaluate("element => { element.marked = true }")
    inbox.send(CALL)

    page.clock.run_for(2000)

    expect(page.locator("#messages > li")).to_have_count(2)
    expect(page.locator("#messages > li").first).to_contain_text("Incoming call")
    expect(page.locator("#news")).to_contain_text("Flash call")
    assert page.locator("#messages > li").last.evaluate("element => element.marked") is True


def test_what_the_app_forgot_disappears(page: Page, inbox: Inbox) -> None:
    page.clock.install()
    inbox.send(SMS)
    page.goto("/otpauth/inbox")
    inbox.clear()

    page.clock.run_for(2000)

    expect(page.locator("#messages")).to_contain_text("Nothing yet")
    expect(page.locator("#messages > li")).to_have_count(1)
