from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core import instants
from flask_otpauth.core.instants import (
    Block,
    Limit,
    epoch_ms,
    from_epoch_ms,
    milliseconds,
    reach_ms,
    strongest,
    whole_seconds,
)

NOON = 1_732_190_400_000
HOUR = 3_600_000
moments = st.integers(0, 10**13 - 1)
nonces = st.text("abcXYZ019_-", min_size=4, max_size=16)
entries = st.builds(instants.entry, moments, nonces)


def log_of(*newest_first: int) -> str:
    return "".join(instants.entry(instant, "abcd") for instant in newest_first)


def utc(*parts: int) -> int:
    return epoch_ms(datetime(*parts, tzinfo=UTC))  # type: ignore[misc, arg-type]  # year, month, day, …


# -- units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(2024, 11, 21, 12, tzinfo=UTC), 1_732_190_400_000),
        (datetime(2024, 11, 21, 19, tzinfo=timezone(timedelta(hours=7))), 1_732_190_400_000),
        (datetime(2024, 11, 21, 12, 0, 0, 999, tzinfo=UTC), 1_732_190_400_000),
        (datetime(2024, 11, 21, 12, 0, 0, 1_000, tzinfo=UTC), 1_732_190_400_001),
    ],
)
def test_an_instant_is_the_same_in_every_zone_and_cut_to_its_millisecond(
    instant: datetime, expected: int
) -> None:
    assert epoch_ms(instant) == expected


@given(moments)
def test_milliseconds_come_back_as_they_went(instant_ms: int) -> None:
    assert epoch_ms(from_epoch_ms(instant_ms)) == instant_ms


def test_a_clock_without_a_time_zone_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="OTPAUTH_CLOCK returned a datetime without a time zone"):
        epoch_ms(datetime(2024, 1, 1))  # noqa: DTZ001


def test_a_period_is_counted_in_whole_milliseconds() -> None:
    assert milliseconds(timedelta(seconds=90, microseconds=1_999)) == 90_001


# -- the log --------------------------------------------------------------------------------------


@given(moments, moments)
def test_texts_compare_as_the_instants_do(one: int, other: int) -> None:
    assert (instants.text_of(one) < instants.text_of(other)) == (one < other)


def test_what_lies_before_the_epoch_is_the_epoch() -> None:
    assert instants.text_of(-1) == instants.text_of(0) == "0000000000000"


@given(entries)
def test_every_entry_is_as_wide_as_every_other(entry: str) -> None:
    assert len(entry) == instants.ENTRY_WIDTH


def test_what_is_too_late_to_be_written_is_the_last_instant_that_can_be() -> None:
    assert instants.text_of(10**13) == instants.text_of(10**15) == "9999999999999"


@given(st.lists(st.tuples(moments, nonces), max_size=12))
def test_a_log_is_in_the_order_of_time_whoever_writes_when(written: list[tuple[int, str]]) -> None:
    log = ""
    for instant, nonce in written:
        log = instants.with_entry(log, instants.entry(instant, nonce))

    assert instants.instants_of(log) == sorted((instant for instant, _ in written), reverse=True)


def test_of_entries_of_one_instant_the_last_one_is_the_newest() -> None:
    first, second = instants.entry(NOON, "aaaa"), instants.entry(NOON, "bbbb")

    assert instants.with_entry(first, second) == second + first


def test_a_full_log_keeps_the_newest_and_the_one_that_was_just_written() -> None:
    log = ""
    for instant in range(1_000, 1_000 + instants.MAX_LOG_ENTRIES):
        log = instants.with_entry(log, instants.entry(instant, "abcd"))

    newer = instants.instants_of(instants.with_entry(log, instants.entry(5_000, "abcd")))
    older = instants.instants_of(instants.with_entry(log, instants.entry(5, "abcd")))
    behind = instants.with_entry(log, instants.entry(1_100 + instants.AHEAD_MS, "abcd"))
    behind = instants.with_entry(behind, instants.entry(1_099, "abcd"))

    assert (newer[0], newer[-1], len(newer)) == (5_000, 1_001, instants.MAX_LOG_ENTRIES)
    assert (older[0], older[-1], len(older)) == (1_098, 5, instants.MAX_LOG_ENTRIES)
    assert instants.instants_of(behind) == [1_099, *range(1_099, 1_000, -1)]


@given(st.lists(entries, unique=True, min_size=1, max_size=8), st.data())
def test_withdrawing_takes_out_exactly_one_entry(log: list[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(log))

    left = instants.without_entry("".join(log), gone)

    assert left == "".join(entry for entry in log if entry != gone)


@given(st.lists(entries, max_size=8), entries)
def test_withdrawing_what_is_not_there_changes_nothing(log: list[str], absent: str) -> None:
    text = "".join(entry for entry in log if entry != absent)

    assert instants.without_entry(text, absent) == text


# -- limits -------------------------------------------------------------------------------------


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
