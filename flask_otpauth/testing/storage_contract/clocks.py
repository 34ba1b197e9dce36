"""Tests for clocks that differ: those of two servers, or one that was wrong and was corrected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flask_otpauth.core.challenges import GuessState
from flask_otpauth.core.instants import MAX_LOG_ENTRIES, SKEW_MS, Block, Limit
from flask_otpauth.core.sessions import Refresh, Rotation, Session
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.races import Race, call
from flask_otpauth.testing.storage_contract.samples import (
    BUDGET,
    COOLDOWN,
    DAY,
    HOUR,
    NOON,
    SECOND,
    Subject,
    fresh_name,
    miss,
)

YEARS_AHEAD = NOON + 4_000 * DAY
A_DAY = Limit("quota", 3, DAY)


def miss_at(storage: Storage, subject: Subject, *instants: int) -> list[GuessState]:
    """Issue a code and guess wrong at each of these instants. Return how each guess was judged."""
    return [miss(storage, subject, now_ms, BUDGET) for now_ms in instants]


class ClockContract(ContractBase):
    """An entry of a clock that is ahead counts, unless the clock is far ahead. No lock lasts for years."""

    def test_two_clocks_an_hour_apart_hold_a_days_quota(self, storage: Storage, subject: Subject) -> None:
        ahead = NOON + HOUR
        instants = [ahead, NOON, ahead + 1, NOON + 1, ahead + 2]

        results = [
            storage.challenges.issue(subject.issue(now_ms=at, send_limits=(A_DAY,))) for at in instants
        ]

        assert [result.issued for result in results] == [True, True, True, False, False]

    def test_two_clocks_an_hour_apart_hold_a_budget(self, storage: Storage, subject: Subject) -> None:
        instants = [NOON + n + (n % 2) * HOUR for n in range(BUDGET.count + 2)]

        states = miss_at(storage, subject, *instants)

        assert states == [GuessState.WRONG] * BUDGET.count + [GuessState.LOCKED] * 2

    def test_what_a_clock_that_is_behind_writes_hides_nothing_from_one_that_is_right(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue(now_ms=NOON + HOUR, send_limits=(COOLDOWN,)))
        storage.challenges.issue(subject.issue())

        result = storage.challenges.issue(subject.issue(now_ms=NOON + HOUR + 1, send_limits=(COOLDOWN,)))

        assert result.block == Block("cooldown", NOON + HOUR + 90 * SECOND, 1)

    def test_no_block_is_told_to_last_longer_than_its_period(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue(now_ms=NOON + HOUR, send_limits=(COOLDOWN,)))

        result = storage.challenges.issue(subject.issue(send_limits=(COOLDOWN,)))

        assert result.block == Block("cooldown", NOON + 90 * SECOND, 1)

    def test_a_clock_that_was_years_ahead_blocks_nobody_once_it_is_set(
        self, storage: Storage, subject: Subject
    ) -> None:
        limits = (COOLDOWN, Limit("quota", 2, DAY))
        for n in range(2):
            storage.challenges.issue(subject.issue(now_ms=YEARS_AHEAD + n * HOUR, send_limits=limits))

        first = storage.challenges.issue(subject.issue("111111", send_limits=limits))
        cooling = storage.challenges.issue(subject.issue(now_ms=NOON + 1, send_limits=limits))
        opened = storage.challenges.redeem(subject.guess("111111", NOON + 1))

        assert first.issued
        assert cooling.block == Block("cooldown", NOON + 90 * SECOND, 1)
        assert opened.state is GuessState.ACCEPTED

    def test_what_was_counted_before_a_clock_went_wrong_counts_afterwards(
        self, storage: Storage, subject: Subject
    ) -> None:
        before = miss_at(storage, subject, *range(NOON, NOON + BUDGET.count - 1))
        wrong = miss_at(storage, subject, YEARS_AHEAD)
        after = miss_at(storage, subject, NOON + HOUR, NOON + HOUR)

        assert (before, wrong) == ([GuessState.WRONG] * (BUDGET.count - 1), [GuessState.WRONG])
        assert after == [GuessState.WRONG, GuessState.LOCKED]

    def test_a_clock_that_is_far_behind_counts_for_itself_and_lifts_no_lock(
        self, storage: Storage, subject: Subject
    ) -> None:
        miss_at(storage, subject, *[YEARS_AHEAD] * BUDGET.count)

        behind = miss_at(storage, subject, *[NOON] * (BUDGET.count + 1))
        right = miss_at(storage, subject, YEARS_AHEAD)

        assert behind == [GuessState.WRONG] * BUDGET.count + [GuessState.LOCKED]
        assert right == [GuessState.LOCKED]

    def test_a_log_that_a_clock_filled_years_ahead_has_room_for_what_is_now(
        self, storage: Storage, subject: Subject
    ) -> None:
        for n in range(MAX_LOG_ENTRIES):
            storage.challenges.issue(subject.issue(now_ms=YEARS_AHEAD + n))

        results = [storage.challenges.issue(subject.issue(send_limits=(A_DAY,))) for _ in range(4)]

        assert [result.issued for result in results] == [True, True, True, False]

    def test_withdrawing_gives_back_what_a_clock_that_is_behind_used(
        self, storage: Storage, subject: Subject
    ) -> None:
        limit = Limit("quota", 2, DAY)
        behind = subject.issue(send_limits=(limit,))
        storage.challenges.issue(subject.issue(now_ms=NOON + HOUR, send_limits=(limit,)))
        storage.challenges.issue(behind)

        storage.challenges.withdraw(behind)

        assert storage.challenges.issue(subject.issue(send_limits=(limit,))).issued
        assert not storage.challenges.issue(subject.issue(send_limits=(limit,))).issued

    def test_racing_clocks_an_hour_apart_share_one_quota(
        self, storage: Storage, subject: Subject, race: Race
    ) -> None:
        issues = [
            subject.issue(f"{n:06}", NOON + n + (n % 2) * HOUR, send_limits=(A_DAY,)) for n in range(40)
        ]

        results = race([call("challenges.issue", issue) for issue in issues])

        assert sum(result.issued for result in results) == A_DAY.count

    @pytest.mark.parametrize(("later_ms", "state"), [(0, GuessState.ACCEPTED), (1, GuessState.EXPIRED)])
    def test_a_clock_that_is_set_back_revives_no_code(
        self, storage: Storage, subject: Subject, later_ms: int, state: GuessState
    ) -> None:
        storage.challenges.issue(subject.issue("111111", NOON + SKEW_MS + later_ms))

        assert storage.challenges.redeem(subject.guess("111111")).state is state

    @pytest.mark.parametrize(
        ("behind_ms", "grace_ms", "rotation"),
        [
            (2 * SECOND, 0, Rotation.REUSED),
            (2 * SECOND, 10 * SECOND, Rotation.REPEATED),
            (HOUR, 10 * SECOND, Rotation.REUSED),
        ],
    )
    def test_a_clock_that_is_behind_takes_no_spent_refresh_token_beyond_the_grace(
        self, storage: Storage, behind_ms: int, grace_ms: int, rotation: Rotation
    ) -> None:
        session = Session(fresh_name("session"), fresh_name("user"), NOON, NOON, NOON + 9 * DAY)
        storage.sessions.open(session, closing_others=False)
        spent = Refresh(session.id, 0, NOON + HOUR, token_ttl_ms=DAY, grace_ms=grace_ms)
        storage.sessions.rotate(spent)

        assert storage.sessions.rotate(replace(spent, now_ms=NOON + HOUR - behind_ms))[0] is rotation

    def test_a_session_that_was_opened_years_ahead_is_not_alive(self, storage: Storage) -> None:
        session = Session(
            fresh_name("session"), fresh_name("user"), YEARS_AHEAD, YEARS_AHEAD, YEARS_AHEAD + DAY
        )
        storage.sessions.open(session, closing_others=False)
        refresh = Refresh(session.id, 0, NOON, token_ttl_ms=DAY, grace_ms=SECOND)

        assert storage.sessions.rotate(refresh)[0] is Rotation.DEAD
