from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_otpauth.core import instants

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


@given(st.lists(st.tuples(moments, nonces), max_size=12), st.integers(0, 12))
def test_a_log_tells_its_newest_entries_in_order_and_forgets_the_others(
    pushes: list[tuple[int, str]], depth: int
) -> None:
    log = ""
    for instant, nonce in pushes:
        log = instants.pushed(log, instants.entry(instant, nonce), depth)

    kept = [instant for instant, _ in reversed(pushes)][:depth]
    assert [instants.newest(log, n + 1) for n in range(len(kept) + 1)] == [*kept, None]


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
    assert instants.epoch_ms(instant) == expected


@given(moments)
def test_milliseconds_come_back_as_they_went(instant_ms: int) -> None:
    assert instants.epoch_ms(instants.from_epoch_ms(instant_ms)) == instant_ms
