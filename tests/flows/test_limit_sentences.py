"""The sentence of a limit is true of the limit that was met."""

from __future__ import annotations

from typing import Any

import pytest

from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.account_caller import Merchant, new_customer
from tests.flows.sms_caller import SmsCaller, outcome
from tests.hosts import MakeApp

TODAY = {
    "vi": "Bạn đã yêu cầu gửi OTP 3 lần hôm nay. Vui lòng yêu cầu gửi lại OTP vào ngày mai",
    "en": "You have asked for an OTP 3 times today. Please ask again tomorrow",
}
LATER = {
    "vi": "Bạn đã thử quá nhiều lần. Vui lòng thử lại sau",
    "en": "You have tried too many times. Please try again later",
}


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_the_quota_of_a_week_is_not_told_as_that_of_a_day(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock, lang: str
) -> None:
    app = make_app(sms_send_quotas=("3 per day", "5 per week"), sms_cooldown=0)
    caller = SmsCaller(app, outbox)

    today = [caller.resend(lang=lang) for _ in range(4)][-1]
    clock.tick(86_400)
    week = [caller.resend(lang=lang) for _ in range(3)][-1]

    assert (outcome(today), outcome(week)) == ((422, TODAY[lang]), (422, LATER[lang]))
    assert week.json["data"]["otp"]["status"] == "limit"


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("quotas", [("1 per 10 minutes",), ("1 per 2 days", "3 per day")])
def test_a_quota_of_another_period_is_told_in_other_words(
    make_app: MakeApp, outbox: Outbox, lang: str, quotas: tuple[str, ...]
) -> None:
    settings: dict[str, Any] = {"sms_send_quotas": quotas, "sms_cooldown": 0, "sms_day": "sliding"}
    caller = SmsCaller(make_app(**settings), outbox)

    answer = [caller.resend(lang=lang) for _ in range(2)][-1]

    assert outcome(answer) == (422, LATER[lang])


def test_the_number_told_is_that_of_the_quota_that_was_met(make_app: MakeApp, outbox: Outbox) -> None:
    app = make_app(sms_send_quotas=("3 per day", "20 per day", "90 per week"), sms_cooldown=0)
    caller = SmsCaller(app, outbox)

    answer = [caller.resend() for _ in range(4)][-1]

    assert outcome(answer) == (422, TODAY["vi"])


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize(
    ("settings", "sentences"),
    [({}, TODAY), ({"sms_send_quotas": ("9 per hour",), "sms_day": "sliding"}, LATER)],
)
def test_a_lock_is_told_as_the_limit_of_a_day_where_there_is_one(
    make_app: MakeApp, outbox: Outbox, settings: dict[str, Any], sentences: dict[str, str], lang: str
) -> None:
    caller = SmsCaller(make_app(sms_guess_budget="2 per day", sms_cooldown=0, **settings), outbox)
    wrong = "1" + caller.fresh_code()[1:]
    for _ in range(2):
        caller.verify("2" + wrong[1:] if wrong == outbox.last.code else wrong)

    answer = caller.resend(lang=lang)

    assert outcome(answer) == (422, sentences[lang])
    assert answer.json["data"]["otp"]["status"] == "limit"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"account_send_quotas": ("1 per 10 minutes",)}, "OTP limit reached, try again later"),
        ({"account_otp_daily_limit": 1}, "OTP limit reached, try again tomorrow"),
    ],
)
def test_account_says_tomorrow_of_the_quota_of_a_day_alone(
    make_app: MakeApp, settings: dict[str, Any], sentence: str
) -> None:
    app = make_app(**settings)
    new_customer(app)
    merchant = Merchant(app)
    merchant.code()

    answer = merchant.request()

    assert answer.status_code == 429
    assert answer.json["error_message"] == f"user: {sentence}"
    assert answer.json["error_code"] == "otp_limit_exceeded"
