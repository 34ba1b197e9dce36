"""Tests for requests for a code that are repeated, capped or withdrawn."""

from __future__ import annotations

from flask_otpauth.core.challenges import GuessState, Issue, IssueResult, Verdict
from flask_otpauth.core.instants import Block, Limit
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.samples import (
    DAY,
    NOON,
    Subject,
    cap_of,
    purged,
    two_rows,
)


class RequestContract(ContractBase):
    """Repetitions, caps and withdrawals."""

    # -- repetitions --------------------------------------------------------------------------

    def test_the_same_code_asked_for_again_is_a_repetition_until_the_very_millisecond(
        self, storage: Storage, subject: Subject
    ) -> None:
        self._hand_over(storage, subject.issue("111111"))

        within = storage.challenges.issue(subject.issue("111111", NOON + 9_999, repeat_within_ms=10_000))
        after = storage.challenges.issue(subject.issue("111111", NOON + 10_000, repeat_within_ms=10_000))

        assert within == IssueResult(repeated=True)
        assert after == IssueResult()

    def test_a_repetition_of_what_is_under_way_is_no_repetition_of_what_was_done(
        self, storage: Storage, subject: Subject
    ) -> None:
        issue = subject.issue("111111")
        storage.challenges.issue(issue)
        retry = subject.issue("111111", NOON + 1, repeat_within_ms=10_000)

        under_way = storage.challenges.issue(retry)
        storage.challenges.withdraw(issue)
        after_a_failure = storage.challenges.issue(retry)

        assert under_way == IssueResult(under_way=True)
        assert after_a_failure == IssueResult()

    def test_what_nobody_ever_said_was_handed_over_is_issued_again_once_its_time_is_over(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))

        result = storage.challenges.issue(subject.issue("111111", NOON + 10_000, repeat_within_ms=10_000))

        assert result == IssueResult()

    def test_a_code_is_under_way_though_the_code_before_it_was_handed_over(
        self, storage: Storage, subject: Subject
    ) -> None:
        self._hand_over(storage, subject.issue("111111"))
        storage.challenges.issue(subject.issue("222222", NOON + 1))

        result = storage.challenges.issue(subject.issue("222222", NOON + 2, repeat_within_ms=10_000))

        assert result == IssueResult(under_way=True)

    def test_a_newer_code_is_not_handed_over_with_an_earlier_one(
        self, storage: Storage, subject: Subject
    ) -> None:
        earlier = subject.issue("111111")
        storage.challenges.issue(earlier)
        storage.challenges.issue(subject.issue("111111"))

        storage.challenges.handed_over(earlier)

        assert not storage.challenges.issue(subject.issue("111111", repeat_within_ms=10_000)).repeated

    def test_another_code_is_no_repetition(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))

        other = storage.challenges.issue(subject.issue("222222", repeat_within_ms=10_000))

        assert other == IssueResult()

    def test_a_withdrawn_code_asked_for_again_is_no_repetition(
        self, storage: Storage, subject: Subject
    ) -> None:
        issue = subject.issue("111111")
        storage.challenges.issue(issue)
        storage.challenges.withdraw(issue)

        again = storage.challenges.issue(subject.issue("111111", repeat_within_ms=10_000))

        assert again == IssueResult()

    @staticmethod
    def _hand_over(storage: Storage, issue: Issue) -> None:
        storage.challenges.issue(issue)
        storage.challenges.handed_over(issue)

    # -- caps ---------------------------------------------------------------------------------

    def test_a_cap_holds_over_all_subjects_until_its_day_ends(self, storage: Storage) -> None:
        cap = cap_of(2)
        tomorrow = cap_of(2, cap.day_end_ms)

        results = [storage.challenges.issue(two_rows().issue(cap=cap)) for _ in range(3)]
        next_day = storage.challenges.issue(two_rows().issue(cap=tomorrow))

        assert results == [IssueResult(), IssueResult(), IssueResult(Block("quota", NOON + DAY, 2))]
        assert next_day == IssueResult()

    def test_a_request_over_the_cap_leaves_nothing_behind(self, storage: Storage, subject: Subject) -> None:
        cap = cap_of(1)
        storage.challenges.issue(subject.issue("111111", cap=cap, references=("a", "b")))

        storage.challenges.issue(subject.issue("222222", cap=cap, references=("c", "d")))

        assert storage.challenges.reference(subject.challenge_key) == "b"
        assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED

    def test_nothing_fits_under_a_cap_of_none(self, storage: Storage, subject: Subject) -> None:
        result = storage.challenges.issue(subject.issue(cap=cap_of(0)))

        assert result.block == Block("quota", NOON + DAY, 0)

    def test_a_repetition_is_told_before_the_cap(self, storage: Storage, subject: Subject) -> None:
        cap = cap_of(1)
        self._hand_over(storage, subject.issue("111111", cap=cap))

        again = storage.challenges.issue(subject.issue("111111", cap=cap, repeat_within_ms=10_000))

        assert again == IssueResult(repeated=True)

    def test_what_is_refused_uses_no_cap(self, storage: Storage, subject: Subject) -> None:
        cap = cap_of(2)
        storage.challenges.issue(subject.issue("111111", cap=cap))

        storage.challenges.issue(subject.issue("111111", cap=cap, repeat_within_ms=10_000))

        assert storage.challenges.issue(two_rows().issue(cap=cap)) == IssueResult()

    # -- withdraw -----------------------------------------------------------------------------

    def test_a_withdrawn_code_is_dead_and_so_is_the_one_before_it(
        self, storage: Storage, subject: Subject
    ) -> None:
        newest = subject.issue("222222")
        storage.challenges.issue(subject.issue("111111"))
        storage.challenges.issue(newest)

        storage.challenges.withdraw(newest)

        assert storage.challenges.redeem(subject.guess("111111")) == Verdict(GuessState.NONE)
        assert storage.challenges.redeem(subject.guess("222222")) == Verdict(GuessState.NONE)

    def test_withdrawing_leaves_a_newer_code_alive(self, storage: Storage, subject: Subject) -> None:
        older = subject.issue("111111")
        storage.challenges.issue(older)
        storage.challenges.issue(subject.issue("222222"))

        storage.challenges.withdraw(older)

        assert storage.challenges.redeem(subject.guess("222222")).state is GuessState.ACCEPTED

    def test_withdrawing_gives_the_cap_back_once(self, storage: Storage, subject: Subject) -> None:
        cap = cap_of(2)
        issue = subject.issue(cap=cap)
        storage.challenges.issue(two_rows().issue(cap=cap))
        storage.challenges.issue(issue)

        storage.challenges.withdraw(issue)
        storage.challenges.withdraw(issue)

        results = [storage.challenges.issue(two_rows().issue(cap=cap)) for _ in range(2)]
        assert [result.issued for result in results] == [True, False]

    def test_withdrawing_after_a_purge_of_the_cap_gives_nothing_back(
        self, storage: Storage, subject: Subject
    ) -> None:
        cap = cap_of(1)
        issue = subject.issue(cap=cap, send_limits=(Limit("quota", 3, 7 * DAY),))
        storage.challenges.issue(issue)
        purged(storage, cap.day_end_ms + 1)

        storage.challenges.withdraw(issue)

        results = [storage.challenges.issue(two_rows().issue(cap=cap)) for _ in range(2)]
        assert [result.issued for result in results] == [True, False]

    def test_withdrawing_what_was_never_issued_changes_nothing(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))

        storage.challenges.withdraw(subject.issue("222222"))
        storage.challenges.withdraw(two_rows().issue("222222"))

        assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED
