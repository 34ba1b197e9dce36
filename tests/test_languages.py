"""Languages: every flow speaks those that have templates, and the host chooses the default."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask_babel import Babel

from docs.examples import german
from flask_otpauth import ConfigurationError
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.account_caller import Merchant, new_customer
from tests.flows.email_caller import ADDRESS, EmailCaller
from tests.flows.sms_caller import SmsCaller, new_client
from tests.flows.voice_caller import VoiceCaller, new_campaign
from tests.hosts import SECRET_KEY, MakeApp

DOCS = Path(__file__).parents[1] / "docs"
PHONE = "+84987654321"


def codes_of(app: Flask) -> Any:
    return app.extensions["test_otpauth"].codes


# -- a language of the host's: the page of the documentation, run ------------------------------


@pytest.fixture
def german_app(outbox: Outbox, clock: MovableClock, database_uri: str) -> Flask:
    """The app of the page, and nothing but a deployment's settings."""
    config = {
        "SECRET_KEY": SECRET_KEY,
        "TESTING": True,
        "OTPAUTH_FLOWS": ("email", "sms", "voice", "account"),
        "OTPAUTH_SENDERS": outbox.senders,
        "OTPAUTH_CLOCK": clock,
        "OTPAUTH_IP_LIMITS": None,
        "OTPAUTH_DATABASE_URI": database_uri,
    }
    app = german.create_app(config)
    app.extensions["test_otpauth"] = german.otpauth
    with app.app_context():
        german.otpauth.create_all()
    return app


@pytest.mark.parametrize("lang", [None, "de", "de-AT", "DE", "xx"])
def test_a_mail_is_german(lang: str | None, german_app: Flask, outbox: Outbox) -> None:
    EmailCaller(german_app, outbox).ask(lang=lang)

    mail = outbox.last
    assert mail.locale == "de"
    assert mail.subject == f"{mail.code} ist Ihr Code für Blumenladen"
    assert mail.text.startswith("Blumenladen\n\nIhr Code ist\n\n")
    assert "Er gilt 5 Minuten und nur einmal." in mail.text
    assert "Er gilt 5 min und nur einmal." in (mail.html or "")
    assert mail.code in (mail.html or "")


def test_an_sms_and_its_answers_are_german(german_app: Flask, outbox: Outbox) -> None:
    caller = SmsCaller(german_app, outbox)

    sent = caller.resend(lang="de_DE")
    too_soon = caller.resend()

    assert sent.json["message"] == "Der Code ist unterwegs"
    assert outbox.last.text == f"{outbox.last.code} ist Ihr Code für Blumenladen, gültig 5 min."
    assert too_soon.json["message"] == "Bitte in 90 Sekunden noch einmal"
    assert caller.verify("000000").json["message"] == "Der Code ist falsch"


def test_a_request_for_another_language_is_met_on_a_german_host(german_app: Flask, outbox: Outbox) -> None:
    EmailCaller(german_app, outbox).ask(lang="en")
    sms = SmsCaller(german_app, outbox).resend(lang="vi")

    assert "Your code is" in outbox.messages[0].text
    assert sms.json["message"] == "Gửi mã OTP thành công"
    assert "la ma OTP cua ban" in outbox.last.text


@pytest.mark.parametrize("language", ["de", "de-AT", "DE", None])
def test_a_campaign_speaks_german(language: str | None, german_app: Flask, outbox: Outbox) -> None:
    client = new_client(german_app, "voice")
    campaign = new_campaign(german_app, client.id, language=language)

    VoiceCaller(german_app, outbox, client, campaign.id).call("0123")

    assert campaign.language == outbox.last.locale == "de"
    assert outbox.last.text.startswith("Ihr Code ist: 0, 1, 2, 3. Ihr Code ist: 0, 1, 2, 3.")


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_a_merchants_customers_are_written_to_in_german(
    channel: str, german_app: Flask, outbox: Outbox
) -> None:
    new_customer(german_app)
    merchant = Merchant(german_app)

    merchant.request(type=channel, template_code="code")

    assert outbox.last.locale == "de"
    assert "Ihr Code" in outbox.last.text


@pytest.mark.parametrize("locale", [None, "de", "de_DE", "de-at"])
def test_a_code_of_the_hosts_own_is_german(locale: str | None, german_app: Flask, outbox: Outbox) -> None:
    with german_app.app_context():
        german.otpauth.codes.send("sms", PHONE, purpose="confirm", locale=locale)

    assert "ist Ihr Code" in outbox.last.text


def test_a_message_without_a_german_template_is_in_the_packaged_language(
    german_app: Flask, outbox: Outbox
) -> None:
    with german_app.app_context():
        german.otpauth.codes.send("whatsapp", PHONE, purpose="confirm")

    assert "is your code for Blumenladen" in outbox.last.text


def test_the_page_shows_every_german_template() -> None:
    page = (DOCS / "howto" / "languages.md").read_text("utf-8")
    folder = DOCS / "examples" / "german"
    templates = [path.relative_to(folder) for path in folder.rglob("*.*")]

    assert len(templates) == 5
    for template in templates:
        assert f"`{template}`" in page
        assert f"{{literalinclude}} ../examples/german/{template}\n" in page


# -- the default ------------------------------------------------------------------------------


def defaults(app: Flask, outbox: Outbox) -> dict[str, str]:
    """The language of each flow's messages where nobody asks for one."""
    new_customer(app)
    EmailCaller(app, outbox).ask()
    found = {"email": outbox.last.locale}
    SmsCaller(app, outbox).resend()
    found["sms"] = outbox.last.locale
    VoiceCaller(app, outbox).call("0123")
    found["voice"] = outbox.last.locale
    Merchant(app).request(type="email", template_code="code")
    found["account"] = outbox.last.locale
    with app.app_context():
        codes_of(app).send("whatsapp", "+84987654399", purpose="confirm")
    found["codes"] = outbox.last.locale
    return found


DOCUMENTED = {"email": "vi", "sms": "vi", "voice": "vi", "account": "en", "codes": "en"}


def russian() -> str:
    """A host's choice, which a dotted path leads to."""
    return "ru_RU"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, DOCUMENTED),
        ({"language": "lo"}, dict.fromkeys(DOCUMENTED, "lo")),
        ({"language": "ID-id"}, dict.fromkeys(DOCUMENTED, "id")),
        ({"language": "fr"}, DOCUMENTED),
        ({"language": russian}, dict.fromkeys(DOCUMENTED, "ru")),
        ({"language": "tests.test_languages:russian"}, dict.fromkeys(DOCUMENTED, "ru")),
        ({"language": lambda: None}, DOCUMENTED),
        ({"email_language": "lo"}, {**DOCUMENTED, "email": "lo"}),
        ({"sms_language": "en"}, {**DOCUMENTED, "sms": "en"}),
        ({"voice_language": "ru"}, {**DOCUMENTED, "voice": "ru"}),
        ({"account_language": "vi"}, {**DOCUMENTED, "account": "vi"}),
        ({"language": "lo", "sms_language": "en"}, {**dict.fromkeys(DOCUMENTED, "lo"), "sms": "en"}),
    ],
)
def test_the_default_language_is_the_hosts_else_the_documents(
    settings: dict[str, Any], expected: dict[str, str], make_app: MakeApp, outbox: Outbox
) -> None:
    assert defaults(make_app(**settings), outbox) == expected


def test_the_answers_of_sms_are_in_the_hosts_language(make_app: MakeApp, outbox: Outbox) -> None:
    caller = SmsCaller(make_app(language="en"), outbox)

    assert caller.resend().json["message"] == "The OTP was sent"
    assert caller.resend().json["message"] == "Please ask for the OTP again in 90 seconds"
    assert caller.resend(lang="vi").json["message"] == "Vui lòng yêu cầu gửi lại OTP sau 90 giây"


@pytest.mark.parametrize("spelling", ["fr_FR", "fr-fr", "FR"])
def test_the_catalogues_of_a_host_are_found_in_any_spelling(
    spelling: str, make_app: MakeApp, outbox: Outbox
) -> None:
    messages = {spelling: {"Gửi mã OTP thành công": "Code envoyé"}}
    caller = SmsCaller(make_app(sms_messages=messages), outbox)

    assert caller.resend(lang=spelling.swapcase()).json["message"] == "Code envoyé"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"language": "../en"}, "OTPAUTH_LANGUAGE: give a language such as 'de'"),
        ({"language": 7}, "OTPAUTH_LANGUAGE: give a language such as 'de'"),
        ({"sms_language": ""}, "OTPAUTH_SMS_LANGUAGE: give a language such as 'de'"),
        ({"sms_messages": {"../x": {}}}, "OTPAUTH_SMS_MESSAGES: '../x' is not a language"),
    ],
)
def test_what_is_no_language_is_told_at_start(settings: dict[str, Any], told: str, make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match=told):
        make_app(**settings)


# -- Flask-Babel ------------------------------------------------------------------------------


@pytest.fixture
def babel_app(make_app: MakeApp) -> Flask:
    """A host whose users choose by their browser."""
    app = make_app(language="flask_babel:get_locale")

    def chosen() -> str | None:
        return request.accept_languages.best_match(["lo", "ru", "en"])

    Babel(app, default_locale="en", locale_selector=chosen)
    return app


def asked(app: Flask, accepts: str, **fields: Any) -> None:
    app.test_client().post(
        "/apis/auth/request-otp", json={"email": ADDRESS, **fields}, headers={"Accept-Language": accepts}
    )


@pytest.mark.parametrize(("accepts", "locale"), [("lo,en;q=0.5", "lo"), ("ru-RU", "ru"), ("fr", "en")])
def test_the_language_of_flask_babel_is_the_default(
    accepts: str, locale: str, babel_app: Flask, outbox: Outbox
) -> None:
    asked(babel_app, accepts)

    assert outbox.last.locale == locale


def test_what_the_client_asks_for_comes_before_flask_babel(babel_app: Flask, outbox: Outbox) -> None:
    asked(babel_app, "lo", lang="vi")

    assert outbox.last.locale == "vi"


@pytest.mark.parametrize("accepts", ["lo", "ru"])
def test_a_view_of_the_host_sends_in_flask_babels_language(
    accepts: str, babel_app: Flask, outbox: Outbox
) -> None:
    with babel_app.test_request_context(headers={"Accept-Language": accepts}):
        codes_of(babel_app).send("email", ADDRESS, purpose="confirm")

    assert outbox.last.locale == accepts


def test_where_flask_babel_has_nobody_to_ask_the_documented_language_is_taken(
    babel_app: Flask, outbox: Outbox
) -> None:
    with babel_app.app_context():
        codes_of(babel_app).send("email", ADDRESS, purpose="confirm")

    assert outbox.last.locale == "en"


def test_the_settings_of_the_page_are_settings_that_there_are(make_app: MakeApp) -> None:
    page = (DOCS / "howto" / "languages.md").read_text("utf-8")
    block = page.partition("```python\n")[2].partition("```")[0]
    config: dict[str, Any] = {}
    exec(block, {}, config)

    app = make_app(**config)

    selected: Callable[[], object] = app.extensions["otpauth"].shared.language
    assert callable(selected)
