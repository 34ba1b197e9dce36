"""Tests for limits with one caller. Each boundary is tested to the millisecond."""

from __future__ import annotations

from flask_otpauth.core.challenges import GuessState, IssueResult
from flask_otpauth.core.instants import MAX_LOG_ENTRIES, Block, Limit
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.samples import (
    BUDGET,
    COOLDOWN,
    DAILY,
    DAY,
    DAY_END,
    HARD_CAP,
    HOUR,
    MINUTE,
    NOON,
    QUOTA,
    SECOND,
    Subject,
    miss,
    two_rows,
)

ISSUED = IssueResult()


def blocked(kind: str, free_at_ms: int | None, count: int) -> IssueResult:
    """Return the answer to a request that a limit forbids."""
    return IssueResult(Block(kind, free_at_ms, count))


class LimitContract(ContractBase):
    """Cooldowns, quotas, calendar days, the guess budget and its lock."""

    # -- sends --------------------------------------------------------------------------------

    def test_a_cooldown_is_free_at_the_very_millisecond(self, storage: Storage, subject: Subject) -> None:
        free_at = NOON + 90 * SECOND
        storage.challenges.issue(subject.issue(send_limits=(COOLDOWN,)))

        early = storage.challenges.issue(subject.issue(now_ms=free_at - 1, send_limits=(COOLDOWN,)))
        in_time = storage.challenges.issue(subject.issue(now_ms=free_at, send_limits=(COOLDOWN,)))

        assert early == blocked("cooldown", free_at, 1)
        assert in_time == ISSUED

    def test_a_quota_slides(self, storage: Storage, subject: Subject) -> None:
        instants = [NOON, NOON + MINUTE, NOON + 2 * MINUTE]
        filled = [storage.challenges.issue(subject.issue(now_ms=at, send_limits=(QUOTA,))) for at in instants]

        period = 10 * MINUTE
        early = storage.challenges.issue(subject.issue(now_ms=NOON + period - 1, send_limits=(QUOTA,)))
        first = storage.challenges.issue(subject.issue(now_ms=NOON + period, send_limits=(QUOTA,)))
        second = storage.challenges.issue(subject.issue(now_ms=NOON + period, send_limits=(QUOTA,)))

        assert filled == [ISSUED, ISSUED, ISSUED]
        assert early == blocked("quota", NOON + period, 3)
        assert first == ISSUED
        assert second == blocked("quota", NOON + MINUTE + period, 3)

    def test_a_calendar_day_ends_at_midnight_of_its_zone(self, storage: Storage, subject: Subject) -> None:
        for at in (NOON, NOON + 1, DAY_END - 2):
            storage.challenges.issue(subject.issue(now_ms=at, send_limits=(DAILY,)))

        late = storage.challenges.issue(subject.issue(now_ms=DAY_END - 1, send_limits=(DAILY,)))
        results = [
            storage.challenges.issue(subject.issue(now_ms=DAY_END, send_limits=(DAILY,))) for _ in range(4)
        ]

        assert late == blocked("quota", DAY_END, 3)
        assert results == [ISSUED, ISSUED, ISSUED, blocked("quota", DAY_END + DAY, 3)]

    def test_the_longest_quota_is_told_before_a_cooldown(self, storage: Storage, subject: Subject) -> None:
        limits = (COOLDOWN, Limit("quota", 1, HOUR), Limit("quota", 1, 2 * HOUR))
        storage.challenges.issue(subject.issue(send_limits=limits))

        result = storage.challenges.issue(subject.issue(send_limits=limits))

        assert result == blocked("quota", NOON + 2 * HOUR, 1)

    def test_a_refused_request_leaves_code_and_limits_as_they_were(
        self, storage: Storage, subject: Subject
    ) -> None:
        free_at = NOON + 90 * SECOND
        first = subject.issue("111111", send_limits=(COOLDOWN,), references=("a", "b"))
        storage.challenges.issue(first)

        refused = subject.issue("222222", free_at - 1, send_limits=(COOLDOWN,), references=("c", "d"))
        storage.challenges.issue(refused)

        assert storage.challenges.reference(subject.challenge_key) == "b"
        assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED
        assert storage.challenges.issue(subject.issue(now_ms=free_at, send_limits=(COOLDOWN,))) == ISSUED

    def test_a_look_tells_what_would_be_forbidden_and_changes_nothing(
        self, storage: Storage, subject: Subject
    ) -> None:
        issue = subject.issue("222222", send_limits=(COOLDOWN,), locks=(BUDGET,))

        free = storage.challenges.peek(issue)
        storage.challenges.issue(subject.issue("111111", send_limits=(COOLDOWN,)))
        forbidden = storage.challenges.peek(issue)

        assert free is None
        assert forbidden == Block("cooldown", NOON + 90 * SECOND, 1)
        assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED

    def test_challenges_of_one_subject_share_its_limits(self, storage: Storage) -> None:
        subject = two_rows()
        storage.challenges.issue(subject.issue(send_limits=(COOLDOWN,)))

        other = storage.challenges.issue(subject.sibling().issue(send_limits=(COOLDOWN,)))

        assert other == blocked("cooldown", NOON + 90 * SECOND, 1)

    def test_the_deepest_quota_is_exact(self, storage: Storage, subject: Subject) -> None:
        limit = Limit("quota", MAX_LOG_ENTRIES, DAY)
        issues = [subject.issue(now_ms=NOON + n, send_limits=(limit,)) for n in range(MAX_LOG_ENTRIES + 1)]

        results = [storage.challenges.issue(issue) for issue in issues]

        assert results == [ISSUED] * MAX_LOG_ENTRIES + [blocked("quota", NOON + DAY, MAX_LOG_ENTRIES)]

    def test_withdrawing_brings_back_cooldown_and_quota_as_they_were(
        self, storage: Storage, subject: Subject
    ) -> None:
        limits = (COOLDOWN, Limit("quota", 2, HOUR))
        second = subject.issue(now_ms=NOON + 2 * MINUTE, send_limits=limits)
        storage.challenges.issue(subject.issue(send_limits=limits))
        storage.challenges.issue(second)

        storage.challenges.withdraw(second)

        early = storage.challenges.issue(subject.issue(now_ms=NOON + 90 * SECOND - 1, send_limits=limits))
        again = storage.challenges.issue(subject.issue(now_ms=NOON + 2 * MINUTE, send_limits=limits))
        third = storage.challenges.issue(subject.issue(now_ms=NOON + 4 * MINUTE, send_limits=limits))
        assert early == blocked("cooldown", NOON + 90 * SECOND, 1)
        assert again == ISSUED
        assert third == blocked("quota", NOON + HOUR, 2)

    def test_withdrawing_an_older_issue_keeps_the_cooldown_of_a_newer(
        self, storage: Storage, subject: Subject
    ) -> None:
        older = subject.issue(send_limits=(COOLDOWN,))
        newer_at = NOON + 90 * SECOND
        storage.challenges.issue(older)
        storage.challenges.issue(subject.issue(now_ms=newer_at, send_limits=(COOLDOWN,)))

        storage.challenges.withdraw(older)

        result = storage.challenges.issue(subject.issue(now_ms=newer_at, send_limits=(COOLDOWN,)))
        assert result == blocked("cooldown", newer_at + 90 * SECOND, 1)

    def test_clearing_the_sends_frees_the_quotas_alone(self, storage: Storage, subject: Subject) -> None:
        lock = Limit("lock", 1, DAY)
        storage.challenges.issue(subject.issue(send_limits=(COOLDOWN,)))
        storage.challenges.redeem(subject.guess("222222", locks=(lock,)))

        storage.challenges.clear(subject.limits_key, "sends")

        locked = storage.challenges.issue(subject.issue(send_limits=(COOLDOWN,), locks=(lock,)))
        freed = storage.challenges.issue(subject.issue(send_limits=(COOLDOWN,)))
        assert locked == blocked("lock", NOON + DAY, 1)
        assert freed == ISSUED

    # -- misses -------------------------------------------------------------------------------

    def test_the_budget_locks_a_subject_over_all_its_codes(self, storage: Storage, subject: Subject) -> None:
        misses = [miss(storage, subject, NOON + n * MINUTE, BUDGET) for n in range(BUDGET.count)]
        now_ms = NOON + HOUR

        guess = storage.challenges.redeem(subject.guess("111111", now_ms, locks=(BUDGET,)))
        issue = storage.challenges.issue(
            subject.issue(now_ms=now_ms, send_limits=(COOLDOWN,), locks=(BUDGET,))
        )

        assert misses == [GuessState.WRONG] * BUDGET.count
        assert (guess.state, guess.block) == (GuessState.LOCKED, Block("lock", NOON + DAY, BUDGET.count))
        assert issue == blocked("lock", NOON + DAY, BUDGET.count)

    def test_a_lock_ends_when_the_oldest_miss_leaves_and_tries_do_not_prolong_it(
        self, storage: Storage, subject: Subject
    ) -> None:
        for n in range(BUDGET.count):
            miss(storage, subject, NOON + n * MINUTE, BUDGET)
        storage.challenges.issue(subject.issue("111111", NOON + DAY - 1))

        early = storage.challenges.redeem(subject.guess("222222", NOON + DAY - 1, locks=(BUDGET,)))
        one_more = storage.challenges.redeem(subject.guess("222222", NOON + DAY, locks=(BUDGET,)))
        locked = storage.challenges.redeem(subject.guess("111111", NOON + DAY, locks=(BUDGET,)))

        assert early.state is GuessState.LOCKED
        assert one_more.state is GuessState.WRONG
        assert locked.block == Block("lock", NOON + DAY + MINUTE, BUDGET.count)

    def test_a_success_clears_the_misses(self, storage: Storage, subject: Subject) -> None:
        for n in range(BUDGET.count - 1):
            miss(storage, subject, NOON + n, BUDGET)
        storage.challenges.issue(subject.issue("111111"))

        storage.challenges.redeem(subject.guess("111111", locks=(BUDGET,)))

        again = [miss(storage, subject, NOON + n, BUDGET) for n in range(BUDGET.count + 1)]
        assert again == [GuessState.WRONG] * BUDGET.count + [GuessState.LOCKED]

    def test_new_codes_and_cleared_sends_do_not_touch_the_misses(
        self, storage: Storage, subject: Subject
    ) -> None:
        for n in range(BUDGET.count - 1):
            miss(storage, subject, NOON + n, BUDGET)

        storage.challenges.issue(subject.issue("111111", send_limits=(COOLDOWN,)))
        storage.challenges.clear(subject.limits_key, "sends")

        assert miss(storage, subject, NOON, BUDGET) is GuessState.WRONG
        assert miss(storage, subject, NOON, BUDGET) is GuessState.LOCKED

    def test_a_hard_cap_ends_only_by_a_person(self, storage: Storage, subject: Subject) -> None:
        much_later = NOON + 1_000 * DAY
        for n in range(HARD_CAP.count):
            miss(storage, subject, NOON + n * DAY, HARD_CAP)

        locked = storage.challenges.issue(subject.issue(now_ms=much_later, locks=(HARD_CAP,)))
        storage.challenges.clear(subject.limits_key, "misses")
        freed = storage.challenges.issue(subject.issue(now_ms=much_later, locks=(HARD_CAP,)))

        assert locked == blocked("lock", None, HARD_CAP.count)
        assert freed == ISSUED

    def test_the_first_instants_of_the_epoch_count_as_well(self, storage: Storage, subject: Subject) -> None:
        for_ever = Limit("quota", 1, None)
        storage.challenges.issue(subject.issue(now_ms=0, send_limits=(for_ever,)))

        result = storage.challenges.issue(subject.issue(now_ms=1, send_limits=(for_ever, COOLDOWN)))

        assert result == blocked("quota", None, 1)
