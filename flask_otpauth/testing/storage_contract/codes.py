"""Tests for codes with one caller."""

from __future__ import annotations

from flask_otpauth.core.challenges import GuessState, Verdict
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.samples import (
    BUDGET,
    CODE_TTL,
    MAX_GUESSES,
    NOON,
    Subject,
    digest_of,
    fresh_key,
    two_rows,
)


class CodeContract(ContractBase):
    """Redeeming and replacing codes."""

    # -- redeem -------------------------------------------------------------------------------

    def test_a_code_is_accepted_once(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))

        first = storage.challenges.redeem(subject.guess("111111"))
        second = storage.challenges.redeem(subject.guess("111111"))

        assert first == Verdict(GuessState.ACCEPTED, right=True, left=MAX_GUESSES)
        assert second == Verdict(GuessState.USED, right=True, left=MAX_GUESSES)

    def test_wrong_guesses_count_down_and_then_the_code_is_exhausted(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))

        wrong = [storage.challenges.redeem(subject.guess("222222")) for _ in range(MAX_GUESSES)]
        right = storage.challenges.redeem(subject.guess("111111"))

        assert wrong == [Verdict(GuessState.WRONG, left=left) for left in (4, 3, 2, 1, 0)]
        assert right == Verdict(GuessState.EXHAUSTED, right=True)

    def test_without_a_request_nothing_is_judged(self, storage: Storage, subject: Subject) -> None:
        verdict = storage.challenges.redeem(subject.guess("111111"))

        assert verdict == Verdict(GuessState.NONE)
        assert storage.challenges.reference(subject.challenge_key) is None

    def test_a_code_expires_at_the_very_millisecond(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))

        over = storage.challenges.redeem(subject.guess("111111", NOON + CODE_TTL))
        in_time = storage.challenges.redeem(subject.guess("111111", NOON + CODE_TTL - 1))

        assert over == Verdict(GuessState.EXPIRED, right=True, left=MAX_GUESSES, expired=True)
        assert in_time.state is GuessState.ACCEPTED

    def test_a_guess_at_a_dead_code_is_not_counted(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))
        for _ in range(BUDGET.count):
            storage.challenges.redeem(subject.guess("222222", NOON + CODE_TTL, locks=(BUDGET,)))

        verdict = storage.challenges.redeem(subject.guess("111111", locks=(BUDGET,)))

        assert verdict == Verdict(GuessState.ACCEPTED, right=True, left=MAX_GUESSES)

    def test_a_digest_under_any_accepted_key_is_right(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))
        digests = (digest_of("of a newer key"), digest_of("111111"))

        verdict = storage.challenges.redeem(subject.guess(digests=digests))

        assert verdict.state is GuessState.ACCEPTED

    def test_a_code_opens_no_other_challenge_of_its_subject(self, storage: Storage) -> None:
        subject = two_rows()
        other = subject.sibling()
        storage.challenges.issue(subject.issue("111111"))
        storage.challenges.issue(other.issue("222222"))

        swapped = storage.challenges.redeem(other.guess("111111"))
        own = [
            storage.challenges.redeem(subject.guess("111111")),
            storage.challenges.redeem(other.guess("222222")),
        ]

        assert swapped.state is GuessState.WRONG
        assert [verdict.state for verdict in own] == [GuessState.ACCEPTED, GuessState.ACCEPTED]

    # -- issue --------------------------------------------------------------------------------

    def test_a_new_code_supersedes_the_earlier_one_and_has_all_its_guesses(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))
        storage.challenges.redeem(subject.guess("333333"))

        storage.challenges.issue(subject.issue("222222", NOON + 1))

        assert storage.challenges.redeem(subject.guess("111111", NOON + 1)) == Verdict(
            GuessState.WRONG, left=4
        )
        assert storage.challenges.redeem(subject.guess("222222", NOON + 1)).state is GuessState.ACCEPTED

    def test_a_new_code_may_follow_a_used_one(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))
        storage.challenges.redeem(subject.guess("111111"))

        storage.challenges.issue(subject.issue("222222"))

        assert storage.challenges.redeem(subject.guess("222222")).state is GuessState.ACCEPTED

    def test_the_newest_reference_is_kept_in_each_row(self, storage: Storage) -> None:
        subject = two_rows()

        storage.challenges.issue(subject.issue(references=("prefix 1", "order 1")))
        storage.challenges.issue(subject.issue(references=("prefix 2", "order 2")))

        assert storage.challenges.reference(subject.limits_key) == "prefix 2"
        assert storage.challenges.reference(subject.challenge_key) == "order 2"

    # -- keys ---------------------------------------------------------------------------------

    def test_keys_are_compared_byte_by_byte(self, storage: Storage) -> None:
        start = fresh_key()[:31]
        upper, lower = start + b"A", start + b"a"
        storage.challenges.issue(Subject(upper, upper).issue(references=("", "upper")))

        assert storage.challenges.reference(upper) == "upper"
        assert storage.challenges.reference(lower) is None
