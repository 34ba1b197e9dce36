"""The lock that an app notes for every other: how long it holds, and how often it is written."""

from __future__ import annotations

from dataclasses import replace

from flask_otpauth.core.instants import FOR_EVER, entry
from flask_otpauth.core.limits import Block, Limit
from flask_otpauth.core.locks import lock_of, with_lock, without_misses
from flask_otpauth.core.rows import ChallengeRow

NOW = 1_732_190_400_000
HOUR = 3_600_000
DAY = 24 * HOUR
BUDGET = (Limit("lock", 2, DAY),)
CAP = (Limit("lock", 2, None),)
LARGE = (Limit("lock", 30, DAY),)
MISSED = ChallengeRow(misses=entry(NOW + 1, "bbbb") + entry(NOW, "aaaa"))


def test_a_lock_that_is_met_again_and_again_is_written_once() -> None:
    met = with_lock(MISSED, BUDGET, NOW + 2)

    assert (met.locked_at, met.locked_until) == (NOW + 2, NOW + DAY)
    assert with_lock(met, BUDGET, NOW + HOUR) is met


def test_a_lock_that_a_clock_which_is_behind_meets_again_and_again_is_written_now_and_then() -> None:
    row, writes = MISSED, 0
    for now_ms in range(NOW - HOUR, NOW - HOUR + 60_000, 100):
        after = with_lock(row, BUDGET, now_ms)
        row, writes = after, writes + (after is not row)

    assert writes == 2


def test_a_lock_that_only_a_person_ends_takes_the_place_of_one_that_ends_and_not_the_other_way_round() -> (
    None
):
    met = with_lock(with_lock(MISSED, BUDGET, NOW + 2), CAP, NOW + 3)

    assert (met.locked_until, met.held) == (FOR_EVER, True)
    assert with_lock(met, BUDGET, NOW + 4) is met
    assert lock_of(met, LARGE, NOW + 1_000 * DAY) == Block("lock", None)


def test_where_no_lock_is_met_nothing_is_written() -> None:
    assert with_lock(MISSED, LARGE, NOW + 2) is MISSED


def test_what_locks_nobody_any_more_says_so_to_every_app() -> None:
    met = with_lock(MISSED, CAP, NOW + 2)

    lifted = without_misses(met)

    assert lifted == replace(ChallengeRow(), needed_until=lifted.needed_until)
    assert lock_of(lifted, LARGE, NOW + 3) is None
