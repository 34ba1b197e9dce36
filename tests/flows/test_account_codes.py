"""The codes of the ``account`` flow: limits, channels, templates, echo (contract/account.md)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth.core.errors import ConfigurationError
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.account_caller import (
    EMAIL,
    INVALID_OTP,
    LOCKED,
    OK,
    PASSWORD_CODE,
    PHONE,
    PIN_CODE,
    Merchant,
    new_customer,
    refused,
)
from tests.hosts import MakeApp, otpauth_of

TEMPLATE_UNKNOWN = refused("template_code", "Messages template not found", "invalid_template_code")


def customer_of(app: Flask, **fields: Any) -> Merchant:
    """A merchant of one customer with these fields."""
    return Merchant(app, user=new_customer(app, **fields).id)


# -- two merchants --------------------------------------------------------------------------------


def test_two_merchants_codes_for_one_customer_live_side_by_side(merchant: Merchant) -> None:
    other = Merchant(merchant.app)
    own, theirs = merchant.code(), other.code()

    # The later one has not superseded the earlier; the reset itself ends the other.
    assert merchant.reset_pin(own).json == OK
    assert other.reset_pin(theirs).json == INVALID_OTP


# -- the request quota ----------------------------------------------------------------------------


def limited(field: str) -> dict[str, Any]:
    return refused(field, "OTP limit reached, try again tomorrow", "otp_limit_exceeded")


@pytest.mark.parametrize(("path", "field"), [(PIN_CODE, "user"), (PASSWORD_CODE, "identifier")])
def test_five_codes_a_purpose_and_day(merchant: Merchant, path: str, field: str) -> None:
    other_path = PASSWORD_CODE if path == PIN_CODE else PIN_CODE
    answers = [merchant.request(path).status_code for _ in range(5)]

    sixth = merchant.request(path)

    assert answers == [200] * 5
    assert (sixth.status_code, sixth.json) == (429, limited(field))
    assert sixth.headers["Retry-After"] == str(7 * 3600)  # it is five in the afternoon in Jakarta
    assert merchant.request(other_path).status_code == 200


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        (None, datetime(2024, 12, 29, 17, tzinfo=UTC)),
        ("Asia/Jakarta", datetime(2024, 12, 29, 17, tzinfo=UTC)),
        ("UTC", datetime(2024, 12, 30, tzinfo=UTC)),
    ],
)
def test_a_day_is_one_of_the_calendar_in_the_flows_zone(
    make_app: MakeApp, clock: MovableClock, zone: str | None, midnight: datetime
) -> None:
    settings = {"account_timezone": zone} if zone else {}
    merchant = customer_of(make_app(**settings))
    clock.now = midnight
    clock.tick_ms(-1)
    assert [merchant.request().status_code for _ in range(6)] == [200] * 5 + [429]

    last = merchant.request()
    clock.tick_ms(1)

    assert last.headers["Retry-After"] == "1"
    assert [merchant.request().status_code for _ in range(6)] == [200] * 5 + [429]


def test_a_day_may_slide(make_app: MakeApp, clock: MovableClock) -> None:
    merchant = customer_of(make_app(account_day="sliding"))
    for _ in range(5):
        merchant.code()

    clock.tick_ms(86_400_000 - 1)
    early = merchant.request()
    clock.tick_ms(1)

    assert (early.status_code, early.headers["Retry-After"]) == (429, "1")
    assert merchant.request().status_code == 200


def test_how_many_codes_a_day_is_a_setting(make_app: MakeApp) -> None:
    merchant = customer_of(make_app(account_otp_daily_limit=2))

    assert [merchant.request().status_code for _ in range(3)] == [200, 200, 429]


def test_reset_otp_limit_frees_the_requests_of_both_purposes(merchant: Merchant) -> None:
    for path in (PIN_CODE, PASSWORD_CODE):
        assert [merchant.request(path).status_code for _ in range(6)] == [200] * 5 + [429]

    freed = merchant.free_limit(user=PHONE)

    assert (freed.status_code, freed.json) == (200, OK)
    for path in (PIN_CODE, PASSWORD_CODE):
        assert [merchant.request(path).status_code for _ in range(6)] == [200] * 5 + [429]


def test_reset_otp_limit_gives_back_no_guess(merchant: Merchant) -> None:
    otp = merchant.code()
    for _ in range(5):
        merchant.reset_pin(another(otp))

    merchant.free_limit()

    assert merchant.reset_pin(otp).json == INVALID_OTP


def test_reset_otp_limit_leaves_a_live_code_alive(merchant: Merchant) -> None:
    otp = merchant.code()

    assert merchant.free_limit().json == OK
    assert merchant.reset_pin(otp).json == OK


# -- the long guess budget ------------------------------------------------------------------------


def locked(field: str) -> dict[str, Any]:
    return refused(field, LOCKED, "too_many_attempts")


def test_fifteen_wrong_guesses_lock_the_purpose_on_both_sides(
    merchant: Merchant, clock: MovableClock
) -> None:
    other = Merchant(merchant.app)
    theirs = other.code()
    merchant.miss(10)
    clock.tick(60)
    merchant.miss(5)

    answers = [merchant.request(), merchant.reset_pin("123123"), other.reset_pin(theirs), other.request()]

    assert [(answer.status_code, answer.json) for answer in answers] == [
        (429, locked("user")),
        (429, locked("otp")),
        (429, locked("otp")),
        (429, locked("user")),
    ]
    assert {answer.headers["Retry-After"] for answer in answers} == {str(86_400 - 60)}
    assert merchant.request(PASSWORD_CODE).status_code == 200


def test_reset_otp_limit_lifts_no_lock(merchant: Merchant) -> None:
    merchant.miss(15)

    assert merchant.free_limit().json == OK
    assert merchant.request().json == locked("user")


@pytest.mark.parametrize("subject", [EMAIL, PHONE, "M-0042", "1"])
def test_an_administrator_lifts_the_lock_under_every_name(merchant: Merchant, subject: str) -> None:
    merchant.miss(15)

    with merchant.app.app_context():
        otpauth_of(merchant.app).unlock(subject)

    merchant.free_limit()
    assert merchant.reset_pin(merchant.code()).json == OK


# -- echo, template and channel -------------------------------------------------------------------


def test_a_message_is_sent_only_with_a_template(merchant: Merchant, outbox: Outbox) -> None:
    silent = [merchant.code(), merchant.code(type="sms"), merchant.code(PASSWORD_CODE)]
    sent = merchant.code(template_code="code")

    (message,) = outbox.messages
    assert all(re.fullmatch("[0-9]{6}", otp) for otp in (*silent, sent))
    assert (message.code, message.purpose) == (sent, "account.pin_reset")
    assert sent in message.text


@pytest.mark.parametrize(
    ("asked", "customer", "channel", "recipient"),
    [
        (None, {}, "email", EMAIL),
        (None, {"email": None}, "sms", PHONE),
        ("email", {}, "email", EMAIL),
        ("sms", {}, "sms", PHONE),
        ("whatsapp", {}, "whatsapp", PHONE),
    ],
)
def test_the_type_chooses_the_channel(
    app: Flask, outbox: Outbox, asked: str | None, customer: dict[str, Any], channel: str, recipient: str
) -> None:
    merchant = customer_of(app, **customer)

    answer = merchant.request(type=asked, template_code="code")

    assert (outbox.last.channel, outbox.last.recipient) == (channel, recipient)
    assert outbox.last.code == answer.json["otp"]


NO_NUMBER = ("User does not have mobile number", "invalid_user_mobile_number")
NO_ADDRESS: list[tuple[str | None, dict[str, Any], tuple[str, str]]] = [
    ("email", {"email": None}, ("User does not have an email", "invalid_user_email")),
    ("sms", {"phone": None}, NO_NUMBER),
    (
        "whatsapp",
        {"phone": None},
        ("User does not have mobile number or invalid whatsapp number", "invalid_user_whatsapp_number"),
    ),
    (None, {"email": None, "phone": None}, NO_NUMBER),
]


@pytest.mark.parametrize(("asked", "customer", "told"), NO_ADDRESS)
def test_a_channel_without_an_address_matters_only_where_something_is_sent(
    app: Flask, outbox: Outbox, asked: str | None, customer: dict[str, Any], told: tuple[str, str]
) -> None:
    merchant = customer_of(app, **customer)

    refusal = merchant.request(type=asked, template_code="code")

    assert (refusal.status_code, refusal.json) == (400, refused("type", *told))
    assert outbox.messages == []
    assert [merchant.request(type=asked).status_code for _ in range(6)] == [200] * 5 + [429]


@pytest.mark.parametrize(
    "template_code",
    [
        "unheard-of",
        "CODE",
        "code.en",
        "../code",
        "../../email/code",
        "otpauth/email/code",
        "{{ code }}",
        "password_changed",
        "__class__",
        "x" * 4_000,
    ],
    ids=lambda text: text[:20],
)
def test_a_template_that_is_not_on_the_list_is_unknown(
    merchant: Merchant, outbox: Outbox, template_code: str
) -> None:
    for path in (PIN_CODE, PASSWORD_CODE):
        answer = merchant.request(path, template_code=template_code)
        assert (answer.status_code, answer.json) == (400, TEMPLATE_UNKNOWN)
    assert outbox.messages == []


@pytest.fixture
def own_templates(tmp_path: Path) -> Callable[[Flask], None]:
    """Gives an app a template ``otpauth/sms/merchant_reset.en.txt`` of its own."""
    folder = tmp_path / "templates" / "otpauth" / "sms"
    folder.mkdir(parents=True)
    (folder / "merchant_reset.en.txt").write_text("Stamps: {{ code }}\n{{ purpose }}\n", "utf-8")

    def give(app: Flask) -> None:
        app.jinja_loader.searchpath.append(str(tmp_path / "templates"))  # type: ignore[union-attr]

    return give


def test_a_template_code_leads_to_the_hosts_template(
    make_app: MakeApp, outbox: Outbox, own_templates: Callable[[Flask], None]
) -> None:
    app = make_app(account_templates={"RESET-1": "merchant_reset"})
    own_templates(app)
    merchant = customer_of(app)

    otp = merchant.code(type="sms", template_code="RESET-1")

    assert outbox.last.text == f"Stamps: {otp}\naccount.pin_reset"
    assert merchant.request(type="sms", template_code="code").json == TEMPLATE_UNKNOWN


def test_a_template_that_the_channel_does_not_have_is_unknown_and_uses_nothing_up(
    make_app: MakeApp, outbox: Outbox, own_templates: Callable[[Flask], None]
) -> None:
    app = make_app(account_templates={"RESET-1": "merchant_reset"})
    own_templates(app)
    merchant = customer_of(app)

    refusals = [merchant.request(type="email", template_code="RESET-1").json for _ in range(6)]

    assert refusals == [TEMPLATE_UNKNOWN] * 6
    assert outbox.messages == []
    assert merchant.request(type="sms", template_code="RESET-1").status_code == 200


@pytest.mark.parametrize("channel", ["email", "sms", "whatsapp"])
@pytest.mark.parametrize("language", ["en", "id", "vi", "lo", "ru"])
def test_the_packaged_template_is_there_on_every_channel_in_every_language(
    make_app: MakeApp, outbox: Outbox, channel: str, language: str
) -> None:
    merchant = customer_of(make_app(account_language=language))

    otp = merchant.code(type=channel, template_code="code")

    assert (outbox.last.channel, outbox.last.locale) == (channel, language)
    assert otp in outbox.last.text


@pytest.fixture
def silent_merchant(make_app: MakeApp) -> Merchant:
    """A merchant who is not told the code."""
    return customer_of(make_app(account_echo_otp=False))


@pytest.mark.parametrize("fields", [{}, {"template_code": "code"}, {"type": "sms"}])
@pytest.mark.parametrize("path", [PIN_CODE, PASSWORD_CODE])
def test_without_echo_the_code_is_in_the_message_alone(
    silent_merchant: Merchant, outbox: Outbox, path: str, fields: dict[str, Any]
) -> None:
    answer = silent_merchant.request(path, **fields)

    assert (answer.status_code, answer.json) == (200, OK)
    (message,) = outbox.messages
    assert message.channel == fields.get("type", "email")
    assert message.code in message.text
    reset = silent_merchant.reset_pin if path == PIN_CODE else silent_merchant.reset_password
    assert reset(message.code).json == OK


def test_without_echo_somebody_without_an_address_gets_no_code(make_app: MakeApp, outbox: Outbox) -> None:
    merchant = customer_of(make_app(account_echo_otp=False), email=None, phone=None)

    answer = merchant.request()

    assert (answer.status_code, answer.json) == (400, refused("type", *NO_NUMBER))
    assert outbox.messages == []


@pytest.mark.parametrize(
    ("channels", "used", "not_there"),
    [
        (("sms",), "sms", "email"),
        (("whatsapp",), "whatsapp", "sms"),
        (("whatsapp", "sms"), "sms", "email"),
        (("sms", "email"), "email", "whatsapp"),
    ],
)
def test_only_the_channels_that_are_set_are_used(
    make_app: MakeApp, outbox: Outbox, channels: tuple[str, ...], used: str, not_there: str
) -> None:
    merchant = customer_of(make_app(account_channels=channels))

    sent = merchant.request(template_code="code")
    refusal = merchant.request(type=not_there)

    assert sent.status_code == 200
    assert outbox.last.channel == used
    assert refusal.json["error_code"] == "invalid_choice"


def test_channels_are_of_the_documented_ones(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="OTPAUTH_ACCOUNT_CHANNELS"):
        make_app(account_channels=("email", "fax"))


# -- mobile numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("081234567890", True),
        ("+62 812-3456-7890", True),
        ("+84987654321", True),
        ("+12025550123", True),  # fixed line or mobile
        ("+447911123456", True),
        ("+79991234567", True),
        (" 0812 3456 7890 ", True),
        ("+62215550123", False),  # a fixed line in Jakarta
        ("+442079460000", False),
        ("0812", False),
        ("08123456789012345", False),
        ("+1900555012", False),
        ("112", False),
        ("customer@stamps.co.id", False),
        ("tel:081234567890", False),
        ("081234567890 ext 1", False),
        ("٠٨١٢٣٤٥٦٧٨٩٠", False),
        ("0" * 5_000, False),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_mobile_number_is_one_of_any_country(merchant: Merchant, number: str, valid: bool) -> None:
    answer = merchant.post("/auth/validate-mobile-number", {"mobile_number": number})

    message, code = "Please enter a valid mobile phone number.", "invalid_mobile_number"
    invalid = (400, refused("mobile_number", message, code, status="invalid"))
    assert (answer.status_code, answer.json) == ((200, OK) if valid else invalid)
