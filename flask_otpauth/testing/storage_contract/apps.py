"""Tests for apps with different settings that share one storage."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask_otpauth.core.challenges import GuessState
from flask_otpauth.core.instants import Block, Limit
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.races import Race, call
from flask_otpauth.testing.storage_contract.samples import (
    BUDGET,
    COOLDOWN,
    DAY,
    HARD_CAP,
    MINUTE,
    NOON,
    QUOTA,
    Subject,
    miss,
    purged,
    two_rows,
)

#: The limits of other apps. This one allows less, in a shorter period.
SHORT = Limit("lock", 1, 1)
LARGE = Limit("lock", 30, DAY)
WEEKLY = Limit("quota", 1, 7 * DAY)
MANY = 100
ROUNDS = 10


class AppContract(ContractBase):
    """The limits of each app count what all apps did."""

    def test_an_app_with_fewer_sends_to_count_leaves_those_that_another_counts(
        self, storage: Storage, subject: Subject
    ) -> None:
        for now_ms in (NOON, NOON + MINUTE):
            storage.challenges.issue(subject.issue(now_ms=now_ms, send_limits=(QUOTA,)))
        storage.challenges.issue(subject.issue(now_ms=NOON + 3 * MINUTE, send_limits=(COOLDOWN,)))
        storage.challenges.issue(subject.issue(now_ms=NOON + 5 * MINUTE))

        result = storage.challenges.issue(subject.issue(now_ms=NOON + 6 * MINUTE, send_limits=(QUOTA,)))

        assert result.block == Block("quota", NOON + 11 * MINUTE, QUOTA.count)

    def test_an_app_with_fewer_misses_to_count_leaves_those_that_another_counts(
        self, storage: Storage, subject: Subject
    ) -> None:
        locks = [BUDGET] * (BUDGET.count - 1) + [SHORT]
        misses = [miss(storage, subject, NOON + n, lock) for n, lock in enumerate(locks)]

        assert misses == [GuessState.WRONG] * BUDGET.count
        assert miss(storage, subject, NOON + MINUTE, BUDGET) is GuessState.LOCKED

    def test_an_app_without_a_cap_ends_no_hold_of_an_app_that_has_one(
        self, storage: Storage, subject: Subject
    ) -> None:
        miss(storage, subject, NOON, HARD_CAP)
        miss(storage, subject, NOON + 1, BUDGET)

        purged(storage, NOON + 1_000 * DAY)

        assert storage.challenges.reference(subject.limits_key) == ""

    def test_a_purge_spares_what_an_app_looks_further_back_at(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue(send_limits=(WEEKLY,)))
        storage.challenges.issue(subject.issue(now_ms=NOON + 1, send_limits=(COOLDOWN,)))
        miss(storage, subject, NOON + 2, SHORT)

        purged(storage, NOON + 2 * DAY)

        result = storage.challenges.issue(subject.issue(now_ms=NOON + 2 * DAY, send_limits=(WEEKLY,)))
        assert result.block is not None

    def test_a_code_that_its_caller_knows_clears_no_misses(self, storage: Storage, subject: Subject) -> None:
        for n in range(BUDGET.count - 1):
            miss(storage, subject, NOON + n, BUDGET)
        storage.challenges.issue(subject.issue("111111", NOON + MINUTE, clears_misses=False))

        accepted = storage.challenges.redeem(subject.guess("111111", NOON + MINUTE, locks=(BUDGET,)))

        assert accepted.state is GuessState.ACCEPTED
        again = [miss(storage, subject, NOON + MINUTE + n, BUDGET) for n in range(2)]
        assert again == [GuessState.WRONG, GuessState.LOCKED]

    def test_a_code_that_its_caller_knows_ends_no_cap(self, storage: Storage, subject: Subject) -> None:
        miss(storage, subject, NOON, HARD_CAP)
        storage.challenges.issue(subject.issue("111111", clears_misses=False))
        storage.challenges.redeem(subject.guess("111111", locks=(HARD_CAP,)))

        purged(storage, NOON + 1_000 * DAY)

        assert storage.challenges.reference(subject.limits_key) == ""

    def test_whether_a_code_clears_the_misses_is_decided_with_each_code(
        self, storage: Storage, subject: Subject
    ) -> None:
        for n in range(BUDGET.count - 1):
            miss(storage, subject, NOON + n, BUDGET)
        storage.challenges.issue(subject.issue("111111", NOON + MINUTE, clears_misses=False))
        storage.challenges.issue(subject.issue("333333", NOON + MINUTE))

        storage.challenges.redeem(subject.guess("333333", NOON + MINUTE, locks=(BUDGET,)))

        assert [miss(storage, subject, NOON + MINUTE, BUDGET) for _ in range(2)] == [GuessState.WRONG] * 2

    def test_a_lock_that_one_app_has_met_holds_in_one_that_allows_more_and_ends_with_it(
        self, storage: Storage, subject: Subject
    ) -> None:
        for n in range(BUDGET.count):
            miss(storage, subject, NOON + n, LARGE)
        storage.challenges.issue(subject.issue("111111", NOON + DAY - 1))
        not_met = storage.challenges.peek(subject.issue(now_ms=NOON + MINUTE, locks=(LARGE,)))

        storage.challenges.issue(subject.issue(now_ms=NOON + MINUTE, locks=(BUDGET,)))

        met = storage.challenges.issue(subject.issue(now_ms=NOON + MINUTE, locks=(LARGE,)))
        guess = storage.challenges.redeem(subject.guess("222222", NOON + DAY - 1, locks=(LARGE,)))
        over = storage.challenges.redeem(subject.guess("222222", NOON + DAY, locks=(LARGE,)))
        assert not_met is None
        assert met.block == Block("lock", NOON + DAY)
        assert (guess.state, over.state) == (GuessState.LOCKED, GuessState.WRONG)

    def test_a_lock_that_one_app_has_met_is_lifted_for_all(self, storage: Storage, subject: Subject) -> None:
        for n in range(BUDGET.count + 1):
            miss(storage, subject, NOON + n, BUDGET)

        locked = miss(storage, subject, NOON + MINUTE, LARGE)
        storage.challenges.clear(subject.limits_key, "misses")

        assert (locked, miss(storage, subject, NOON + MINUTE, LARGE)) == (GuessState.LOCKED, GuessState.WRONG)

    def test_a_lock_that_is_met_while_it_is_lifted_stays_lifted(self, storage: Storage, race: Race) -> None:
        for _ in range(ROUNDS):
            subject = two_rows()
            for n in range(BUDGET.count):
                miss(storage, subject, NOON + n, BUDGET)
            at_noon: dict[str, Any] = {"now_ms": NOON + MINUTE, "locks": (BUDGET,)}
            meeting = [call("challenges.issue", subject.issue(**at_noon)) for _ in range(12)]
            meeting += [call("challenges.redeem", subject.guess("222222", **at_noon)) for _ in range(3)]

            race([*meeting, call("challenges.clear", subject.limits_key, "misses"), *meeting[:6]])

            assert storage.challenges.peek(subject.issue(**at_noon)) is None

    def test_of_two_locks_that_are_met_at_once_the_longer_one_is_noted(
        self, storage: Storage, race: Race
    ) -> None:
        for _ in range(ROUNDS):
            subject = two_rows()
            for n in range(HARD_CAP.count):
                miss(storage, subject, NOON + n, LARGE)
            issues = [subject.issue(now_ms=NOON + MINUTE, locks=(lock,)) for lock in [BUDGET, HARD_CAP] * 4]

            race([call("challenges.issue", issue) for issue in issues])

            assert storage.challenges.peek(subject.issue(now_ms=NOON + MINUTE, locks=(LARGE,))) == Block(
                "lock", None
            )

    def test_a_lock_that_a_clock_met_years_ahead_locks_nobody(
        self, storage: Storage, subject: Subject
    ) -> None:
        for n in range(BUDGET.count + 1):
            miss(storage, subject, NOON + 4_000 * DAY + n, BUDGET)

        assert miss(storage, subject, NOON, LARGE) is GuessState.WRONG

    def test_a_lock_that_only_a_clock_years_ahead_has_met_locks_nobody(
        self, storage: Storage, subject: Subject
    ) -> None:
        for n in range(HARD_CAP.count):
            miss(storage, subject, NOON + n, LARGE)
        storage.challenges.issue(subject.issue(now_ms=NOON + 4_000 * DAY, locks=(HARD_CAP,)))

        assert miss(storage, subject, NOON + MINUTE, LARGE) is GuessState.WRONG

    def test_a_lock_is_noted_in_place_of_one_that_a_clock_years_ahead_has_met(
        self, storage: Storage, subject: Subject
    ) -> None:
        for n in range(HARD_CAP.count):
            miss(storage, subject, NOON + n, LARGE)
        storage.challenges.issue(subject.issue(now_ms=NOON + 4_000 * DAY, locks=(HARD_CAP,)))

        storage.challenges.issue(subject.issue(now_ms=NOON + MINUTE, locks=(BUDGET,)))

        assert miss(storage, subject, NOON + MINUTE, LARGE) is GuessState.LOCKED

    def test_a_code_of_a_clock_ahead_is_issued_again_if_its_quota_was_freed(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue(now_ms=NOON + 2 * MINUTE))
        storage.challenges.clear(subject.limits_key, "sends")

        assert storage.challenges.issue(subject.issue(repeat_within_ms=MINUTE)).issued

    def test_racing_apps_with_different_budgets_each_keep_to_theirs(
        self, storage: Storage, race: Race
    ) -> None:
        subject = two_rows()
        storage.challenges.issue(subject.issue("111111"))
        guesses = [
            subject.guess("222222", locks=(lock,), max_guesses=MANY)
            for _ in range(40)
            for lock in (BUDGET, LARGE)
        ]

        verdicts = race([call("challenges.redeem", guess) for guess in guesses])

        judged = Counter(
            guess.locks[0].count
            for guess, verdict in zip(guesses, verdicts, strict=True)
            if verdict.state is GuessState.WRONG
        )
        assert BUDGET.count <= judged.total() <= LARGE.count
        assert judged[BUDGET.count] <= BUDGET.count

    def test_known_codes_that_race_with_wrong_guesses_give_none_back(
        self, storage: Storage, race: Race
    ) -> None:
        subject = two_rows()
        known = [subject.sibling() for _ in range(10)]
        for each in known:
            storage.challenges.issue(each.issue("111111", clears_misses=False))
        storage.challenges.issue(subject.issue("111111"))
        wrong = [subject.guess("222222", locks=(BUDGET,), max_guesses=MANY) for _ in range(20)]

        verdicts = race(
            [
                call("challenges.redeem", guess)
                for guess in (*wrong, *(each.guess("111111", locks=(BUDGET,)) for each in known))
            ]
        )

        assert Counter(verdict.state for verdict in verdicts)[GuessState.WRONG] == BUDGET.count
