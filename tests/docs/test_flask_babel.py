"""The page on Flask-Babel: messages are in the language that the host chooses for the request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale, get_locale

from docs.examples import translated
from flask_otpauth import OtpAuth
from flask_otpauth.testing import MovableClock, Outbox
from tests.docs.shell import blocks
from tests.flows.email_caller import ADDRESS
from tests.hosts import SECRET_KEY

PHONE = "+84987654321"


@pytest.fixture
def make(outbox: Outbox, clock: MovableClock) -> Callable[..., Flask]:
    """The app of the page, with what a deployment sets."""

    def make(**settings: Any) -> Flask:
        config = {
            "SECRET_KEY": SECRET_KEY,
            "TESTING": True,
            "OTPAUTH_FLOWS": ("email", "sms"),
            "OTPAUTH_SENDERS": outbox.senders,
            "OTPAUTH_CLOCK": clock,
            "OTPAUTH_IP_LIMITS": None,
            "OTPAUTH_DATABASE_URI": "sqlite://",
        }
        return translated.create_app({**config, **settings})

    return make


@pytest.fixture
def app(make: Callable[..., Flask]) -> Flask:
    return make()


def ask(browser: FlaskClient, accepts: str = "ru", **fields: Any) -> None:
    """Ask for a code by e-mail, with a browser whose owner reads that language."""
    answer = browser.post(
        "/apis/auth/request-otp", json={"email": ADDRESS, **fields}, headers={"Accept-Language": accepts}
    )
    assert answer.json["code"] == 0


@pytest.mark.parametrize(
    ("accepts", "locale"), [("vi,en;q=0.5", "vi"), ("ru-RU", "ru"), ("fr", "en"), ("id", "en")]
)
def test_a_mail_has_the_language_of_the_visitor(
    accepts: str, locale: str, app: Flask, outbox: Outbox
) -> None:
    ask(app.test_client(), accepts)

    assert outbox.last.locale == locale


def test_what_a_visitor_has_chosen_on_a_page_comes_before_the_browser(app: Flask, outbox: Outbox) -> None:
    browser = app.test_client()
    unknown = browser.post("/language/xx")
    browser.post("/language/vi")

    ask(browser, "ru")

    assert unknown.status_code == 404
    assert outbox.last.locale == "vi"


@pytest.mark.parametrize("accepts", ["vi", "ru"])
def test_a_view_of_the_app_sends_in_the_same_language(accepts: str, app: Flask, outbox: Outbox) -> None:
    app.test_client().post("/phone", data={"phone": PHONE}, headers={"Accept-Language": accepts})

    assert (outbox.last.channel, outbox.last.locale) == ("sms", accepts)


def test_the_answers_of_sms_follow_too(app: Flask) -> None:
    answers = [
        app.test_client().post("/api/auth/resend-otp", json={}, headers={"Accept-Language": accepts}).json
        for accepts in ("en", "vi")
    ]

    assert [answer["message"] for answer in answers] == [
        "Please sign in to continue",
        "Vui lòng đăng nhập để tiếp tục",
    ]


def test_of_the_four_languages_the_first_that_is_given_is_taken(
    make: Callable[..., Flask], outbox: Outbox
) -> None:
    app, own = make(), make(OTPAUTH_EMAIL_LANGUAGE="lo")

    ask(app.test_client(), "ru", lang="vi")
    ask(own.test_client(), "ru", lang="vi")
    ask(own.test_client(), "ru")
    ask(app.test_client(), "ru")

    assert [message.locale for message in outbox.messages] == ["vi", "vi", "lo", "ru"]


def test_the_setting_of_one_flow_takes_flask_babel_as_well(
    make: Callable[..., Flask], outbox: Outbox
) -> None:
    app = make(OTPAUTH_LANGUAGE="lo", OTPAUTH_EMAIL_LANGUAGE="flask_babel:get_locale")

    ask(app.test_client(), "ru")
    app.test_client().post("/phone", data={"phone": PHONE}, headers={"Accept-Language": "ru"})

    assert [message.locale for message in outbox.messages] == ["ru", "lo"]


def test_where_there_is_no_request_the_document_decides_or_the_caller(app: Flask, outbox: Outbox) -> None:
    (block,) = blocks("howto/flask-babel.md", "python")
    otpauth: OtpAuth = translated.otpauth
    with app.app_context():
        otpauth.codes.send("email", ADDRESS, purpose="close_account")
        exec(block, {"otpauth": otpauth, "user": SimpleNamespace(email=ADDRESS, language="ru")})
        with force_locale("vi"):
            otpauth.codes.send("email", ADDRESS, purpose="close_account")

    assert [message.locale for message in outbox.messages] == ["en", "ru", "vi"]


def test_behind_the_answer_a_message_has_the_language_of_its_request(
    make: Callable[..., Flask], outbox: Outbox
) -> None:
    app = make(OTPAUTH_DELIVERY="thread")

    ask(app.test_client(), "ru")
    app.extensions["otpauth"].services.codes.messenger.delivery.drain(60)

    assert outbox.last.locale == "ru"


def test_flask_babels_filters_in_a_template_use_the_language_of_the_request(
    app: Flask, outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = tmp_path / "templates/otpauth/email/code.en.txt"
    template.parent.mkdir(parents=True)
    template.write_text("{{ code }} {{ 1.5 | decimalformat }} {{ locale }}", "utf-8")
    monkeypatch.setattr(app, "root_path", str(tmp_path))

    ask(app.test_client(), "ru", lang="en")

    assert outbox.last.text == f"{outbox.last.code} 1,5 en"


@pytest.mark.parametrize(("spelling", "locale"), [("pt_BR", "pt_BR"), ("pt_PT", "pt")])
def test_a_template_of_the_region_is_taken_else_one_of_the_language(
    spelling: str,
    locale: str,
    make: Callable[..., Flask],
    outbox: Outbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make(LANGUAGES=[spelling])
    for each in ("pt", "pt_BR"):
        template = tmp_path / f"templates/otpauth/email/code.{each}.txt"
        template.parent.mkdir(parents=True, exist_ok=True)
        template.write_text("{{ code }}", "utf-8")
    monkeypatch.setattr(app, "root_path", str(tmp_path))
    browser = app.test_client()
    browser.post(f"/language/{spelling}")

    ask(browser)

    with app.test_request_context(headers={"Accept-Language": spelling.replace("_", "-")}):
        assert str(get_locale()) == spelling
    assert outbox.last.locale == locale
