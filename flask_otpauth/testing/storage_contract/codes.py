"""Tests for codes with one caller."""

from __future__ import annotations

from flask_otpauth.core.challenges import GuessState, Verdict
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.samples import (
    BUDGET,
    CODE_TTL,
    DAY,
    HARD_CAP,
    MAX_GUESSES,
    MINUTE,
    NOON,
    Subject,
    cap_of,
    digest_of,
    fresh_key,
    one_row,
    two_rows,
)


class CodeContract(ContractBase):
    """Redeeming, replacing and purging codes."""

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

    # -- purge --------------------------------------------------------------------------------

    def test_a_purge_takes_only_what_nothing_has_depended_on_since(
        self, storage: Storage, subject: Subject
    ) -> None:
        other = two_rows()
        storage.challenges.issue(subject.issue("111111", references=("old", "old"), cap=cap_of(1)))
        storage.challenges.issue(other.issue("222222", NOON + MINUTE, references=("new", "new")))

        rows = len({subject.limits_key, subject.challenge_key})
        early = storage.purge(NOON)
        late = storage.purge(NOON + CODE_TTL + 1)
        later = storage.purge(NOON + DAY)
        last = storage.purge(NOON + DAY + 1)

        assert early == 0
        assert late == rows + 1, "the old rows, and the limits of the other, whose code is still valid"
        assert later == 1, "the other's code"
        assert last == 1, "the counter"

    def test_a_purge_spares_what_counts_for_ever(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))
        storage.challenges.redeem(subject.guess("222222", locks=(HARD_CAP,)))

        storage.purge(NOON + 1_000 * DAY)

        assert storage.challenges.reference(subject.limits_key) == ""

    def test_a_purge_takes_what_counted_for_ever_until_it_was_cleared(
        self, storage: Storage, subject: Subject
    ) -> None:
        lucky = one_row() if subject.limits_key == subject.challenge_key else two_rows()
        for each in (subject, lucky):
            storage.challenges.issue(each.issue("111111"))
            storage.challenges.redeem(each.guess("222222", locks=(HARD_CAP,)))

        storage.challenges.clear(subject.limits_key, "misses")
        storage.challenges.redeem(lucky.guess("111111", locks=(HARD_CAP,)))

        rows = len({subject.limits_key, subject.challenge_key})
        assert storage.purge(NOON + DAY) == 2 * rows

    def test_a_right_guess_keeps_its_row_no_longer_than_the_code(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))
        storage.challenges.redeem(subject.guess("111111", locks=(BUDGET,)))

        rows = len({subject.limits_key, subject.challenge_key})
        assert storage.purge(NOON + CODE_TTL + 1) == rows

    def test_a_code_outlives_a_purge_of_its_limits(self, storage: Storage) -> None:
        subject = two_rows()
        storage.challenges.issue(subject.issue("111111"))

        storage.purge(NOON + 1)

        assert storage.challenges.redeem(subject.guess("111111", NOON + 1)).state is GuessState.ACCEPTED

    # -- keys ---------------------------------------------------------------------------------

    def test_keys_are_compared_byte_by_byte(self, storage: Storage) -> None:
        start = fresh_key()[:31]
        upper, lower = start + b"A", start + b"a"
        storage.challenges.issue(Subject(upper, upper).issue(references=("", "upper")))

        assert storage.challenges.reference(upper) == "upper"
        assert storage.challenges.reference(lower) is None
