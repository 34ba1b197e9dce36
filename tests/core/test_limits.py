from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core import instants
from flask_otpauth.core.limits import Block, Limit, Quota, reach_ms, strongest
from flask_otpauth.core.time_units import epoch_ms, milliseconds, whole_seconds

NOON = 1_732_190_400_000
HOUR = 3_600_000


def log_of(*newest_first: int) -> str:
    return "".join(instants.entry(instant, "abcd") for instant in newest_first)


def utc(*parts: int) -> int:
    return epoch_ms(datetime(*parts, tzinfo=UTC))  # type: ignore[misc, arg-type]  # year, month, day, …


# -- one rule -------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(NOON - 2 * HOUR, NOON), max_size=8),
    st.integers(1, 5),
    st.integers(1, 3 * HOUR),
)
def test_a_limit_forbids_while_as_many_entries_lie_within_its_period(
    entries: list[int], count: int, period_ms: int
) -> None:
    newest_first = sorted(entries, reverse=True)
    within = [instant for instant in newest_first if instant > NOON - period_ms]

    block = Limit("quota", count, period_ms).free_at(log_of(*newest_first), NOON)

    assert (block is not None) == (len(within) >= count)
    if block is not None:
        assert block == Block("quota", newest_first[count - 1] + period_ms, count)


@pytest.mark.parametrize(("now_ms", "blocked"), [(NOON + HOUR - 1, True), (NOON + HOUR, False)])
def test_a_period_is_over_at_its_very_millisecond(now_ms: int, blocked: bool) -> None:
    block = Limit("cooldown", 1, HOUR).free_at(log_of(NOON), now_ms)

    assert (block is not None) is blocked


def test_a_limit_without_a_period_never_ends_by_itself() -> None:
    limit = Limit("lock", 2, None)

    assert limit.free_at(log_of(1), NOON) is None
    assert limit.free_at(log_of(1, 0), NOON) == Block("lock", None, 2)


@pytest.mark.parametrize(
    ("zone", "now", "start", "end"),
    [
        ("Asia/Ho_Chi_Minh", (2024, 11, 21, 12), (2024, 11, 20, 17), (2024, 11, 21, 17)),
        ("Asia/Jakarta", (2024, 11, 21, 16, 59), (2024, 11, 20, 17), (2024, 11, 21, 17)),
        ("Asia/Jakarta", (2024, 11, 21, 17), (2024, 11, 21, 17), (2024, 11, 22, 17)),
        # A day of 23 hours, and one of 25.
        ("Europe/Berlin", (2024, 3, 31, 12), (2024, 3, 30, 23), (2024, 3, 31, 22)),
        ("Europe/Berlin", (2024, 10, 27, 12), (2024, 10, 26, 22), (2024, 10, 27, 23)),
        # The clocks go from midnight to one o'clock, so that the day begins at one.
        ("America/Havana", (2024, 3, 10, 12), (2024, 3, 10, 5), (2024, 3, 11, 4)),
        # The clocks go back to midnight, so that there are two: the day begins at the first.
        ("America/Havana", (2024, 11, 3, 12), (2024, 11, 3, 4), (2024, 11, 4, 5)),
    ],
)
def test_a_calendar_day_is_that_of_its_zone(
    zone: str, now: tuple[int, ...], start: tuple[int, ...], end: tuple[int, ...]
) -> None:
    limit = Limit("quota", 1, 24 * HOUR, ZoneInfo(zone))

    assert limit.free_at(log_of(utc(*start) - 1), utc(*now)) is None
    assert limit.free_at(log_of(utc(*start)), utc(*now)) == Block("quota", utc(*end), 1)


# -- which block is told ----------------------------------------------------------------------------


def test_a_lock_is_told_before_a_quota_before_a_cooldown() -> None:
    lock, quota, cooldown = Block("lock", 1), Block("quota", 2), Block("cooldown", 3)

    assert strongest([cooldown, None, quota, lock]) == lock
    assert strongest([cooldown, quota]) == quota
    assert strongest([None]) is None


def test_of_one_kind_the_longest_is_told_and_the_longest_is_the_one_without_an_end() -> None:
    short, long, endless = Block("lock", 1), Block("lock", 2), Block("lock", None)

    assert strongest([short, long]) == long
    assert strongest([long, endless, short]) == endless


@pytest.mark.parametrize(
    ("duration_ms", "seconds"), [(-5, 1), (0, 1), (1, 1), (1_000, 1), (1_001, 2), (90_000, 90)]
)
def test_a_wait_is_told_in_whole_seconds_rounded_up_and_at_least_one(duration_ms: int, seconds: int) -> None:
    assert whole_seconds(duration_ms) == seconds
    assert Block("quota", NOON + duration_ms).retry_after_seconds(NOON) == seconds


def test_a_block_without_an_end_has_no_wait_to_tell() -> None:
    assert Block("lock", None).retry_after_seconds(NOON) is None


def test_limits_look_as_far_back_as_the_longest_of_them_and_a_calendar_day_may_have_25_hours() -> None:
    calendar = Limit("quota", 1, 24 * HOUR, ZoneInfo("Asia/Jakarta"))

    assert reach_ms([Limit("quota", 3, 7), Limit("lock", 1, None), Limit("cooldown", 1, 1)]) == 7
    assert reach_ms([calendar]) == 25 * HOUR
    assert reach_ms([]) == 0


# -- clocks that differ -------------------------------------------------------------------------------


@pytest.mark.parametrize(("ahead_ms", "counts"), [(1, True), (24 * HOUR, True), (24 * HOUR + 1, False)])
def test_an_entry_from_the_future_counts_as_one_of_now_if_it_is_not_far_ahead(
    ahead_ms: int, counts: bool
) -> None:
    block = Limit("cooldown", 1, HOUR).free_at(log_of(NOON + ahead_ms), NOON)

    assert block == (Block("cooldown", NOON + HOUR, 1) if counts else None)


def test_what_lies_behind_an_entry_that_does_not_count_is_counted() -> None:
    log = log_of(NOON + 100 * 24 * HOUR, NOON - 1, NOON - 2)

    assert Limit("quota", 2, HOUR).free_at(log, NOON) == Block("quota", NOON - 2 + HOUR, 2)
    assert Limit("quota", 3, HOUR).free_at(log, NOON) is None


# -- quotas as text -----------------------------------------------------------------------------------


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


@given(st.integers(1, 10**6), st.integers(1, 10**5 - 1))
def test_a_quota_reads_back_what_it_writes(count: int, seconds: int) -> None:
    quota = Quota(count, timedelta(seconds=seconds))

    assert Quota.parse(str(quota)) == quota


def test_a_period_is_counted_in_whole_milliseconds() -> None:
    assert milliseconds(timedelta(seconds=90, microseconds=1_999)) == 90_001
