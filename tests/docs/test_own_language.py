"""The page on languages: with its files and its settings, an app speaks German."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from docs.examples import german
from docs.examples.german_answers import ANSWERS
from flask_otpauth.flows.sms import messages
from flask_otpauth.testing import MovableClock, Outbox
from tests.docs.shell import DOCS
from tests.flows.account_caller import EMAIL, PASSWORD, Merchant, new_customer
from tests.flows.email_caller import EmailCaller
from tests.flows.sms_caller import SmsCaller, new_client
from tests.flows.voice_caller import VoiceCaller, new_campaign
from tests.hosts import SECRET_KEY, MakeApp

PAGE = (DOCS / "howto/languages.md").read_text("utf-8")
PHONE = "+84987654321"


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


@pytest.mark.parametrize("channel", ["sms", "whatsapp", "email"])
def test_a_code_of_the_hosts_own_is_german_on_each_channel(
    channel: str, german_app: Flask, outbox: Outbox
) -> None:
    with german_app.app_context():
        german.otpauth.codes.send(channel, EMAIL if channel == "email" else PHONE, purpose="confirm")

    assert (outbox.last.channel, outbox.last.locale) == (channel, "de")
    assert "Code" in outbox.last.text


def test_a_customer_is_told_in_german_that_a_secret_was_changed(german_app: Flask, outbox: Outbox) -> None:
    new_customer(german_app)
    merchant = Merchant(german_app)
    merchant.set_pin()

    merchant.reset_pin_by_password(PASSWORD)
    merchant.change_password(PASSWORD)

    assert [(message.subject, message.text.split(".")[0]) for message in outbox.messages] == [
        (sentence, sentence)
        for sentence in (
            "Ihre PIN für Blumenladen wurde geändert",
            "Ihr Passwort für Blumenladen wurde geändert",
        )
    ]


# -- what the page says of names ----------------------------------------------------------------


def test_the_page_shows_every_german_template() -> None:
    folder = DOCS / "examples" / "german"
    templates = [str(path.relative_to(folder)) for path in folder.rglob("*.txt")]

    for template in [*templates, "otpauth/email/code.de.html"]:
        assert f"`{template}`" in PAGE
        assert f"{{literalinclude}} ../examples/german/{template}\n" in PAGE


def test_every_packaged_message_has_a_german_template() -> None:
    packaged = (DOCS.parent / "flask_otpauth/templates").rglob("*.en.*")
    german_names = {
        path.relative_to(DOCS / "examples/german") for path in (DOCS / "examples/german").rglob("*.*")
    }

    assert german_names == {
        Path(str(path.relative_to(DOCS.parent / "flask_otpauth/templates")).replace(".en.", ".de."))
        for path in packaged
    }


def test_the_catalog_translates_every_sentence_of_sms() -> None:
    assert ANSWERS.keys() == messages.ENGLISH.keys()


def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app: Flask, name: str, text: str) -> None:
    """Put a template into the app's folder."""
    template = tmp_path / "templates" / name
    template.parent.mkdir(parents=True, exist_ok=True)
    template.write_text(text, "utf-8")
    monkeypatch.setattr(app, "root_path", str(tmp_path))


@pytest.mark.parametrize("locale", ["en", "ru"])
def test_a_purposes_template_without_a_language_is_for_all(
    locale: str, make_app: MakeApp, outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    placed(tmp_path, monkeypatch, app, "otpauth/sms/confirm_phone.txt", "{{ code }} is for all")

    with app.app_context():
        app.extensions["test_otpauth"].codes.send("sms", PHONE, purpose="confirm_phone", locale=locale)

    assert outbox.last.text.endswith("is for all")


def test_a_request_of_account_chooses_a_template_by_its_code(
    make_app: MakeApp, outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(account_templates={"code": "code", "welcome": "first_code"})
    placed(tmp_path, monkeypatch, app, "otpauth/email/first_code.en.txt", "Welcome, {{ code }}")
    new_customer(app)

    Merchant(app).request(type="email", template_code="welcome")

    assert outbox.last.text == f"Welcome, {outbox.last.code}"


@pytest.mark.parametrize(("lang", "sentence"), [("en", "Sent!"), ("vi", "Đã gửi")])
def test_a_packaged_sentence_of_sms_can_be_replaced(
    lang: str, sentence: str, make_app: MakeApp, outbox: Outbox
) -> None:
    messages = {lang: {"Gửi mã OTP thành công": sentence}}
    caller = SmsCaller(make_app(sms_messages=messages), outbox)

    sent, too_soon = (caller.resend(lang=lang).json["message"] for _ in range(2))

    assert sent == sentence
    assert "90" in too_soon  # the others stay as they are
