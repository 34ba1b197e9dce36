"""Languages: every flow has those with templates, and the host chooses the default."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_otpauth import ConfigurationError
from flask_otpauth.testing import Outbox
from tests.flows.account_caller import Merchant, new_customer
from tests.flows.email_caller import EmailCaller
from tests.flows.sms_caller import SmsCaller
from tests.flows.voice_caller import VoiceCaller
from tests.hosts import MakeApp


def codes_of(app: Flask) -> Any:
    return app.extensions["test_otpauth"].codes


# -- the default ------------------------------------------------------------------------------


def defaults(app: Flask, outbox: Outbox) -> dict[str, str]:
    """Return the language of each flow's messages if a request names none."""
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
    """Return the language that a host chooses. Settings name this function by its path."""
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
def test_the_catalogs_of_a_host_are_found_in_any_spelling(
    spelling: str, make_app: MakeApp, outbox: Outbox
) -> None:
    messages = {spelling: {"Gửi mã OTP thành công": "Code envoyé"}}
    caller = SmsCaller(make_app(sms_messages=messages), outbox)

    assert caller.resend(lang=spelling.swapcase()).json["message"] == "Code envoyé"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"language": "../en"}, "OTPAUTH_LANGUAGE: expected a language such as 'de'"),
        ({"language": 7}, "OTPAUTH_LANGUAGE: expected a language such as 'de'"),
        ({"sms_language": ""}, "OTPAUTH_SMS_LANGUAGE: expected a language such as 'de'"),
        ({"sms_messages": {"../x": {}}}, "OTPAUTH_SMS_MESSAGES: '../x' is not a valid language"),
    ],
)
def test_what_is_no_language_is_told_at_start(settings: dict[str, Any], told: str, make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match=told):
        make_app(**settings)
