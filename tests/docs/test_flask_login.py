"""The page on Flask-Login: a code opens a session of the host's own pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from docs.examples import web_session
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.email_caller import ADDRESS
from tests.hosts import SECRET_KEY


@pytest.fixture
def app(outbox: Outbox, clock: MovableClock, database_uri: str) -> Flask:
    """The app of the page, with what a deployment sets."""
    app = web_session.create_app(
        {
            "SECRET_KEY": SECRET_KEY,
            "SQLALCHEMY_DATABASE_URI": database_uri,
            "RATELIMIT_STORAGE_URI": "memory://",
            "OTPAUTH_SENDERS": outbox.senders,
            "OTPAUTH_CLOCK": clock,
        }
    )
    with app.app_context():
        web_session.db.create_all()
    return app


def submit(browser: FlaskClient, page: str, to: str = "", **fields: str) -> TestResponse:
    """Look at a page and submit its form, as a browser does."""
    shown = browser.get(page)
    (token,) = re.findall(r'name="csrf_token" value="(.+?)"', shown.text)
    return browser.post(to or page, data={"csrf_token": token, **fields})


def logged_in(app: Flask, outbox: Outbox, email: str = ADDRESS) -> FlaskClient:
    """A browser in which somebody has just logged in."""
    browser = app.test_client()
    submit(browser, "/login", email=email)
    answer = submit(browser, "/login/code", code=outbox.last.code)
    assert answer.location == "/", answer.text
    return browser


def is_logged_in(browser: FlaskClient) -> bool:
    return "You are logged in as" in browser.get("/").text


def test_a_person_logs_in_and_out_again(app: Flask, outbox: Outbox) -> None:
    browser = app.test_client()

    before = browser.get("/")
    asked = submit(browser, "/login", email=ADDRESS.upper())
    entered = submit(browser, "/login/code", code=outbox.last.code)
    home = browser.get("/")
    out = submit(browser, "/", "/logout")

    assert (before.status_code, before.location) == (302, "/login?next=%2F")
    assert (asked.location, entered.location, out.location) == ("/login/code", "/", "/login")
    assert f"You are logged in as {ADDRESS}" in home.text
    assert not is_logged_in(browser)


def test_a_code_opens_one_session_and_only_in_the_browser_that_asked(app: Flask, outbox: Outbox) -> None:
    browser, elsewhere = app.test_client(), app.test_client()
    submit(browser, "/login", email=ADDRESS)
    code = outbox.last.code

    stolen = elsewhere.get("/login/code")
    wrong = submit(browser, "/login/code", code=another(code))
    right = submit(browser, "/login/code", code=code)
    again = browser.get("/login/code")

    assert stolen.location == again.location == "/login"
    assert wrong.status_code == 400
    assert "That is not the code." in wrong.text
    assert right.location == "/"


def test_the_same_person_is_the_same_user(app: Flask, outbox: Outbox) -> None:
    for _ in range(2):
        logged_in(app, outbox)

    with app.app_context():
        assert web_session.db.session.query(web_session.User).count() == 1


@pytest.mark.parametrize(
    ("path", "fields"), [("/login", {"email": ADDRESS}), ("/login/code", {"code": "123456"}), ("/logout", {})]
)
def test_each_form_needs_its_csrf_token(app: Flask, outbox: Outbox, path: str, fields: Any) -> None:
    browser = logged_in(app, outbox)
    submit(browser, "/login", email=ADDRESS)

    answer = browser.post(path, data=fields)

    assert answer.status_code == 400
    assert "The CSRF token is missing." in answer.text
    assert is_logged_in(browser)


def disable(user_id: int) -> None:
    web_session.otpauth.users.disable(user_id)


def delete(user_id: int) -> None:
    web_session.otpauth.users.delete(user_id)


def replace(user_id: int) -> None:
    """Delete the user, and give the id to another person."""
    delete(user_id)
    web_session.db.session.add(web_session.User(id=user_id, email="another@example.com"))
    web_session.db.session.commit()


@pytest.mark.parametrize("change", [disable, delete, replace])
def test_a_user_who_is_gone_is_logged_out_at_once(
    app: Flask, outbox: Outbox, change: Callable[[int], None]
) -> None:
    browser = logged_in(app, outbox)
    was_logged_in = is_logged_in(browser)

    with app.app_context():
        change(1)

    assert was_logged_in
    assert not is_logged_in(browser)


def test_a_disabled_user_cannot_log_in(app: Flask, outbox: Outbox) -> None:
    logged_in(app, outbox)
    with app.app_context():
        web_session.otpauth.users.disable(1)
    browser = app.test_client()

    submit(browser, "/login", email=ADDRESS)
    answer = submit(browser, "/login/code", code=outbox.last.code)

    assert answer.status_code == 403
    assert "This account is closed." in answer.text
    assert not is_logged_in(browser)


def test_the_page_says_why_no_code_was_sent(app: Flask, outbox: Outbox) -> None:
    browser = app.test_client()

    nonsense = submit(browser, "/login", email="nobody")
    outbox.answer = lambda message: Receipt(Status.UNAVAILABLE)
    unsent = submit(browser, "/login", email=ADDRESS)
    outbox.answer = None
    asked = [submit(browser, "/login", email=ADDRESS).status_code for _ in range(6)]

    assert (nonsense.status_code, "not an e-mail address" in nonsense.text) == (400, True)
    assert (unsent.status_code, "could not send" in unsent.text) == (502, True)
    assert asked == [302] * 5 + [429]


def test_one_client_asks_for_a_few_codes_only_whatever_the_addresses(app: Flask, outbox: Outbox) -> None:
    browser = app.test_client()

    asked = [submit(browser, "/login", email=f"user{n}@example.com").status_code for n in range(21)]

    assert asked == [302] * 20 + [429]
    assert len(outbox.messages) == 20


def test_the_app_serves_no_api(app: Flask) -> None:
    paths = {rule.rule for rule in app.url_map.iter_rules()}

    assert paths == {"/", "/login", "/login/code", "/logout", "/static/<path:filename>"}
