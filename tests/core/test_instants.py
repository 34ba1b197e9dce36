from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core import instants, time_units

moments = st.integers(0, 10**13 - 1)
nonces = st.text("abcXYZ019_-", min_size=4, max_size=16)
entries = st.builds(instants.entry, moments, nonces)


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
        log = instants.added(log, instants.entry(instant, nonce))

    assert instants.instants_of(log) == sorted((instant for instant, _ in written), reverse=True)


def test_a_full_log_keeps_the_newest_and_the_one_that_was_just_written() -> None:
    log = ""
    for instant in range(1_000, 1_000 + instants.MAX_LOG_ENTRIES):
        log = instants.added(log, instants.entry(instant, "abcd"))

    newer = instants.instants_of(instants.added(log, instants.entry(5_000, "abcd")))
    older = instants.instants_of(instants.added(log, instants.entry(5, "abcd")))
    behind = instants.added(log, instants.entry(1_100 + instants.AHEAD_MS, "abcd"))
    behind = instants.added(behind, instants.entry(1_099, "abcd"))

    assert (newer[0], newer[-1], len(newer)) == (5_000, 1_001, instants.MAX_LOG_ENTRIES)
    assert (older[0], older[-1], len(older)) == (1_098, 5, instants.MAX_LOG_ENTRIES)
    assert instants.instants_of(behind) == [1_099, *range(1_099, 1_000, -1)]


@given(st.lists(entries, unique=True, min_size=1, max_size=8), st.data())
def test_withdrawing_takes_out_exactly_one_entry(log: list[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(log))

    left = instants.withdrawn("".join(log), gone)

    assert left == "".join(entry for entry in log if entry != gone)


@given(st.lists(entries, max_size=8), entries)
def test_withdrawing_what_is_not_there_changes_nothing(log: list[str], absent: str) -> None:
    text = "".join(entry for entry in log if entry != absent)

    assert instants.withdrawn(text, absent) == text


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
    assert time_units.epoch_ms(instant) == expected


@given(moments)
def test_milliseconds_come_back_as_they_went(instant_ms: int) -> None:
    assert time_units.epoch_ms(time_units.from_epoch_ms(instant_ms)) == instant_ms
