"""Tests for transactions."""

from __future__ import annotations

from contextlib import suppress

from flask_otpauth.core.challenges import GuessState
from flask_otpauth.core.failures import StoredSecret
from flask_otpauth.core.sessions import Session
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.samples import (
    COOLDOWN,
    NOON,
    SECOND,
    Subject,
    cap_of,
    fresh_key,
    fresh_name,
    two_rows,
)


class GaveUp(BaseException):
    """Raised to end a transaction. Like what ends a thread or a process, it is not an ``Exception``."""


class TransactionContract(ContractBase):
    """Several operations in one transaction."""

    def test_an_exception_undoes_every_operation(self, storage: Storage, subject: Subject) -> None:
        session = Session(fresh_name("session"), fresh_name("user"), NOON, NOON, NOON + 1)
        pin = fresh_key()
        storage.challenges.issue(subject.issue("111111"))

        def work() -> None:
            storage.challenges.redeem(subject.guess("111111"))
            storage.sessions.open(session, closing_others=True)
            storage.secrets.put(pin, "h1", replacing="any")
            raise GaveUp

        with suppress(GaveUp):
            storage.atomically(work)

        assert storage.sessions.find(session.id) is None
        assert storage.secrets.read(pin) == StoredSecret()
        assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED

    def test_an_exception_undoes_a_request_for_a_code(self, storage: Storage, subject: Subject) -> None:
        issued_at = NOON - 90 * SECOND
        storage.challenges.issue(subject.issue("111111", issued_at))

        def work() -> None:
            storage.challenges.issue(subject.issue("222222", send_limits=(COOLDOWN,)))
            raise GaveUp

        with suppress(GaveUp):
            storage.atomically(work)

        assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED
        assert storage.challenges.issue(subject.issue(send_limits=(COOLDOWN,))).issued

    def test_what_ends_well_stands(self, storage: Storage, subject: Subject) -> None:
        session = Session(fresh_name("session"), fresh_name("user"), NOON, NOON, NOON + 1)
        storage.challenges.issue(subject.issue("111111"))

        def work() -> GuessState:
            verdict = storage.challenges.redeem(subject.guess("111111"))
            storage.sessions.open(session, closing_others=True)
            return verdict.state

        assert storage.atomically(work) is GuessState.ACCEPTED
        assert storage.sessions.find(session.id) == session
        assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.USED

    def test_an_operation_sees_what_came_before_it_in_the_transaction(
        self, storage: Storage, subject: Subject
    ) -> None:
        pin = fresh_key()

        def work() -> tuple[StoredSecret, StoredSecret, GuessState]:
            before = storage.secrets.read(pin)
            storage.secrets.put(pin, "h1", replacing=None)
            after = storage.secrets.read(pin)
            storage.challenges.issue(subject.issue("111111"))
            return before, after, storage.challenges.redeem(subject.guess("111111")).state

        assert storage.atomically(work) == (StoredSecret(), StoredSecret("h1"), GuessState.ACCEPTED)

    def test_an_inner_transaction_is_a_part_of_the_outer_one(self, storage: Storage) -> None:
        pin = fresh_key()

        def work() -> None:
            storage.atomically(lambda: storage.secrets.put(pin, "h1", replacing=None))
            raise GaveUp

        with suppress(GaveUp):
            storage.atomically(work)

        assert storage.secrets.read(pin) == StoredSecret()

    def test_a_refusal_inside_undoes_nothing_but_itself(self, storage: Storage, subject: Subject) -> None:
        pin, other = fresh_key(), fresh_key()
        cap = cap_of(1)
        storage.challenges.issue(two_rows().issue(cap=cap))

        def work() -> tuple[bool, bool]:
            refused = storage.challenges.issue(subject.issue(cap=cap, send_limits=(COOLDOWN,)))
            storage.secrets.put(pin, "h1", replacing=None)
            again = storage.challenges.issue(subject.issue(cap=cap, send_limits=(COOLDOWN,)))
            storage.secrets.put(other, "h2", replacing=None)
            return refused.issued, again.issued

        assert storage.atomically(work) == (False, False)
        assert [storage.secrets.read(key).hash for key in (pin, other)] == ["h1", "h2"]
        assert storage.challenges.issue(subject.issue(send_limits=(COOLDOWN,))).issued

    def test_creating_what_exists_is_fine(self, storage: Storage, subject: Subject) -> None:
        storage.challenges.issue(subject.issue("111111"))

        storage.create_all()

        assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED
