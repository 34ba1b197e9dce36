"""``POST /campaigns/{campaign_id}/voiceotp``: the order of refusals, limits, retries, and what is spoken."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import ConfigurationError
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.adapters.databases import postgresql_schema
from tests.flows.voice_caller import (
    BUY,
    NUMBER,
    PHONE,
    VoiceCaller,
    failure,
    new_campaign,
    outcome,
)
from tests.hosts import MakeApp

PLACED = (200, "")
TOO_MANY = (429, "too many calls")
NOT_PLACED = (500, "call could not be placed")


def refuse(message: Message) -> Receipt:
    """A provider that certainly placed no call."""
    return Receipt(Status.REJECTED)


# -- the call -------------------------------------------------------------------------------


def test_a_call_is_placed_and_answered_with_its_campaign(caller: VoiceCaller, outbox: Outbox) -> None:
    answer = caller.call("0042")

    assert answer.json == {
        "message": "OK",
        "code": 200,
        "status": True,
        "data": {"campaign_id": caller.campaign_id},
    }
    assert [message.code for message in outbox.messages] == ["0042"]


def test_the_sender_gets_script_digits_phone_and_caller_id(caller: VoiceCaller, outbox: Outbox) -> None:
    campaign = new_campaign(caller.app, caller.client.id, caller_id="+842471000000", language="en")
    caller.campaign_id = campaign.id

    caller.call("907")
    caller.call("9070")

    message = outbox.last
    assert (message.channel, message.recipient, message.code) == ("voice", NUMBER, "9070")
    assert (message.caller_number, message.reference) == ("+842471000000", campaign.id)
    assert message.text == "Your code for host is: 9, 0, 7, 0. " * 2 + "Thank you, goodbye."
    assert len(outbox.messages) == 1


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("vi", "Mã xác thực của bạn tại host là: 0, 1, 2, 3."),
        ("en", "Your code for host is: 0, 1, 2, 3."),
        ("lo", "ລະຫັດຂອງທ່ານສຳລັບ host ແມ່ນ: 0, 1, 2, 3."),
        ("ru", "Ваш код для host: 0, 1, 2, 3."),
        ("id", "Kode Anda untuk host adalah: 0, 1, 2, 3."),
    ],
)
@pytest.mark.parametrize("repeats", [1, 2, 3])
def test_the_digits_are_read_one_by_one_as_often_as_the_campaign_says(
    caller: VoiceCaller, outbox: Outbox, language: str, sentence: str, repeats: int
) -> None:
    caller.campaign_id = new_campaign(caller.app, caller.client.id, language=language, repeats=repeats).id

    caller.call("0123")

    text = outbox.last.text
    assert text.startswith(" ".join([sentence] * repeats))
    assert text.count("0, 1, 2, 3") == repeats
    assert "0123" not in text
    assert "\n" not in text


def test_a_campaign_speaks_vietnamese_twice_by_default(caller: VoiceCaller, outbox: Outbox) -> None:
    caller.call("0123")

    assert outbox.last.text.count("Mã xác thực của bạn tại host là: 0, 1, 2, 3.") == 2


@pytest.mark.parametrize(
    "phone",
    [PHONE, "077 112 2330", "077-112-2330", "(077) 112.2330", "+84771122330", "0084771122330", "84771122330"],
)
def test_a_phone_may_be_national_or_international(caller: VoiceCaller, outbox: Outbox, phone: str) -> None:
    answer = caller.call(phone=phone)

    assert outcome(answer) == PLACED
    assert outbox.last.recipient == NUMBER


def test_every_spelling_of_a_phone_has_one_quota(caller: VoiceCaller) -> None:
    spellings = [PHONE, "+84771122330", "077 112 2330", "0084771122330", "84771122330", "(077)1122330"]

    answers = [outcome(caller.call(f"10000{turn}", phone)) for turn, phone in enumerate(spellings)]

    assert answers == [PLACED] * 5 + [TOO_MANY]


def test_another_region_may_be_set(make_app: MakeApp, outbox: Outbox) -> None:
    caller = VoiceCaller(make_app(voice_region="RU"), outbox)

    assert outcome(caller.call(phone="8 912 345-67-89")) == PLACED
    assert outbox.last.recipient == "+79123456789"


# -- the first that applies -----------------------------------------------------------------


def no_token(caller: VoiceCaller) -> None:
    caller.token = "unknown"


def blocked(caller: VoiceCaller) -> None:
    with caller.app.app_context():
        caller.clients.block(caller.client.id)


def paused(caller: VoiceCaller) -> None:
    with caller.app.app_context():
        caller.campaigns.pause(caller.campaign_id)


def anothers_campaign(caller: VoiceCaller) -> None:
    caller.campaign_id = VoiceCaller(caller.app, caller.outbox).campaign_id
    paused(caller)


def used_up(caller: VoiceCaller) -> None:
    for turn in range(5):
        caller.call(f"20000{turn}")


def sender_down(caller: VoiceCaller) -> None:
    caller.outbox.answer = refuse


#: Each row of the contract's table: what brings it about, and what it is told as.
ORDER: list[tuple[Any, tuple[int, str]]] = [
    (no_token, (401, "invalid access token")),
    (blocked, (403, "client is blocked")),
    ("field", (400, "contact.otp must be 4 to 10 digits")),
    ("userid", (403, "userid does not match the access token")),
    (anothers_campaign, (404, "campaign not found")),
    (paused, (403, "campaign is paused")),
    (used_up, TOO_MANY),
    (sender_down, NOT_PLACED),
]
IDS = ["token", "blocked", "field", "userid", "campaign", "paused", "limits", "sender"]


@pytest.mark.parametrize("row", range(len(ORDER)), ids=IDS)
def test_the_first_refusal_that_applies_is_told(caller: VoiceCaller, row: int) -> None:
    # All that stands in the table from this row on is wrong at once.
    wrong = [cause for cause, _ in ORDER[row:]]
    for cause in (used_up, sender_down, paused, anothers_campaign, blocked, no_token):
        if cause in wrong:
            cause(caller)
    otp = "12a4" if "field" in wrong else "123456"
    userid = "somebody" if "userid" in wrong else ""

    answer = caller.call(otp, userid=userid)

    assert outcome(answer) == ORDER[row][1]
    assert not answer.json["status"]


def test_a_retry_is_told_before_the_limits_and_after_a_pause(caller: VoiceCaller, outbox: Outbox) -> None:
    for turn in range(5):
        caller.call(f"20000{turn}")

    retried, further = caller.call("200004"), caller.call("200005")
    paused(caller)

    assert (outcome(retried), outcome(further)) == (PLACED, TOO_MANY)
    assert outcome(caller.call("200004")) == (403, "campaign is paused")
    assert len(outbox.messages) == 5


def test_of_a_client_of_another_flow_no_token_is_known(app: Flask, outbox: Outbox) -> None:
    caller = VoiceCaller(app, outbox)
    storage = app.extensions["otpauth"].services.storage
    with storage.database.transaction():
        storage.database.prepare(storage.tables.clients.update().values(flows="sms")).count()

    assert outcome(caller.call()) == (403, "client may not use this service")


FIELDS: list[tuple[Any, str]] = [
    ({}, "userid is required"),
    ({"userid": " ", "contact": {}}, "userid is required"),
    ({"userid": 5, "contact": {}}, "userid must be a string"),
    ({"contact": {"phone_number": PHONE, "otp": "123456"}}, "userid is required"),
    ({"userid": "u"}, "contact is required"),
    ({"userid": "u", "contact": None}, "contact is required"),
    ({"userid": "u", "contact": ""}, "contact is required"),
    ({"userid": "u", "contact": []}, "contact is not valid"),
    ({"userid": "u", "contact": "x"}, "contact is not valid"),
    ({"userid": "u", "contact": 5}, "contact is not valid"),
    ({"userid": "u", "contact": {}}, "contact.phone_number is required"),
    ({"userid": "u", "contact": {"otp": "12"}}, "contact.phone_number is required"),
    ({"userid": "u", "contact": {"phone_number": "\t", "otp": "123456"}}, "contact.phone_number is required"),
    *[
        (
            {"userid": "u", "contact": {"phone_number": phone, "otp": "1"}},
            "contact.phone_number is not a valid phone number",
        )
        for phone in (
            "x",
            "123",
            "113",
            "+",
            "+12025550123x",
            "٠٧٧١١٢٢٣٣٠",
            "0771122330\0",
            "9" * 5000,
            771122330,
            [],
            True,
        )
    ],
    ({"userid": "u", "contact": {"phone_number": PHONE}}, "contact.otp is required"),
    ({"userid": "u", "contact": {"phone_number": PHONE, "otp": None}}, "contact.otp is required"),
    ({"userid": "u", "contact": {"phone_number": PHONE, "otp": " "}}, "contact.otp is required"),
    *[
        (
            {"userid": "u", "contact": {"phone_number": PHONE, "otp": otp}},
            "contact.otp must be 4 to 10 digits",
        )
        for otp in (
            "123",
            "12345678901",
            "12a4",
            " 1234",
            "1234\n",
            "١٢٣٤",
            "１２３４",
            "12.4",
            "<break/>",
            "*1234#",
            123456,
            True,
            ["1234"],
            {},
            10**30,
            "1234\0",
        )
    ],
]


@pytest.mark.parametrize(("body", "detail"), FIELDS, ids=lambda value: str(value)[:70])
def test_a_missing_or_invalid_field_is_named(
    caller: VoiceCaller, outbox: Outbox, body: dict[str, Any], detail: str
) -> None:
    answer = caller.post("/voiceotp", body)

    assert answer.status_code == 400
    assert answer.json == failure(400, "Bad Request", detail)
    assert not outbox.messages


@pytest.mark.parametrize("otp", ["0000", "1234567890"])
def test_four_to_ten_digits_are_spoken(caller: VoiceCaller, otp: str) -> None:
    assert outcome(caller.call(otp)) == PLACED


def test_how_long_an_otp_is_may_be_set(make_app: MakeApp, outbox: Outbox) -> None:
    caller = VoiceCaller(make_app(voice_otp_min_length=6, voice_otp_max_length=8), outbox)

    answers = [outcome(caller.call(otp)) for otp in ("12345", "123456", "12345678", "123456789")]

    refused = (400, "contact.otp must be 6 to 8 digits")
    assert answers == [refused, PLACED, PLACED, refused]


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"voice_otp_min_length": 8, "voice_otp_max_length": 6}, "OTPAUTH_VOICE_OTP_MIN_LENGTH"),
        ({"voice_otp_min_length": 3}, "OTPAUTH_VOICE_OTP_MIN_LENGTH"),
        (
            {"voice_verify": True, "voice_code_length": 4, "voice_otp_min_length": 6},
            "OTPAUTH_VOICE_CODE_LENGTH",
        ),
        ({"voice_failure_message_key": "error"}, "OTPAUTH_VOICE_FAILURE_MESSAGE_KEY"),
        ({"voice_region": "Vietnam"}, "OTPAUTH_VOICE_REGION"),
        ({"voice_send_quotas": ("often",)}, "OTPAUTH_VOICE_SEND_QUOTAS"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_work_is_told_at_start_up(
    make_app: MakeApp, settings: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigurationError, match=key):
        make_app(**settings)


# -- whose user and whose campaign ----------------------------------------------------------


def test_an_admin_names_any_user_and_reaches_every_campaign(app: Flask, outbox: Outbox) -> None:
    member, admin = VoiceCaller(app, outbox), VoiceCaller(app, outbox, scope="admin")
    admin.campaign_id = member.campaign_id

    assert outcome(admin.call(userid=member.client.id)) == PLACED
    assert outcome(admin.call("654321", userid="whoever")) == PLACED
    assert outcome(member.call("111111", userid=admin.client.id)) == (
        403,
        "userid does not match the access token",
    )


@pytest.mark.parametrize("campaign_id", ["unknown", "a b", "%00", "é", "x" * 300, "..", "1'--"])
def test_a_campaign_that_is_not_there_is_not_found(caller: VoiceCaller, campaign_id: str) -> None:
    caller.campaign_id = campaign_id

    assert caller.call().json == failure(404, "Not Found", "campaign not found")


def test_a_campaign_named_with_a_nul_is_not_found_on_postgresql(make_app: MakeApp, outbox: Outbox) -> None:
    with postgresql_schema() as url:
        app = make_app(database_uri=url)
        answer = VoiceCaller(app, outbox, campaign_id="%00").call()
        app.extensions["otpauth"].services.storage.database.engine.dispose()

    assert answer.json == failure(404, "Not Found", "campaign not found")


def test_a_resumed_campaign_takes_calls_again(caller: VoiceCaller) -> None:
    paused(caller)
    with caller.app.app_context():
        caller.campaigns.resume(caller.campaign_id)

    assert outcome(caller.call()) == PLACED


# -- limits ---------------------------------------------------------------------------------


def test_a_daily_cap_is_the_campaigns_and_ends_at_midnight_utc(
    caller: VoiceCaller, outbox: Outbox, clock: MovableClock
) -> None:
    capped = new_campaign(caller.app, caller.client.id, daily_cap=3).id
    other, caller.campaign_id = caller.campaign_id, capped
    clock.now = datetime(2025, 1, 31, 23, 0, tzinfo=UTC)

    placed = [outcome(caller.call("123456", f"09123456{turn}0")) for turn in range(3)]
    refused = caller.call("123456", "0912345690")
    caller.campaign_id = other
    elsewhere = outcome(caller.call("123456", "0912345690"))
    caller.campaign_id = capped
    clock.now = datetime(2025, 2, 1, tzinfo=UTC)

    assert placed == [PLACED] * 3
    assert (outcome(refused), refused.headers["Retry-After"]) == (TOO_MANY, "3600")
    assert elsewhere == PLACED
    assert outcome(caller.call("123456", "0912345691")) == PLACED
    assert len(outbox.messages) == 5


def test_a_refused_call_and_a_failed_one_take_nothing_of_the_cap(caller: VoiceCaller, outbox: Outbox) -> None:
    caller.campaign_id = new_campaign(caller.app, caller.client.id, daily_cap=2).id
    outbox.answer = refuse
    failed = [outcome(caller.call(f"10000{turn}")) for turn in range(3)]
    outbox.answer = None

    placed = [outcome(caller.call(f"20000{turn}")) for turn in range(3)]

    assert (failed, placed) == ([NOT_PLACED] * 3, [PLACED, PLACED, TOO_MANY])


# -- retries --------------------------------------------------------------------------------


def test_a_retry_within_ten_seconds_places_no_second_call(
    caller: VoiceCaller, outbox: Outbox, clock: MovableClock
) -> None:
    answers = [caller.call()]
    for milliseconds in (0, 1, 4_999, 4_999):
        clock.tick_ms(milliseconds)
        answers.append(caller.call(phone="+84 77 112 2330"))
    retried = len(outbox.messages)
    clock.tick_ms(1)
    caller.call()

    assert [answer.json for answer in answers] == [answers[0].json] * 5
    assert retried == 1
    assert len(outbox.messages) == 2


def test_another_otp_is_another_call_and_a_retry_of_either_is_none(
    caller: VoiceCaller, outbox: Outbox
) -> None:
    for otp in ("111111", "222222", "111111", "222222", "111111"):
        assert outcome(caller.call(otp)) == PLACED

    assert [message.code for message in outbox.messages] == ["111111", "222222"]


def test_a_retry_is_of_the_same_phone_client_and_campaign(app: Flask, outbox: Outbox) -> None:
    one, other = VoiceCaller(app, outbox), VoiceCaller(app, outbox)

    one.call()
    one.call(phone="0912345678")
    other.call()
    one.campaign_id = new_campaign(app, one.client.id).id
    one.call()

    assert len(outbox.messages) == 4


def test_a_retry_uses_nothing_of_quota_and_cap_up(caller: VoiceCaller, outbox: Outbox) -> None:
    caller.campaign_id = new_campaign(caller.app, caller.client.id, daily_cap=5).id

    for turn in range(5):
        for _ in range(3):
            assert outcome(caller.call(f"10000{turn}")) == PLACED

    assert outcome(caller.call("100005")) == TOO_MANY
    assert len(outbox.messages) == 5


def test_a_call_that_failed_uses_nothing_up_and_a_retry_places_it(
    caller: VoiceCaller, outbox: Outbox
) -> None:
    outbox.answer = refuse
    failed = [caller.call() for _ in range(6)]
    outbox.answer = None

    retried = [outcome(caller.call("123456")) for _ in range(2)]
    further = [outcome(caller.call(f"20000{turn}")) for turn in range(5)]

    assert failed[0].json == failure(500, "Service Error", "call could not be placed")
    assert {outcome(answer) for answer in failed} == {NOT_PLACED}
    assert retried == [PLACED, PLACED]
    assert further == [PLACED] * 4 + [TOO_MANY]
    assert len(outbox.messages) == 6 + 1 + 4


def test_a_call_of_unknown_outcome_counts_as_placed(caller: VoiceCaller, outbox: Outbox) -> None:
    outbox.answer = lambda message: Receipt(Status.TIMEOUT)

    assert [outcome(caller.call()), outcome(caller.call())] == [PLACED, PLACED]
    assert len(outbox.messages) == 1


def test_the_window_of_a_retry_is_a_setting(make_app: MakeApp, outbox: Outbox, clock: MovableClock) -> None:
    caller = VoiceCaller(make_app(voice_retry_window=timedelta(seconds=60)), outbox)
    caller.call()
    clock.tick(59)
    caller.call()
    clock.tick(1)
    caller.call()

    assert len(outbox.messages) == 2


# -- what is kept ---------------------------------------------------------------------------


def test_the_code_is_neither_stored_nor_logged(
    make_app: MakeApp, outbox: Outbox, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    caller = VoiceCaller(make_app(database_uri=f"sqlite:///{tmp_path / 'kept.sqlite'}"), outbox)

    caller.call("8675309421")
    outbox.answer = refuse
    caller.call("8675309422")

    secrets = ("8675309421", "8675309422", "771122330", caller.client.secret, caller.token)
    stored = (tmp_path / "kept.sqlite").read_bytes()
    assert caller.client.id.encode() in stored
    assert not [secret for secret in secrets if secret.encode() in stored]
    assert "+84" in caplog.text
    assert not [secret for secret in secrets if secret in caplog.text]


# -- what surrounds the path ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "message", "detail"),
    [
        ({"data": b"{", "content_type": "application/json"}, 400, "Bad Request", "invalid request"),
        ({"data": b"[]", "content_type": "application/json"}, 400, "Bad Request", "invalid request"),
        (
            {"data": b"{}", "content_type": "text/plain"},
            415,
            "Unsupported Media Type",
            "Unsupported Media Type",
        ),
        (
            {"data": b" " * 16_385, "content_type": "application/json"},
            413,
            "Content Too Large",
            "Content Too Large",
        ),
    ],
    ids=["malformed", "no object", "media type", "too large"],
)
def test_what_is_no_request_for_a_token_keeps_the_envelope(
    app: Flask, options: dict[str, Any], code: int, message: str, detail: str
) -> None:
    answer = app.test_client().post(BUY, **options)

    assert answer.status_code == code
    assert answer.json == failure(code, message, detail)


def test_a_client_is_heard_six_hundred_times_a_minute(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(ip_limits={"client": "2 per day"})
    one, other = VoiceCaller(app, outbox), VoiceCaller(app, outbox)

    answers = [one.call("1111"), one.call("2222"), one.call("3333"), other.call("4444")]

    assert [outcome(answer) for answer in answers] == [
        PLACED,
        PLACED,
        (429, "Too Many Requests"),
        PLACED,
    ]
    assert "Retry-After" in answers[2].headers


def test_failures_have_the_documents_misprint_where_it_is_wanted(make_app: MakeApp, outbox: Outbox) -> None:
    caller = VoiceCaller(make_app(voice_failure_message_key="messsage"), outbox)

    refused, placed = caller.call("1"), caller.call()

    assert list(refused.json) == ["messsage", "code", "status", "data"]
    assert refused.json["messsage"] == "Bad Request"
    assert placed.json["message"] == "OK"
