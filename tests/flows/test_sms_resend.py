"""``POST /resend-otp``: limits, whom it is about, and what is said (contract/sms.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from jinja2 import DictLoader

from flask_otpauth import ConfigurationError, signals
from flask_otpauth.flows.sms.messages import ENGLISH, MESSAGES
from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.sms_caller import (
    NUMBER,
    PHONE,
    SPELLINGS,
    SmsCaller,
    account_token,
    new_user,
    outcome,
)
from tests.hosts import MakeApp, otpauth_of

WAIT = "Vui lòng yêu cầu gửi lại OTP sau {} giây"
TOMORROW = "Bạn đã yêu cầu gửi OTP {} lần hôm nay. Vui lòng yêu cầu gửi lại OTP vào ngày mai"
NOBODY = {
    "message": "Vui lòng đăng nhập để tiếp tục",
    "status": "UNAUTHORIZED",
    "status_code": 401,
    "captcha": [],
}

#: Asia/Ho_Chi_Minh is UTC+7 all year: its days end at 17:00 UTC.
MIDNIGHT = datetime(2025, 6, 1, 17, tzinfo=UTC)


def refresh_after(answer: Any) -> int:
    seconds: int = answer.json["data"]["otp"]["refresh_after"]
    return seconds


def spend_the_day(caller: SmsCaller, clock: MovableClock) -> None:
    """Have three codes sent, and wait out the cooldown of the last."""
    for _ in range(3):
        caller.fresh_code()
        clock.tick(90)


# -- the cooldown ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passed_ms", "seconds"),
    [
        (0, 90),
        (1, 90),
        (999, 90),
        (1_000, 89),
        (22_000, 68),
        (22_001, 68),
        (88_999, 2),
        (89_000, 1),
        (89_999, 1),
    ],
)
def test_a_code_asked_for_too_soon_is_told_how_long_to_wait(
    caller: SmsCaller, clock: MovableClock, outbox: Outbox, passed_ms: int, seconds: int
) -> None:
    caller.fresh_code()
    clock.tick_ms(passed_ms)

    answer = caller.resend()

    assert outcome(answer) == (422, WAIT.format(seconds))
    assert refresh_after(answer) == seconds
    assert answer.headers["Retry-After"] == str(seconds)
    assert len(outbox.messages) == 1


# -- the day --------------------------------------------------------------------------------


def test_the_third_code_of_a_day_still_says_wait(caller: SmsCaller, clock: MovableClock) -> None:
    for _ in range(2):
        caller.fresh_code()
        clock.tick(90)

    answer = caller.resend()

    assert answer.json["data"] == {"otp": {"refresh_after": 90, "status": "wait"}}


def test_the_fourth_code_of_a_day_is_refused_until_the_day_ends(
    caller: SmsCaller, clock: MovableClock, outbox: Outbox
) -> None:
    spend_the_day(caller, clock)

    answer = caller.resend()

    assert outcome(answer) == (422, TOMORROW.format(3))
    assert answer.json["data"] == {"otp": {"refresh_after": 90, "status": "limit"}}
    # The clock began at 17:00 in Ho Chi Minh City, and 270 seconds have passed.
    assert answer.headers["Retry-After"] == str(7 * 3600 - 270)
    assert len(outbox.messages) == 3


def test_where_both_limits_apply_the_day_is_told(caller: SmsCaller, clock: MovableClock) -> None:
    spend_the_day(caller, clock)
    clock.tick(-90)

    answer = caller.resend()

    assert outcome(answer) == (422, TOMORROW.format(3))
    assert answer.json["data"] == {"otp": {"refresh_after": 90, "status": "limit"}}
    assert answer.headers["Retry-After"] == str(7 * 3600 - 180)


def test_the_cooldown_goes_on_over_midnight(caller: SmsCaller, clock: MovableClock) -> None:
    clock.now = MIDNIGHT - timedelta(seconds=30)
    caller.fresh_code()
    clock.now = MIDNIGHT

    assert outcome(caller.resend()) == (422, WAIT.format(60))


def test_a_code_sent_at_midnight_counts_for_the_new_day(caller: SmsCaller, clock: MovableClock) -> None:
    clock.now = MIDNIGHT - timedelta(milliseconds=1)
    caller.fresh_code(phone="0987000001", cc_phone="84")
    clock.now = MIDNIGHT
    spend_the_day(caller, clock)
    clock.now = MIDNIGHT + timedelta(days=1, milliseconds=-1)
    last_moment = caller.resend()
    clock.tick_ms(1)

    assert outcome(last_moment) == (422, TOMORROW.format(3))
    assert caller.resend().json["status"] == "OK"


@pytest.mark.parametrize(
    ("day_begins", "hours"),
    [
        (datetime(2025, 3, 9, 5, tzinfo=UTC), 23),
        (datetime(2025, 11, 2, 4, tzinfo=UTC), 25),
        (datetime(2025, 7, 1, 4, tzinfo=UTC), 24),
    ],
)
def test_a_day_is_as_long_as_the_zone_makes_it(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock, day_begins: datetime, hours: int
) -> None:
    clock.now = day_begins
    caller = SmsCaller(make_app(sms_timezone="America/New_York"), outbox)
    spend_the_day(caller, clock)

    refused = caller.resend()
    clock.now = day_begins + timedelta(hours=hours)

    assert refused.headers["Retry-After"] == str(hours * 3600 - 270)
    assert caller.resend().json["status"] == "OK"


def test_a_sliding_day_ends_24_hours_after_its_first_code(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    caller = SmsCaller(make_app(sms_day="sliding"), outbox)
    spend_the_day(caller, clock)

    assert caller.resend().headers["Retry-After"] == str(24 * 3600 - 270)


def test_messages_name_the_configured_numbers(make_app: MakeApp, outbox: Outbox, clock: MovableClock) -> None:
    caller = SmsCaller(make_app(sms_cooldown=60, sms_send_quotas=("2 per day",)), outbox)

    sent = caller.resend()
    too_soon = caller.resend()
    clock.tick(60)
    caller.fresh_code()
    limited = caller.resend()

    assert refresh_after(sent) == 60
    assert outcome(too_soon) == (422, WAIT.format(60))
    assert outcome(limited) == (422, TOMORROW.format(2))
    assert limited.json["data"] == {"otp": {"refresh_after": 60, "status": "limit"}}


@pytest.mark.parametrize("text", ["{nope} giây", "{seconds", "{0}"])
def test_a_translation_that_names_what_no_message_knows_is_told_at_start_up(
    make_app: MakeApp, text: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        make_app(sms_messages={"fr": {"Gửi mã OTP thành công": text}})

    assert [each for each in refused.value.problems if each.startswith("OTPAUTH_SMS_MESSAGES")]


# -- whose quota it is ----------------------------------------------------------------------


@pytest.mark.parametrize("fields", SPELLINGS, ids=str)
def test_the_quota_belongs_to_the_number_however_it_is_spelled(
    caller: SmsCaller, clock: MovableClock, outbox: Outbox, fields: dict[str, str]
) -> None:
    first = caller.resend(**fields)
    too_soon = caller.resend(**PHONE)
    clock.tick(90)
    for _ in range(2):
        caller.fresh_code(**PHONE)
        clock.tick(90)

    assert outcome(first)[0] == 200
    assert outbox.messages[0].recipient == NUMBER
    assert outcome(too_soon) == (422, WAIT.format(90))
    assert outcome(caller.resend(**fields)) == (422, TOMORROW.format(3))


def test_the_quota_belongs_to_the_number_of_an_account_token(
    caller: SmsCaller, app: Flask, clock: MovableClock
) -> None:
    token = account_token(app, new_user(app, phone=NUMBER))
    spend_the_day(caller, clock)

    assert outcome(caller.resend(account_token=token)) == (422, TOMORROW.format(3))


def test_what_an_account_token_used_is_used_for_the_number(caller: SmsCaller, app: Flask) -> None:
    token = account_token(app, new_user(app, phone=NUMBER))
    caller.fresh_code(account_token=token)

    assert outcome(caller.resend()) == (422, WAIT.format(90))


# -- whom it is about -----------------------------------------------------------------------


@pytest.mark.parametrize("phone", ["0912345678", "nonsense", 5, {"a": []}, "x" * 5000])
def test_an_account_token_wins_and_the_phone_is_not_even_looked_at(
    caller: SmsCaller, app: Flask, outbox: Outbox, phone: object
) -> None:
    token = account_token(app, new_user(app, phone=NUMBER))

    answer = caller.resend(account_token=token, cc_phone=phone, phone=phone)

    assert answer.json["status"] == "OK"
    assert outbox.last.recipient == NUMBER


MISSING = "Vui lòng cung cấp "
TOKEN_MISSING = {"account_token": [MISSING + "mã xác thực tài khoản"]}
CODE_MISSING = {"cc_phone": [MISSING + "mã quốc gia"]}
PHONE_MISSING = {"phone": [MISSING + "số điện thoại"]}
CODE_INVALID = {"cc_phone": ["Mã quốc gia không hợp lệ"]}
PHONE_INVALID = {"phone": ["Số điện thoại không hợp lệ"]}
TOKEN_INVALID = {"account_token": ["mã xác thực tài khoản không hợp lệ"]}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, TOKEN_MISSING),
        ({"account_token": None}, TOKEN_MISSING),
        ({"account_token": " ", "cc_phone": "", "phone": "\t"}, TOKEN_MISSING),
        ({"phone": "0987654321"}, CODE_MISSING),
        ({"phone": "0987654321", "cc_phone": " "}, CODE_MISSING),
        ({"cc_phone": "84"}, PHONE_MISSING),
        ({"cc_phone": "84", "phone": None}, PHONE_MISSING),
        *[
            ({"cc_phone": code, "phone": "0987654321"}, CODE_INVALID)
            for code in (
                "0",
                "999",
                "+",
                "VN",
                "8 4 0 0",
                "٨٤",
                "840000",
                84,
                True,
                ["84"],
                {},
                10**30,
                "84\0",
            )
        ],
        *[
            ({"cc_phone": "84", "phone": phone}, PHONE_INVALID)
            for phone in (
                "123",
                "098765432",
                "09876543210000",
                "098765432100000",
                "+12025550123",
                "0012025550123",
                "0987654321 ext 5",
                "tel:0987654321",
                "0987O54321",
                "٠٩٨٧٦٥٤٣٢١",
                "0987654321\0",
                "9" * 5000,
                987654321,
                10**30,
                False,
                ["0987654321"],
                {"number": "0987654321"},
            )
        ],
        ({"account_token": 5}, TOKEN_INVALID),
        ({"account_token": ["x"]}, TOKEN_INVALID),
        ({"account_token": "x\0"}, TOKEN_INVALID),
        ({"account_token": "x" * 5000}, TOKEN_INVALID),
        ({**PHONE, "lang": 5}, {"lang": ["lang không hợp lệ"]}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_missing_or_invalid_is_named(
    caller: SmsCaller, outbox: Outbox, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    answer = caller.post("/api/auth/resend-otp", body)

    assert answer.status_code == 200
    assert answer.json == {
        "message": next(iter(errors.values()))[0],
        "errors": errors,
        "status": "INVALID_FIELD",
        "status_code": 422,
        "captcha": [],
    }
    assert not outbox.messages


def test_a_number_longer_than_14_digits_is_no_number_of_any_country(caller: SmsCaller) -> None:
    # German numbers have no fixed length: 14 digits after the country prefix are the most.
    assert caller.resend(cc_phone="49", phone="0" * 3 + "151123456789").json["errors"] == PHONE_INVALID


def test_an_account_without_a_phone_number_cannot_be_sent_a_code(caller: SmsCaller, app: Flask) -> None:
    token = account_token(app, new_user(app, email="user@example.com"))

    answer = caller.resend(account_token=token, **PHONE)

    assert outcome(answer)[0] == 422
    assert answer.json["errors"] == {"phone": ["Tài khoản chưa có số điện thoại"]}


def test_unknown_fields_and_the_query_change_nothing(caller: SmsCaller, outbox: Outbox) -> None:
    answer = caller.post(
        "/api/auth/resend-otp?account_token=x&phone=0912345678&lang=en",
        {**PHONE, "otp": "123456", "recipient": "1"},
    )

    assert outcome(answer) == (200, "Gửi mã OTP thành công")
    assert outbox.last.recipient == NUMBER


# -- unknown and disabled -------------------------------------------------------------------


def test_a_number_without_an_account_is_sent_a_code(caller: SmsCaller, outbox: Outbox) -> None:
    caller.resend()

    assert outbox.last.recipient == NUMBER


def test_a_number_without_an_account_may_be_rejected(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(sms_unknown_phone="reject")
    caller = SmsCaller(app, outbox)

    unknown = caller.resend()
    new_user(app, phone=NUMBER)
    known = caller.resend()

    assert unknown.status_code == 200
    assert unknown.json == {
        "message": "Số điện thoại chưa tồn tại trên hệ thống",
        "status": "NOT_FOUND",
        "status_code": 404,
        "captcha": [],
    }
    assert known.json["status"] == "OK"


def test_a_disabled_account_is_answered_as_any_other_and_sent_nothing(
    caller: SmsCaller, app: Flask, outbox: Outbox
) -> None:
    user_id = new_user(app, phone=NUMBER)
    with app.app_context():
        otpauth_of(app).users.disable(user_id)

    first, second = caller.resend(), caller.resend()

    assert (outcome(first), outcome(second)) == (
        (200, "Gửi mã OTP thành công"),
        (422, WAIT.format(90)),
    )
    assert not outbox.messages


# -- account tokens -------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["x", "a.b", "é", "eyJhbGciOiJub25lIn0.e30."])
def test_a_forged_account_token_is_nobodys(caller: SmsCaller, token: str) -> None:
    answer = caller.resend(account_token=token, **PHONE)

    assert answer.status_code == 200
    assert answer.json == NOBODY


def test_an_account_token_lives_thirty_days(caller: SmsCaller, app: Flask, clock: MovableClock) -> None:
    token = account_token(app, new_user(app, phone=NUMBER))
    clock.tick(days=30)
    clock.tick_ms(-1)
    last_moment = caller.resend(account_token=token)
    clock.tick_ms(1)

    assert last_moment.json["status"] == "OK"
    assert caller.resend(account_token=token).json == NOBODY


def test_an_account_token_ends_with_the_users_sessions(caller: SmsCaller, app: Flask) -> None:
    user_id = new_user(app, phone=NUMBER)
    token = account_token(app, user_id)
    with app.app_context():
        otpauth_of(app).revoke_sessions(user_id)

    assert caller.resend(account_token=token).json == NOBODY
    assert caller.resend(account_token=account_token(app, user_id)).json["status"] == "OK"


def test_an_account_token_of_a_disabled_user_is_refused_until_they_are_enabled(
    caller: SmsCaller, app: Flask
) -> None:
    user_id = new_user(app, phone=NUMBER)
    with app.app_context():
        otpauth_of(app).users.disable(user_id)
    token = account_token(app, user_id)
    disabled = caller.resend(account_token=token)
    with app.app_context():
        otpauth_of(app).users.enable(user_id)

    assert disabled.json == NOBODY
    assert caller.resend(account_token=token).json["status"] == "OK"


def test_an_account_token_of_another_app_is_nobodys(caller: SmsCaller, app: Flask, make_app: MakeApp) -> None:
    other = make_app(SECRET_KEY="the secret of another app, of more than 32 bytes")

    assert caller.resend(account_token=account_token(other, new_user(other, phone=NUMBER))).json == NOBODY


def test_each_account_token_names_its_own_user(caller: SmsCaller, app: Flask, outbox: Outbox) -> None:
    tokens = [account_token(app, new_user(app, phone=phone)) for phone in (NUMBER, "+84912345678")]

    for token in tokens:
        caller.fresh_code(account_token=token)

    assert [message.recipient for message in outbox.messages] == [NUMBER, "+84912345678"]


# -- sending --------------------------------------------------------------------------------


def test_a_locked_number_is_told_as_limited_until_the_lock_ends(
    caller: SmsCaller, clock: MovableClock, outbox: Outbox
) -> None:
    first_miss = clock.now
    for _ in range(3):
        code = caller.fresh_code()
        for _ in range(5):
            caller.verify(another(code))
        clock.tick(90)
    clock.now = first_miss + timedelta(hours=8)

    answer = caller.resend()

    assert outcome(answer) == (422, TOMORROW.format(3))
    assert answer.json["data"] == {"otp": {"refresh_after": 90, "status": "limit"}}
    assert answer.headers["Retry-After"] == str(16 * 3600)
    assert len(outbox.messages) == 3


# -- the message ----------------------------------------------------------------------------


def test_the_sms_has_a_code_of_six_digits_and_says_for_how_long(
    caller: SmsCaller, clock: MovableClock, outbox: Outbox
) -> None:
    caller.resend()

    message = outbox.last
    assert (message.channel, message.recipient, message.purpose) == ("sms", NUMBER, "sms")
    assert len(message.code) == 6
    assert message.text == (
        f"{message.code} la ma OTP cua ban tai host, co hieu luc trong 5 phut. "
        "Khong dua ma nay cho bat ky ai."
    )
    assert message.expires_at == clock.now + timedelta(seconds=300)


def test_the_last_line_binds_the_code_to_the_configured_origin(make_app: MakeApp, outbox: Outbox) -> None:
    caller = SmsCaller(make_app(sms_origin="example.com"), outbox)

    caller.resend(lang="en")

    code = outbox.last.code
    assert outbox.last.text.splitlines() == [
        f"{code} is your code for host, valid for 5 minutes. Never give it to anybody.",
        "",
        f"@example.com #{code}",
    ]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_what_a_user_supplied_never_forms_a_line_of_an_sms(
    app: Flask, outbox: Outbox, line_break: str
) -> None:
    app.jinja_env.loader = DictLoader({"otpauth/sms/code.en.txt": "{{ code }} is your code, {{ name }}"})
    name = f"Eve{line_break}{line_break}@evil.example #123456"

    with app.app_context():
        otpauth_of(app).codes.send("sms", NUMBER, purpose="confirm", name=name)

    assert outbox.last.text.splitlines() == [f"{outbox.last.code} is your code, Eve  @evil.example #123456"]


# -- languages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "message", "text"),
    [
        (None, "Gửi mã OTP thành công", "la ma OTP cua ban"),
        ("vi", "Gửi mã OTP thành công", "la ma OTP cua ban"),
        ("en", "The OTP was sent", "is your code"),
        ("EN-us", "The OTP was sent", "is your code"),
        ("fr", "Gửi mã OTP thành công", "la ma OTP cua ban"),
        (" ", "Gửi mã OTP thành công", "la ma OTP cua ban"),
    ],
)
def test_lang_chooses_the_language_of_answer_and_sms(
    caller: SmsCaller, outbox: Outbox, lang: str | None, message: str, text: str
) -> None:
    answer = caller.resend(lang=lang)

    assert outcome(answer) == (200, message)
    assert text in outbox.last.text


def test_refusals_are_told_in_english_too(caller: SmsCaller, clock: MovableClock) -> None:
    missing = caller.resend(cc_phone="84", phone=None, lang="en")
    caller.fresh_code(lang="en")
    too_soon = caller.resend(lang="en")
    clock.tick(90)
    for _ in range(2):
        caller.fresh_code()
        clock.tick(90)
    limited = caller.resend(lang="en")

    assert missing.json["errors"] == {"phone": ["Please give the phone number"]}
    assert outcome(too_soon) == (422, "Please ask for the OTP again in 90 seconds")
    assert too_soon.json["errors"] == {"limit": ["The OTP cannot be sent again yet"]}
    assert outcome(limited) == (
        422,
        "You have asked for an OTP 3 times today. Please ask again tomorrow",
    )


def test_a_host_adds_a_language_and_changes_words(make_app: MakeApp, outbox: Outbox) -> None:
    messages = {
        "fr": {"Gửi mã OTP thành công": "Code envoyé", "số điện thoại": "numéro de téléphone"},
        "en": {"Gửi mã OTP thành công": "On its way"},
    }
    caller = SmsCaller(make_app(sms_messages=messages), outbox)

    french = caller.resend(lang="fr")
    untranslated = caller.resend(cc_phone="84", phone=None, lang="fr")
    english = caller.resend(cc_phone="84", phone="0912345678", lang="en")
    too_soon = caller.resend(lang="en")

    assert outcome(french) == (200, "Code envoyé")
    # There is no French template: the SMS falls back to the flow's first language, and is never empty.
    assert "la ma OTP cua ban" in outbox.messages[0].text
    assert untranslated.json["errors"] == {"phone": ["Vui lòng cung cấp numéro de téléphone"]}
    assert outcome(english) == (200, "On its way")
    assert outcome(too_soon) == (422, "Please ask for the OTP again in 90 seconds")


def test_every_text_of_the_catalog_has_its_english() -> None:
    said = [*MESSAGES.faults.values(), *MESSAGES.wording.values()]
    texts = {text for says in said for text in (says.message, says.detail) if text} | set(
        MESSAGES.labels.values()
    )

    assert texts <= ENGLISH.keys()


# -- the captcha ----------------------------------------------------------------------------


def test_a_captcha_is_asked_for_and_its_answer_looked_at(make_app: MakeApp, outbox: Outbox) -> None:
    asked = []

    def captcha(phone: str, answer: object) -> dict[str, str] | None:
        asked.append((phone, answer))
        return None if answer == {"solution": 7} else {"image": "3+4"}

    caller = SmsCaller(make_app(sms_captcha=captcha), outbox)

    without = caller.resend()
    wrong = caller.resend(captcha="8", lang="en")
    right = caller.resend(captcha={"solution": 7})

    assert without.status_code == 200
    assert without.json == {
        "message": "Vui lòng xác nhận captcha",
        "errors": {"captcha": ["Vui lòng xác nhận captcha"]},
        "status": "INVALID_FIELD",
        "status_code": 422,
        "captcha": {"required": True, "data": {"image": "3+4"}},
    }
    assert outcome(wrong) == (422, "Please answer the captcha")
    assert right.json["status"] == "OK"
    assert right.json["captcha"] == []
    assert asked == [(NUMBER, None), (NUMBER, "8"), (NUMBER, {"solution": 7})]
    assert len(outbox.messages) == 1


def ask_nobody(phone: str, answer: object) -> None:
    """A captcha hook that a dotted path leads to."""


def test_a_captcha_hook_may_be_a_dotted_path(make_app: MakeApp, outbox: Outbox) -> None:
    caller = SmsCaller(make_app(sms_captcha="tests.flows.test_sms_resend:ask_nobody"), outbox)

    assert caller.resend().json["status"] == "OK"


# -- signals --------------------------------------------------------------------------------


def test_signals_tell_what_happened(caller: SmsCaller, app: Flask) -> None:
    heard: list[tuple[str, Any]] = []

    def listen(name: str) -> Any:
        def listener(sender: object, **facts: Any) -> None:
            heard.append((name, facts.get("reason") or facts.get("subject") or facts.get("recipient")))

        signals.ALL[name].connect(listener, app)
        return listener

    kept = [listen(name) for name in ("code_issued", "code_sent", "request_limited")]
    caller.resend()
    caller.resend()

    assert heard == [("code_issued", NUMBER), ("code_sent", NUMBER), ("request_limited", "cooldown")]
    assert len(kept) == 3
