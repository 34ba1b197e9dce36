"""Tests for purges, alone and while users log in."""

from __future__ import annotations

from dataclasses import replace

from flask_otpauth.core.challenges import Cap, GuessState
from flask_otpauth.core.record import frozen
from flask_otpauth.core.sessions import Session
from flask_otpauth.ports.storage import Purge, Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.races import Operation, Race
from flask_otpauth.testing.storage_contract.samples import (
    BUDGET,
    CODE_TTL,
    DAY,
    HARD_CAP,
    MINUTE,
    NOON,
    Subject,
    cap_of,
    fresh_name,
    one_row,
    purged,
    two_rows,
)

LATER = NOON + 100 * DAY


@frozen
class LogIn:
    """Issue a code, redeem it and open a session, each at once after the other."""

    subject: Subject
    cap: Cap
    session: Session

    def __call__(self, storage: Storage) -> tuple[bool, GuessState, bool]:
        issued = storage.challenges.issue(self.subject.issue(now_ms=LATER, cap=self.cap)).issued
        state = storage.challenges.redeem(self.subject.guess(now_ms=LATER, locks=(BUDGET,))).state
        storage.sessions.open(self.session, closing_others=True)
        return issued, state, storage.sessions.find(self.session.id) == self.session


@frozen
class PurgeAll:
    """Delete what has not been needed since ``LATER``."""

    def __call__(self, storage: Storage) -> int:
        return purged(storage, LATER)


class PurgeContract(ContractBase):
    """A purge deletes what nothing depends on, and nothing else."""

    def test_a_purge_takes_only_what_nothing_has_depended_on_since(
        self, storage: Storage, subject: Subject
    ) -> None:
        other = two_rows()
        storage.challenges.issue(subject.issue("111111", references=("old", "old"), cap=cap_of(1)))
        storage.challenges.issue(other.issue("222222", NOON + MINUTE, references=("new", "new")))

        rows = len({subject.limits_key, subject.challenge_key})
        early = purged(storage, NOON)
        late = purged(storage, NOON + CODE_TTL + 1)
        later = purged(storage, NOON + DAY)
        last = purged(storage, NOON + DAY + 1)

        assert early == 0
        assert late == rows + 1, "the old rows, and the limits of the other, whose code is still valid"
        assert later == 1, "the other's code"
        assert last == 1, "the counter"

    def test_a_purge_spares_what_counts_for_ever(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))
        storage.challenges.redeem(subject.guess("222222", locks=(HARD_CAP,)))

        purged(storage, NOON + 1_000 * DAY)

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
        assert purged(storage, NOON + DAY) == 2 * rows

    def test_a_right_guess_keeps_its_row_no_longer_than_the_code(
        self, storage: Storage, subject: Subject
    ) -> None:
        storage.challenges.issue(subject.issue("111111"))
        storage.challenges.redeem(subject.guess("111111", locks=(BUDGET,)))

        rows = len({subject.limits_key, subject.challenge_key})
        assert purged(storage, NOON + CODE_TTL + 1) == rows

    def test_a_code_outlives_a_purge_of_its_limits(self, storage: Storage) -> None:
        subject = two_rows()
        storage.challenges.issue(subject.issue("111111"))

        purged(storage, NOON + 1)

        assert storage.challenges.redeem(subject.guess("111111", NOON + 1)).state is GuessState.ACCEPTED

    # -- batches ------------------------------------------------------------------------------

    def test_a_purge_examines_each_row_once_and_no_more_at_a_time_than_it_is_told(
        self, storage: Storage
    ) -> None:
        for _ in range(7):
            storage.challenges.issue(one_row().issue())

        batches = list(storage.purge(Purge(NOON + DAY, 3)))

        assert max(batch.checked for batch in batches) == 3
        assert sum(batch.checked for batch in batches) == 7
        assert sum(batch.deleted for batch in batches) == 7

    def test_a_dry_run_counts_what_a_purge_would_delete(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue(cap=cap_of(1)))
        rows = len({subject.limits_key, subject.challenge_key}) + 1

        counted = [purged(storage, NOON + 2 * DAY, dry_run=True) for _ in range(2)]

        assert counted == [rows, rows]
        assert purged(storage, NOON + 2 * DAY) == rows

    def test_a_purge_that_is_stopped_has_deleted_its_first_batches(self, storage: Storage) -> None:
        for _ in range(5):
            storage.challenges.issue(one_row().issue())

        steps = storage.purge(Purge(NOON + DAY, 2))
        first = next(steps)
        del steps

        assert first.deleted == 2
        assert purged(storage, NOON + DAY) == 3

    # -- races --------------------------------------------------------------------------------

    def test_purges_at_once_with_logins_delete_no_row_that_is_needed(
        self, storage: Storage, race: Race
    ) -> None:
        cap = cap_of(1_000, LATER)
        subjects = [one_row() if n % 2 else two_rows() for n in range(40)]
        users = [fresh_name("user") for _ in subjects]
        for subject, user in zip(subjects, users, strict=True):
            storage.challenges.issue(subject.issue())
            storage.sessions.open(_session_of(user, NOON), closing_others=True)
        purges: list[Operation] = [PurgeAll()] * 5
        logins: list[Operation] = [
            LogIn(subject, cap, _session_of(user, LATER))
            for subject, user in zip(subjects, users, strict=True)
        ]

        results = race([*purges, *logins, *purges])

        assert results[5:45] == [(True, GuessState.ACCEPTED, True)] * 40
        deleted = sum(results[:5] + results[45:]) + purged(storage, LATER)
        assert deleted >= 40, "the sessions of before"
        assert storage.challenges.issue(two_rows().issue(now_ms=LATER, cap=replace(cap, count=40))).block


def _session_of(user_id: str, opened_at: int) -> Session:
    return Session(fresh_name("session"), user_id, opened_at, opened_at, opened_at + DAY)
