"""What a sender finds in a message, besides its texts."""

from __future__ import annotations

import pytest

from flask_otpauth.errors import ConfigurationError
from flask_otpauth.testing import Outbox
from tests.flows.account_caller import Merchant, new_customer
from tests.flows.email_caller import EmailCaller
from tests.flows.flashcall_caller import Application
from tests.flows.sms_caller import SmsCaller
from tests.flows.voice_caller import VoiceCaller
from tests.hosts import MakeApp, otpauth_of

PHONE = "+84912345678"


def test_each_message_has_an_id_of_its_own(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app()

    with app.app_context():
        for purpose in ("pay", "move"):
            otpauth_of(app).codes.send("email", f"{purpose}@example.com", purpose=purpose)

    ids = {message.id for message in outbox.messages}
    assert len(ids) == 2
    assert all(len(each) == 16 and each.replace("-", "").replace("_", "").isalnum() for each in ids)


def test_a_message_has_the_client_that_asked_for_it(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app()
    new_customer(app)
    sms, calls, voice, merchant = (
        SmsCaller(app, outbox),
        Application(app, outbox),
        VoiceCaller(app, outbox),
        Merchant(app),
    )

    sms.resend()
    calls.order()
    voice.call()
    merchant.request(type="email", template_code="code")

    assert [(each.channel, each.client_id) for each in outbox.messages] == [
        ("sms", sms.client.id),
        ("flashcall", calls.client.id),
        ("voice", voice.client.id),
        ("email", merchant.client.id),
    ]


def test_a_login_by_email_has_no_client(make_app: MakeApp, outbox: Outbox) -> None:
    EmailCaller(make_app(), outbox).ask()

    assert outbox.last.client_id == ""


def test_a_message_has_the_values_of_its_template(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(brand="Shop")

    with app.app_context():
        otpauth_of(app).codes.send("sms", PHONE, purpose="pay", locale="en", amount="5 EUR")

    message = outbox.last
    assert (message.template, message.locale) == ("code", "en")
    assert {"brand": "Shop", "amount": "5 EUR", "minutes": 5}.items() <= message.values.items()
    assert message.values["code"] == message.code
    assert message.code not in repr(message) + repr(message.values)


def test_a_message_has_the_id_of_its_template_at_the_provider(make_app: MakeApp, outbox: Outbox) -> None:
    ids = {("sms", "code", "vi"): "1207", ("whatsapp", "code", "en-US"): "otp_en"}
    app = make_app(template_ids=ids)

    with app.app_context():
        otpauth_of(app).codes.send("sms", PHONE, purpose="pay", locale="vi_VN")
        otpauth_of(app).codes.send("sms", "+84912345679", purpose="pay", locale="en")

    assert [message.template_id for message in outbox.messages] == ["1207", ""]


@pytest.mark.parametrize(
    ("ids", "problem"),
    [
        ({("smss", "code", "vi"): "1"}, "OTPAUTH_TEMPLATE_IDS: unknown channel 'smss'; did you mean sms?"),
        ({("sms", "code", "?"): "1"}, "OTPAUTH_TEMPLATE_IDS: '?' is not a valid language"),
        (
            {"sms": "1"},
            "OTPAUTH_TEMPLATE_IDS: expected a dict such as {('sms', 'code', 'vi'): '1207161234567'}",
        ),
    ],
)
def test_template_ids_that_cannot_be_meant(ids: object, problem: str, make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError) as raised:
        make_app(template_ids=ids)

    assert problem in str(raised.value)


def test_the_hash_of_an_android_app_has_eleven_characters(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="OTPAUTH_SMS_APP_HASH: expected the 11 characters"):
        make_app(sms_app_hash="FA+9qCX9VS")
