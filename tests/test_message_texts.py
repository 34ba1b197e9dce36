"""The packaged texts: each names the app and the code in its language, and an SMS has one segment."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

import flask_otpauth
from flask_otpauth.testing import Outbox
from tests.flows.account_caller import Merchant, new_customer
from tests.flows.email_caller import ADDRESS, EmailCaller
from tests.hosts import MakeApp

PHONE = "+84987654321"
TEMPLATES = Path(flask_otpauth.__file__).parent / "templates" / "otpauth"
LANGUAGES = ("vi", "en", "lo", "ru", "id")

#: 3GPP TS 23.038 §6.2.1: characters of seven bits, and those of twice seven.
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")


def segments(text: str) -> int:
    """Return how many segments an SMS with that text has."""
    if set(text) <= GSM | GSM_EXTENSION:
        units, alone, joined = len(text) + sum(each in GSM_EXTENSION for each in text), 160, 153
    else:
        units, alone, joined = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if units <= alone else -(-units // joined)


def sent(app: Flask, outbox: Outbox, channel: str, locale: str, **values: str) -> str:
    """Return the text that is sent for a code of the host's own."""
    with app.app_context():
        to = ADDRESS if channel == "email" else PHONE
        app.extensions["test_otpauth"].codes.send(channel, to, purpose="pay", locale=locale, **values)
    return outbox.last.text


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("ttl", [60, 90, 120, 300, 590, 600])
@pytest.mark.parametrize("values", [{}, {"origin": "example.com"}], ids=["brand", "origin"])
def test_an_sms_is_one_segment_in_every_language(
    values: dict[str, str], ttl: int, locale: str, make_app: MakeApp, outbox: Outbox
) -> None:
    app = make_app(sms_code_ttl=ttl, brand="example_app")

    text = sent(app, outbox, "sms", locale, **values)

    assert segments(text) == 1, f"{len(text)}: {text}"
    assert outbox.last.locale == locale
    assert ("example_app" in text) is not ("@example.com #" in text)


def test_a_name_with_accents_leaves_a_vietnamese_sms_one_segment(make_app: MakeApp, outbox: Outbox) -> None:
    text = sent(make_app(brand="Công ty Cổ phần Hoa Sen"), outbox, "sms", "vi")

    assert "tai Cong ty Co phan Hoa Sen, co hieu luc trong 5 phut." in text
    assert segments(text) == 1


@pytest.mark.parametrize(("brand", "shown"), [(None, "host"), ("Trees & Co", "Trees & Co")])
@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("channel", ["email", "sms", "whatsapp"])
def test_every_message_and_its_subject_name_the_app(
    channel: str, locale: str, brand: str | None, shown: str, make_app: MakeApp, outbox: Outbox
) -> None:
    text = sent(make_app(brand=brand), outbox, channel, locale)

    assert shown in text
    assert outbox.last.code in text
    if channel == "email":
        assert shown in outbox.last.subject
        assert shown.replace("&", "&amp;") in (outbox.last.html or "")


@pytest.mark.parametrize("in_subject", [True, False])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_subject_of_a_login_names_the_app_and_the_code_where_it_may(
    lang: str, in_subject: bool, make_app: MakeApp, outbox: Outbox
) -> None:
    caller = EmailCaller(make_app(brand="Trees", email_code_in_subject=in_subject), outbox)

    caller.ask(lang=lang)

    assert "Trees" in outbox.last.subject
    assert (outbox.last.code in outbox.last.subject) is in_subject


@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_notice_names_the_app(locale: str, make_app: MakeApp, outbox: Outbox) -> None:
    notices = [path.name for path in (TEMPLATES / "email").glob(f"*_changed.{locale}*.txt")]

    assert len(notices) == 4
    assert all("{{ brand }}" in (TEMPLATES / "email" / name).read_text("utf-8") for name in notices)


@pytest.mark.parametrize(
    ("ttl", "words"),
    [
        (60, ("1 phút", "1 minute ", "1 ນາທີ", "1 минуту", "1 menit")),
        (90, ("90 giây", "90 seconds", "90 ວິນາທີ", "90 секунд", "90 detik")),
        (
            121,
            ("2 phút 1 giây", "2 minutes 1 second ", "2 ນາທີ 1 ວິ", "2 минуты 1 секунду", "2 menit 1 d"),
        ),
        (300, ("5 phút", "5 minutes", "5 ນາທີ", "5 минут", "5 menit")),
    ],
)
def test_a_mail_says_how_long_its_code_lives_in_words_of_its_language(
    ttl: int, words: tuple[str, ...], make_app: MakeApp, outbox: Outbox
) -> None:
    caller = EmailCaller(make_app(email_code_ttl=ttl), outbox)

    for lang, said in zip(LANGUAGES, words, strict=True):
        caller.ask(lang=lang)
        assert said in outbox.last.text
        assert said in (outbox.last.html or "")


@pytest.mark.parametrize(("ttl", "minutes"), [(30, 1), (60, 1), (90, 1), (119, 1), (120, 2), (299, 4)])
def test_the_minutes_of_a_hosts_template_never_promise_more_than_there_is(
    ttl: int,
    minutes: int,
    make_app: MakeApp,
    outbox: Outbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "templates" / "otpauth" / "sms"
    folder.mkdir(parents=True)
    (folder / "code.en.txt").write_text("{{ code }}: {{ minutes }} {{ seconds }} {{ validity }}", "utf-8")
    app = make_app(sms_code_ttl=ttl)
    monkeypatch.setattr(app, "root_path", str(tmp_path))

    text = sent(app, outbox, "sms", "en")

    assert text.split()[1:3] == [str(minutes), str(ttl)]


def test_a_merchants_messages_name_the_app_too(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(brand="Trees", account_language="en")
    new_customer(app)
    Merchant(app).request(type="email", template_code="code")

    assert outbox.last.subject == "Your code for Trees"


@pytest.mark.parametrize("brand", ["", "  ", "two\nlines", "x" * 65, 360, ["Trees"]])
def test_what_cannot_be_a_name_is_told_at_start(brand: object, make_app: MakeApp) -> None:
    with pytest.raises(flask_otpauth.ConfigurationError, match="OTPAUTH_BRAND: expected a name of one line"):
        make_app(brand=brand)
