"""The packaged texts: each names the app and the code in its language, and an SMS has one segment."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

import flask_otpauth
from flask_otpauth.core.challenges import shows_code
from flask_otpauth.testing import Outbox
from tests.flows.account_caller import Merchant, new_customer
from tests.flows.email_caller import ADDRESS, EmailCaller
from tests.flows.sms_caller import SmsCaller
from tests.hosts import MakeApp

PHONE = "+84987654321"
TEMPLATES = Path(flask_otpauth.__file__).parent / "templates" / "otpauth"
LANGUAGES = ("vi", "en", "lo", "ru", "id")


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

    assert outbox.last.segments == 1, f"{len(text)}: {text}"
    assert outbox.last.locale == locale
    assert "example_app" in text
    assert text.endswith(f"\n\n@example.com #{outbox.last.code}") is bool(values)


def test_a_name_with_accents_leaves_a_vietnamese_sms_one_segment(make_app: MakeApp, outbox: Outbox) -> None:
    text = sent(make_app(brand="Công ty Cổ phần Hoa Sen"), outbox, "sms", "vi")

    assert "tai Cong ty Co phan Hoa Sen, co hieu luc trong 5 phut." in text
    assert outbox.last.segments == 1
    assert outbox.last.encoding == "GSM-7"


@pytest.mark.parametrize(("brand", "shown"), [(None, "host"), ("Trees & Co", "Trees & Co")])
@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("channel", ["email", "sms", "whatsapp", "voice"])
def test_every_message_and_its_subject_name_the_app(
    channel: str, locale: str, brand: str | None, shown: str, make_app: MakeApp, outbox: Outbox
) -> None:
    text = sent(make_app(brand=brand), outbox, channel, locale)

    assert shown in text
    assert shows_code(text, outbox.last.code)
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


APP_HASH = "FA+9qCX9VSu"


@pytest.mark.parametrize(
    ("settings", "last_lines"),
    [
        ({"sms_origin": "example.com"}, "\n\n@example.com #{code}"),
        ({"sms_app_hash": APP_HASH}, f"\n\n{APP_HASH}"),
        ({"sms_origin": "example.com", "sms_app_hash": APP_HASH}, f"\n\n{APP_HASH}\n@example.com #{{code}}"),
    ],
)
def test_every_sms_with_a_code_ends_with_the_lines_for_phones(
    settings: dict[str, str], last_lines: str, make_app: MakeApp, outbox: Outbox
) -> None:
    app = make_app(account_language="en", **settings)
    new_customer(app)

    SmsCaller(app, outbox).resend(cc_phone="84", phone="912345678")
    Merchant(app).request(type="sms", template_code="code")
    sent(app, outbox, "sms", "en")

    assert len(outbox.messages) == 3
    for message in outbox.messages:
        assert message.text.endswith(last_lines.format(code=message.code))
        assert message.text.count(APP_HASH) == last_lines.count(APP_HASH)


@pytest.mark.parametrize("locale", ["vi", "en", "id"])
def test_an_sms_for_android_has_at_most_140_bytes(locale: str, make_app: MakeApp, outbox: Outbox) -> None:
    text = sent(make_app(brand="example_app", sms_app_hash=APP_HASH), outbox, "sms", locale)

    assert len(text.encode()) <= 140


@pytest.mark.parametrize("channel", ["email", "whatsapp", "voice"])
def test_another_channel_has_no_lines_for_phones(channel: str, make_app: MakeApp, outbox: Outbox) -> None:
    text = sent(make_app(sms_origin="shop.test", sms_app_hash=APP_HASH), outbox, channel, "en")

    assert "@shop.test" not in text
    assert APP_HASH not in text
    assert (outbox.last.segments, outbox.last.encoding) == (0, "")


def test_a_hosts_template_that_has_the_lines_gets_none(
    make_app: MakeApp, outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "templates" / "otpauth" / "sms"
    folder.mkdir(parents=True)
    own = f"{{{{ code }}}}\n{APP_HASH}\n\n@{{{{ origin }}}} #{{{{ code }}}}"
    (folder / "code.en.txt").write_text(own, "utf-8")
    app = make_app(sms_origin="example.com", sms_app_hash=APP_HASH)
    monkeypatch.setattr(app, "root_path", str(tmp_path))

    text = sent(app, outbox, "sms", "en")

    code = outbox.last.code
    assert text == f"{code}\n{APP_HASH}\n\n@example.com #{code}"
