"""The contract of codes, one caller at a time."""

from __future__ import annotations

import pytest

from flask_otpauth.core.challenges import IssueResult, Standing, State
from flask_otpauth.core.limits import Block
from flask_otpauth.ports.storage import Storage
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


class CodeContract:
    """Redeeming, superseding, withdrawing, repeating, capping."""

    @pytest.fixture(params=["one row", "two rows"])
    def subject(self, request: pytest.FixtureRequest) -> Subject:
        return one_row() if request.param == "one row" else two_rows()

    # -- redeem -------------------------------------------------------------------------------

    def test_a_code_is_accepted_once(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))

        first = storage.challenges.redeem(subject.guess("111111"))
        second = storage.challenges.redeem(subject.guess("111111"))

        assert first == Standing(State.ACCEPTED, right=True, left=MAX_GUESSES)
        assert second == Standing(State.USED, right=True, left=MAX_GUESSES)

    def test_wrong_guesses_count_down_and_then_the_code_is_exhausted(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))

        wrong = [storage.challenges.redeem(subject.guess("222222")) for _ in range(MAX_GUESSES)]
        right = storage.challenges.redeem(subject.guess("111111"))

        assert wrong == [Standing(State.WRONG, left=left) for left in (4, 3, 2, 1, 0)]
        assert right == Standing(State.EXHAUSTED, right=True)

    def test_without_a_request_nothing_is_judged(self, storage: Storage, subject: Subject) -> None:
        standing = storage.challenges.redeem(subject.guess("111111"))

        assert standing == Standing(State.NONE)
        assert storage.challenges.reference(subject.challenge_key) is None

    def test_a_code_expires_at_the_very_millisecond(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))

        over = storage.challenges.redeem(subject.guess("111111", NOON + CODE_TTL))
        in_time = storage.challenges.redeem(subject.guess("111111", NOON + CODE_TTL - 1))

        assert over == Standing(State.EXPIRED, right=True, left=MAX_GUESSES, expired=True)
        assert in_time.state is State.ACCEPTED

    def test_a_guess_at_a_dead_code_is_not_counted(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))
        for _ in range(BUDGET.count):
            storage.challenges.redeem(subject.guess("222222", NOON + CODE_TTL, locks=(BUDGET,)))

        standing = storage.challenges.redeem(subject.guess("111111", locks=(BUDGET,)))

        assert standing == Standing(State.ACCEPTED, right=True, left=MAX_GUESSES)

    def test_a_digest_under_any_accepted_key_is_right(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))
        digests = (digest_of("of a newer key"), digest_of("111111"))

        standing = storage.challenges.redeem(subject.guess(digests=digests))

        assert standing.state is State.ACCEPTED

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

        assert swapped.state is State.WRONG
        assert [standing.state for standing in own] == [State.ACCEPTED, State.ACCEPTED]

    # -- issue --------------------------------------------------------------------------------

    def test_a_new_code_supersedes_the_earlier_one_and_has_all_its_guesses(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))
        storage.challenges.redeem(subject.guess("333333"))

        storage.challenges.issue(subject.issue("222222", NOON + 1))

        assert storage.challenges.redeem(subject.guess("111111", NOON + 1)) == Standing(State.WRONG, left=4)
        assert storage.challenges.redeem(subject.guess("222222", NOON + 1)).state is State.ACCEPTED

    def test_a_new_code_may_follow_a_used_one(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))
        storage.challenges.redeem(subject.guess("111111"))

        storage.challenges.issue(subject.issue("222222"))

        assert storage.challenges.redeem(subject.guess("222222")).state is State.ACCEPTED

    def test_the_newest_reference_is_kept_in_each_row(self, storage: Storage) -> None:
        subject = two_rows()

        storage.challenges.issue(subject.issue(references=("prefix 1", "order 1")))
        storage.challenges.issue(subject.issue(references=("prefix 2", "order 2")))

        assert storage.challenges.reference(subject.limits_key) == "prefix 2"
        assert storage.challenges.reference(subject.challenge_key) == "order 2"

    # -- repetitions --------------------------------------------------------------------------

    def test_the_same_code_asked_for_again_is_a_repetition_until_the_very_millisecond(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))

        within = storage.challenges.issue(subject.issue("111111", NOON + 9_999, repeat_within_ms=10_000))
        after = storage.challenges.issue(subject.issue("111111", NOON + 10_000, repeat_within_ms=10_000))

        assert within == IssueResult(repeated=True)
        assert after == IssueResult()

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
        assert storage.challenges.redeem(subject.guess("111111")).state is State.ACCEPTED

    def test_nothing_fits_under_a_cap_of_none(self, storage: Storage, subject: Subject) -> None:
        result = storage.challenges.issue(subject.issue(cap=cap_of(0)))

        assert result.block == Block("quota", NOON + DAY, 0)

    def test_a_repetition_is_told_before_the_cap(self, storage: Storage, subject: Subject) -> None:
        cap = cap_of(1)
        storage.challenges.issue(subject.issue("111111", cap=cap, repeat_within_ms=10_000))

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

        assert storage.challenges.redeem(subject.guess("111111")) == Standing(State.NONE)
        assert storage.challenges.redeem(subject.guess("222222")) == Standing(State.NONE)

    def test_withdrawing_leaves_a_newer_code_alive(self, storage: Storage, subject: Subject) -> None:
        older = subject.issue("111111")
        storage.challenges.issue(older)
        storage.challenges.issue(subject.issue("222222"))

        storage.challenges.withdraw(older)

        assert storage.challenges.redeem(subject.guess("222222")).state is State.ACCEPTED

    def test_withdrawing_gives_the_cap_back_once(self, storage: Storage, subject: Subject) -> None:
        cap = cap_of(2)
        issue = subject.issue(cap=cap)
        storage.challenges.issue(two_rows().issue(cap=cap))
        storage.challenges.issue(issue)

        storage.challenges.withdraw(issue)
        storage.challenges.withdraw(issue)

        results = [storage.challenges.issue(two_rows().issue(cap=cap)) for _ in range(2)]
        assert [result.issued for result in results] == [True, False]

    def test_withdrawing_what_was_never_issued_changes_nothing(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))

        storage.challenges.withdraw(subject.issue("222222"))
        storage.challenges.withdraw(two_rows().issue("222222"))

        assert storage.challenges.redeem(subject.guess("111111")).state is State.ACCEPTED

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
        later = storage.purge(NOON + DAY + 1)

        assert early == 0
        assert late == rows + 1, "the old rows, and the limits of the other, whose code still lives"
        assert later == 2, "the other's code, and the counter"

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

    def test_a_code_outlives_a_purge_of_its_limits(self, storage: Storage) -> None:
        subject = two_rows()
        storage.challenges.issue(subject.issue("111111"))

        storage.purge(NOON + 1)

        assert storage.challenges.redeem(subject.guess("111111", NOON + 1)).state is State.ACCEPTED

    # -- keys ---------------------------------------------------------------------------------

    def test_keys_are_compared_byte_by_byte(self, storage: Storage) -> None:
        start = fresh_key()[:31]
        upper, lower = start + b"A", start + b"a"
        storage.challenges.issue(Subject(upper, upper).issue(references=("", "upper")))

        assert storage.challenges.reference(upper) == "upper"
        assert storage.challenges.reference(lower) is None
