from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core.policies import Policy, Quota, period_of


@pytest.mark.parametrize(
    ("text", "count", "period"),
    [
        ("5 per 15 minutes", 5, timedelta(minutes=15)),
        ("20 per day", 20, timedelta(days=1)),
        ("20/day", 20, timedelta(days=1)),
        (" 3 PER 2 Weeks ", 3, timedelta(weeks=2)),
        ("1 per second", 1, timedelta(seconds=1)),
    ],
)
def test_a_quota_is_read_from_text(text: str, count: int, period: timedelta) -> None:
    assert Quota.parse(text) == Quota(count, period)


@pytest.mark.parametrize(
    "text",
    ["", "5", "0 per day", "5 per 0 days", "-1 per day", "٥ per day", "5 per fortnight", "5 per 1 ſecond"],
)
def test_what_is_no_quota_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quota"):
        Quota.parse(text)


@pytest.mark.parametrize(
    ("text", "period"),
    [("30 days", timedelta(days=30)), ("36hours", timedelta(hours=36)), (" Week ", timedelta(weeks=1))],
)
def test_a_period_is_read_from_text(text: str, period: timedelta) -> None:
    assert period_of(text) == period


@pytest.mark.parametrize("text", ["", "30", "0 days", "-1 day", "1.5 days", "30d", "5 per day", "day day"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a period such as '15 minutes'"):
        period_of(text)


@given(st.integers(1, 10**6), st.integers(1, 10**5 - 1))
def test_a_quota_reads_back_what_it_writes(count: int, seconds: int) -> None:
    quota = Quota(count, timedelta(seconds=seconds))

    assert Quota.parse(str(quota)) == quota


def test_only_the_quota_of_a_day_is_one_of_a_calendar_day() -> None:
    zone = ZoneInfo("Asia/Jakarta")
    quotas = (Quota.parse("5 per hour"), Quota.parse("9 per day"), Quota.parse("20 per 2 days"))

    sliding = Policy("sms", send_quotas=quotas).send_limits
    calendar = Policy("sms", send_quotas=quotas, day_zone=zone).send_limits

    assert [limit.zone for limit in sliding] == [None, None, None]
    assert [limit.zone for limit in calendar] == [None, zone, None]
