"""Tests for codes with many callers at the same time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask_otpauth.core.challenges import GuessState, IssueResult
from flask_otpauth.core.instants import Limit
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.races import Race, Together, call
from flask_otpauth.testing.storage_contract.samples import (
    BUDGET,
    COOLDOWN,
    HOUR,
    MAX_GUESSES,
    NOON,
    QUOTA,
    Subject,
    cap_of,
    fresh_name,
    one_row,
    two_rows,
)


class CodeRaces(ContractBase):
    """Limits are exact in races."""

    def test_of_50_right_guesses_one_is_accepted(
        self, storage: Storage, subject: Subject, race: Race
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))

        verdicts = race(
            [call("challenges.redeem", subject.guess("111111", locks=(BUDGET,))) for _ in range(50)]
        )

        assert Counter(verdict.state for verdict in verdicts) == {
            GuessState.ACCEPTED: 1,
            GuessState.USED: 49,
        }

    def test_of_200_wrong_guesses_5_are_judged(self, storage: Storage, subject: Subject, race: Race) -> None:
        storage.challenges.issue(subject.issue("111111"))

        verdicts = race([call("challenges.redeem", subject.guess(f"{n:06}")) for n in range(200)])

        judged = [verdict.left for verdict in verdicts if verdict.state is GuessState.WRONG]
        assert sorted(judged) == [0, 1, 2, 3, 4]
        assert Counter(verdict.state for verdict in verdicts) == {
            GuessState.WRONG: 5,
            GuessState.EXHAUSTED: 195,
        }

    def test_wrong_guesses_at_once_with_other_changes_are_counted(self, storage: Storage, race: Race) -> None:
        issues = {subject: subject.issue("111111") for subject in [one_row() for _ in range(10)]}
        for issue in issues.values():
            storage.challenges.issue(issue)
        operations = [
            operation
            for subject, issue in issues.items()
            for operation in (
                call("challenges.redeem", subject.guess("222222")),
                call("challenges.handed_over", issue),
                call("challenges.redeem", subject.guess("333333")),
                call("challenges.clear", subject.limits_key, "sends"),
            )
        ]

        race(operations)

        for subject in issues:
            again = storage.challenges.issue(subject.issue("111111", repeat_within_ms=HOUR))
            assert again.repeated
            assert storage.challenges.redeem(subject.guess("222222")).left == MAX_GUESSES - 3

    def test_wrong_guesses_at_many_codes_of_a_subject_share_its_budget(
        self, storage: Storage, race: Race
    ) -> None:
        subject = two_rows()
        codes = [subject.sibling() for _ in range(4)]
        for code in codes:
            storage.challenges.issue(code.issue("111111"))

        verdicts = race(
            [call("challenges.redeem", codes[n % 4].guess("222222", locks=(BUDGET,))) for n in range(60)]
        )

        states = Counter(verdict.state for verdict in verdicts)
        assert states[GuessState.WRONG] == BUDGET.count
        assert states[GuessState.LOCKED] + states[GuessState.EXHAUSTED] == 60 - BUDGET.count

    def test_of_50_first_requests_under_a_cooldown_one_is_issued(
        self, storage: Storage, subject: Subject, race: Race
    ) -> None:
        results = race(
            [call("challenges.issue", subject.issue(f"{n:06}", send_limits=(COOLDOWN,))) for n in range(50)]
        )

        winners = [n for n, result in enumerate(results) if result.issued]
        assert len(winners) == 1
        assert {result.block.kind for result in results if not result.issued} == {"cooldown"}
        assert storage.challenges.redeem(subject.guess(f"{winners[0]:06}")).state is GuessState.ACCEPTED

    def test_of_50_requests_under_a_quota_of_3_exactly_3_are_issued(
        self, storage: Storage, subject: Subject, race: Race
    ) -> None:
        results = race(
            [call("challenges.issue", subject.issue(f"{n:06}", send_limits=(QUOTA,))) for n in range(50)]
        )

        assert sum(result.issued for result in results) == 3

    def test_of_50_requests_for_the_same_code_one_is_issued(
        self, storage: Storage, subject: Subject, race: Race
    ) -> None:
        more: dict[str, Any] = {"repeat_within_ms": 10_000, "send_limits": (Limit("quota", 2, HOUR),)}

        results = race([call("challenges.issue", subject.issue("111111", **more)) for _ in range(50)])

        assert Counter(results) == {IssueResult(): 1, IssueResult(under_way=True): 49}
        assert storage.challenges.issue(subject.issue("222222", **more)) == IssueResult()
        assert not storage.challenges.issue(subject.issue("333333", **more)).issued

    def test_a_cap_is_exact_and_what_it_refuses_leaves_no_trace(self, storage: Storage, race: Race) -> None:
        cap = cap_of(7)
        subjects = [one_row() if n % 2 else two_rows() for n in range(40)]

        results = race(
            [
                call("challenges.issue", subject.issue(send_limits=(COOLDOWN,), cap=cap))
                for subject in subjects
            ]
        )

        refused = [subject for subject, result in zip(subjects, results, strict=True) if not result.issued]
        again = [storage.challenges.issue(subject.issue(send_limits=(COOLDOWN,))) for subject in refused]
        assert len(refused) == 33
        assert again == [IssueResult()] * 33

    def test_a_withdrawal_and_a_new_request_do_not_disturb_each_other(
        self, storage: Storage, race: Race
    ) -> None:
        limits = (Limit("quota", 2, HOUR),)
        subjects = [one_row() if n % 2 else two_rows() for n in range(12)]
        failed = [subject.issue("111111", send_limits=limits) for subject in subjects]
        for issue in failed:
            storage.challenges.issue(issue)

        race(
            [
                operation
                for subject, issue in zip(subjects, failed, strict=True)
                for operation in (
                    call("challenges.withdraw", issue),
                    call("challenges.issue", subject.issue("222222", send_limits=limits)),
                )
            ]
        )

        for subject in subjects:
            assert storage.challenges.redeem(subject.guess("222222")).state is GuessState.ACCEPTED
            assert storage.challenges.issue(subject.issue(send_limits=limits)).issued
            assert not storage.challenges.issue(subject.issue(send_limits=limits)).issued

    def test_a_code_that_is_being_superseded_opens_at_most_once_and_the_new_one_once(
        self, storage: Storage, subject: Subject, race: Race
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))
        guesses = [call("challenges.redeem", subject.guess("111111")) for _ in range(30)]

        verdicts = race(
            [*guesses[:10], call("challenges.issue", subject.issue("222222", NOON + 1)), *guesses[10:]]
        )

        states = [verdict.state for verdict in verdicts if not isinstance(verdict, IssueResult)]
        assert states.count(GuessState.ACCEPTED) <= 1
        new = [storage.challenges.redeem(subject.guess("222222", NOON + 1)).state for _ in range(2)]
        judged = states.count(GuessState.WRONG)
        assert new == ([GuessState.ACCEPTED, GuessState.USED] if judged < 5 else [GuessState.EXHAUSTED] * 2)

    def test_a_guess_within_a_longer_transaction_is_judged_as_exactly(
        self, storage: Storage, subject: Subject, race: Race
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))

        results = race(
            [
                Together(
                    (
                        call("challenges.redeem", subject.guess("111111")),
                        call("sessions.close_all", fresh_name("user"), NOON),
                    )
                )
                for _ in range(30)
            ]
        )

        states = Counter(verdict.state for verdict, _ in results)
        assert states == {GuessState.ACCEPTED: 1, GuessState.USED: 29}
