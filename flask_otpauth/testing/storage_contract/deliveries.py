"""Tests for messages on their way, alone and with many callers at the same time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from flask_otpauth.core.challenges import draw_nonce
from flask_otpauth.core.deliveries import DeliveryReport, DeliveryRow, DeliveryState, DeliveryStatus
from flask_otpauth.core.record import frozen
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.base import ContractBase
from flask_otpauth.testing.storage_contract.races import Race, call
from flask_otpauth.testing.storage_contract.samples import (
    CODE_TTL,
    NOON,
    SECOND,
    Subject,
    fresh_key,
    fresh_name,
    purged,
)

LEASE = 60 * SECOND
SEALED = bytes(range(256)) * 400
#: What providers report about one message, in the order in which it happens.
STORY = (DeliveryStatus.ACCEPTED, DeliveryStatus.UNDELIVERABLE, DeliveryStatus.DELIVERED)


def delivery(**more: Any) -> DeliveryRow:
    """Return a row of a message without a code that can be claimed at ``NOON``."""
    fields: dict[str, Any] = {
        "id": draw_nonce(),
        "challenge_key": None,
        "nonce": "",
        "channel": "sms",
        "due_at": NOON,
        "expires_at": NOON + CODE_TTL,
        "needed_until": NOON + CODE_TTL,
        "sealed": SEALED,
        **more,
    }
    return DeliveryRow(**fields)


def delivery_of_code(storage: Storage, subject: Subject, **more: Any) -> DeliveryRow:
    """Issue a code, add the row of its message, and return the row."""
    issue = subject.issue("111111")
    row = delivery(id=issue.nonce, challenge_key=issue.challenge_key, nonce=issue.nonce, **more)

    def work() -> None:
        storage.challenges.issue(issue)
        storage.deliveries.add(row)

    storage.atomically(work)
    return row


def claimed(storage: Storage, **more: Any) -> DeliveryRow:
    """Add a row, claim it, and return it."""
    row = delivery(**more)
    storage.deliveries.add(row)
    claim = storage.deliveries.claim(row.id, NOON, LEASE)
    assert claim is not None
    return claim


@frozen
class TakeUp:
    """Hand over all that is due. Return the ids of what was handed over."""

    now_ms: int = NOON

    def __call__(self, storage: Storage) -> list[str]:
        done = []
        while ids := storage.deliveries.due(self.now_ms, 5):
            for each in ids:
                claim = storage.deliveries.claim(each, self.now_ms, LEASE)
                if claim is not None and storage.deliveries.begin(claim):
                    done.append(each)
        return done


class DeliveryContract(ContractBase):
    """The operations on messages."""

    def test_a_row_is_found_as_it_was_added(self, storage: Storage) -> None:
        row = delivery(challenge_key=fresh_key(), nonce="n", expires_at=None, step=2, max_guesses=5)

        storage.deliveries.add(row)

        assert storage.deliveries.find(row.id) == row
        assert storage.deliveries.find(draw_nonce()) is None

    def test_a_row_is_added_with_its_code_or_not_at_all(self, storage: Storage, subject: Subject) -> None:
        row = delivery()

        def work() -> None:
            storage.challenges.issue(subject.issue("111111"))
            storage.deliveries.add(row)
            raise KeyboardInterrupt

        with suppress(KeyboardInterrupt):
            storage.atomically(work)

        assert storage.deliveries.find(row.id) is None

    # -- claims -------------------------------------------------------------------------------

    def test_a_claim_gets_the_content_and_nobody_else_gets_it_during_the_lease(
        self, storage: Storage, subject: Subject
    ) -> None:
        row = delivery_of_code(storage, subject)

        first = storage.deliveries.claim(row.id, NOON, LEASE)
        second = storage.deliveries.claim(row.id, NOON + LEASE - 1, LEASE)

        assert first == replace(row, state=DeliveryState.CLAIMED, claimed_until=NOON + LEASE)
        assert second is None

    def test_a_row_is_not_claimed_before_it_is_due(self, storage: Storage) -> None:
        row = delivery(due_at=NOON + SECOND)
        storage.deliveries.add(row)

        assert storage.deliveries.claim(row.id, NOON, LEASE) is None
        assert storage.deliveries.claim(row.id, NOON + SECOND, LEASE) is not None

    def test_what_was_only_claimed_is_taken_up_again_after_the_lease(self, storage: Storage) -> None:
        killed = claimed(storage)

        again = storage.deliveries.claim(killed.id, NOON + LEASE, LEASE)

        assert again is not None
        assert again.sealed == SEALED
        assert not storage.deliveries.begin(killed)
        assert not storage.deliveries.settle(killed, DeliveryReport(DeliveryStatus.ACCEPTED), failed=False)
        assert storage.deliveries.begin(again)

    def test_what_may_have_been_sent_is_never_claimed_again_and_has_no_content(
        self, storage: Storage
    ) -> None:
        claim = claimed(storage)

        begun = storage.deliveries.begin(claim)

        assert begun
        assert storage.deliveries.claim(claim.id, NOON + 100 * LEASE, LEASE) is None
        assert storage.deliveries.due(NOON + 100 * LEASE, 10) == []
        assert storage.deliveries.find(claim.id) == replace(
            claim, state=DeliveryState.HANDED_OVER, sealed=b""
        )

    @pytest.mark.parametrize("how", ["used", "replaced", "withdrawn"])
    def test_a_code_that_is_not_awaited_cancels_its_message(
        self, storage: Storage, subject: Subject, how: str
    ) -> None:
        issue = subject.issue("111111")
        row = delivery(id=issue.nonce, challenge_key=issue.challenge_key, nonce=issue.nonce)
        storage.challenges.issue(issue)
        storage.deliveries.add(row)
        end: dict[str, Callable[[], object]] = {
            "used": lambda: storage.challenges.redeem(subject.guess("111111")),
            "replaced": lambda: storage.challenges.issue(subject.issue("222222")),
            "withdrawn": lambda: storage.challenges.withdraw(issue),
        }
        end[how]()

        assert storage.deliveries.claim(row.id, NOON, LEASE) is None
        assert storage.deliveries.find(row.id) == replace(row, state=DeliveryState.CANCELED, sealed=b"")

    def test_used_up_guesses_cancel_the_message_and_fewer_do_not(
        self, storage: Storage, subject: Subject
    ) -> None:
        row = delivery_of_code(storage, subject, max_guesses=2)
        later = replace(row, id=draw_nonce(), step=1, due_at=NOON + SECOND)
        storage.deliveries.add(later)

        storage.challenges.redeem(subject.guess("222222", max_guesses=2))
        assert storage.deliveries.claim(row.id, NOON, LEASE) is not None

        storage.challenges.redeem(subject.guess("333333", max_guesses=2))
        assert storage.deliveries.claim(later.id, NOON + SECOND, LEASE) is None
        assert storage.deliveries.find(later.id) == replace(later, state=DeliveryState.CANCELED, sealed=b"")

    def test_guesses_do_not_cancel_a_message_that_names_no_maximum(
        self, storage: Storage, subject: Subject
    ) -> None:
        row = delivery_of_code(storage, subject)

        storage.challenges.redeem(subject.guess("222222", max_guesses=1))

        assert storage.deliveries.claim(row.id, NOON, LEASE) is not None

    def test_a_message_whose_code_is_not_there_is_canceled(self, storage: Storage) -> None:
        row = delivery(challenge_key=fresh_key(), nonce=draw_nonce())
        storage.deliveries.add(row)

        assert storage.deliveries.claim(row.id, NOON, LEASE) is None
        assert storage.deliveries.due(NOON, 10) == []

    def test_an_expired_message_can_be_claimed_so_that_its_failure_is_settled(self, storage: Storage) -> None:
        row = delivery(expires_at=NOON)
        storage.deliveries.add(row)
        claim = storage.deliveries.claim(row.id, NOON + SECOND, LEASE)
        assert claim is not None

        settled = storage.deliveries.settle(claim, DeliveryReport(DeliveryStatus.REJECTED), failed=True)

        after = storage.deliveries.find(row.id)
        assert settled
        assert after is not None
        assert (after.state, after.status, after.sealed) == (
            DeliveryState.FAILED,
            DeliveryStatus.REJECTED,
            b"",
        )

    # -- what is due --------------------------------------------------------------------------

    def test_what_is_due_longest_comes_first_and_no_more_than_asked_for(self, storage: Storage) -> None:
        rows = [delivery(due_at=NOON - n) for n in range(4)]
        for row in rows:
            storage.deliveries.add(row)
        storage.deliveries.add(delivery(due_at=NOON + 1))

        assert storage.deliveries.due(NOON, 3) == [row.id for row in rows[:0:-1]]

    def test_a_claim_without_its_owner_is_due_again_after_the_lease(self, storage: Storage) -> None:
        claim = claimed(storage)

        assert storage.deliveries.due(NOON + LEASE - 1, 10) == []
        assert storage.deliveries.due(NOON + LEASE, 10) == [claim.id]

    def test_a_waiting_row_can_be_hastened_and_no_other(self, storage: Storage) -> None:
        row, begun = delivery(due_at=NOON + 40 * SECOND), claimed(storage, step=1)
        storage.deliveries.add(row)

        hastened = [storage.deliveries.hasten(row.id, NOON + n * SECOND) for n in (50, 5, 5)]

        assert hastened == [False, True, False]
        assert storage.deliveries.due(NOON + 5 * SECOND, 10) == [row.id]
        assert not storage.deliveries.hasten(begun.id, NOON - SECOND)
        assert not storage.deliveries.hasten(draw_nonce(), NOON)

    def test_a_withdrawn_row_is_never_claimed_and_a_claimed_row_is_not_withdrawn(
        self, storage: Storage
    ) -> None:
        row, claim = delivery(), claimed(storage)
        storage.deliveries.add(row)

        assert storage.deliveries.withdraw(row.id)
        assert not storage.deliveries.withdraw(claim.id)
        assert storage.deliveries.claim(row.id, NOON, LEASE) is None
        assert storage.deliveries.find(row.id) == replace(row, state=DeliveryState.WITHDRAWN, sealed=b"")

    # -- outcomes and reports -----------------------------------------------------------------

    def test_the_outcome_names_the_sender_the_provider_s_id_and_the_cost(self, storage: Storage) -> None:
        claim, provider_id = claimed(storage), fresh_name("SM")
        storage.deliveries.begin(claim)
        told = DeliveryReport(DeliveryStatus.ACCEPTED, "twilio", provider_id, "0.0079", "USD")

        settled = storage.deliveries.settle(claim, told, failed=False)

        after = storage.deliveries.find_sent("twilio", provider_id)
        assert settled
        assert after is not None
        assert (after.id, after.state, after.status) == (
            claim.id,
            DeliveryState.HANDED_OVER,
            DeliveryStatus.ACCEPTED,
        )
        assert (after.cost, after.currency) == ("0.0079", "USD")
        assert storage.deliveries.find_sent("vonage", provider_id) is None

    def test_a_provider_s_id_of_any_length_is_found(self, storage: Storage) -> None:
        claim, provider_id = claimed(storage), "x" * 300
        storage.deliveries.begin(claim)
        storage.deliveries.settle(
            claim, DeliveryReport(DeliveryStatus.ACCEPTED, "long", provider_id), failed=False
        )

        found = storage.deliveries.find_sent("long", provider_id)

        assert found is not None
        assert found.id == claim.id

    def test_a_row_that_was_added_as_handed_over_can_be_settled(self, storage: Storage) -> None:
        row = delivery(state=DeliveryState.HANDED_OVER, sealed=b"")
        storage.deliveries.add(row)

        settled = storage.deliveries.settle(row, DeliveryReport(DeliveryStatus.REJECTED), failed=True)

        assert settled
        assert storage.deliveries.find(row.id) == replace(
            row, state=DeliveryState.FAILED, status=DeliveryStatus.REJECTED
        )

    @pytest.mark.parametrize("order", [*permutations(STORY)])
    def test_reports_in_any_order_never_go_backwards(
        self, storage: Storage, order: tuple[DeliveryStatus, ...]
    ) -> None:
        claim = claimed(storage)
        storage.deliveries.begin(claim)

        told = [storage.deliveries.report(claim.id, DeliveryReport(status)) for status in order + order]

        last = storage.deliveries.find(claim.id)
        assert last is not None
        assert last.status is DeliveryStatus.DELIVERED
        assert told[3:] == [False] * 3, "doubled reports tell nothing"

    def test_a_report_before_the_outcome_is_kept(self, storage: Storage) -> None:
        claim = claimed(storage)
        storage.deliveries.begin(claim)
        storage.deliveries.report(
            claim.id, DeliveryReport(DeliveryStatus.DELIVERED, cost="1", currency="EUR")
        )

        storage.deliveries.settle(
            claim, DeliveryReport(DeliveryStatus.ACCEPTED, "twilio", "SM1", "2", "USD"), failed=False
        )

        after = storage.deliveries.find(claim.id)
        assert after is not None
        assert (after.status, after.provider_id) == (DeliveryStatus.DELIVERED, "SM1")
        assert (after.cost, after.currency) == ("1", "EUR")

    def test_a_report_about_nothing_tells_nothing(self, storage: Storage) -> None:
        assert not storage.deliveries.report(draw_nonce(), DeliveryReport(DeliveryStatus.DELIVERED))

    def test_a_purge_deletes_a_row_when_it_is_not_needed_any_more(self, storage: Storage) -> None:
        row = delivery()
        storage.deliveries.add(row)

        assert purged(storage, row.needed_until) == 0
        assert purged(storage, row.needed_until + 1) == 1
        assert storage.deliveries.find(row.id) is None

    # -- races --------------------------------------------------------------------------------

    def test_of_50_claims_of_one_row_exactly_one_gets_it(self, storage: Storage, race: Race) -> None:
        row = delivery()
        storage.deliveries.add(row)

        claims = race([call("deliveries.claim", row.id, NOON, LEASE) for _ in range(50)])

        assert len([claim for claim in claims if claim is not None]) == 1

    def test_of_20_owners_of_one_claim_exactly_one_begins(self, storage: Storage, race: Race) -> None:
        claim = claimed(storage)

        begun = race([call("deliveries.begin", claim) for _ in range(20)])

        assert begun.count(True) == 1

    def test_many_who_take_up_what_is_due_hand_each_row_over_once(self, storage: Storage, race: Race) -> None:
        rows = [delivery() for _ in range(40)]
        for row in rows:
            storage.deliveries.add(row)

        taken = race([TakeUp() for _ in range(9)])

        assert sorted(each for done in taken for each in done) == sorted(row.id for row in rows)

    def test_a_claim_and_a_withdrawal_at_once_never_both_succeed(self, storage: Storage, race: Race) -> None:
        rows = [delivery() for _ in range(20)]
        for row in rows:
            storage.deliveries.add(row)

        results = race(
            [
                operation
                for row in rows
                for operation in (
                    call("deliveries.claim", row.id, NOON, LEASE),
                    call("deliveries.withdraw", row.id),
                )
            ]
        )

        for claim, is_withdrawn in zip(results[::2], results[1::2], strict=True):
            assert (claim is None) == is_withdrawn

    def test_reports_at_once_end_with_the_latest_status(self, storage: Storage, race: Race) -> None:
        rows = [claimed(storage) for _ in range(10)]
        for row in rows:
            storage.deliveries.begin(row)

        told = race(
            [
                call("deliveries.report", row.id, DeliveryReport(status))
                for row in rows
                for status in (*STORY[::-1], *STORY)
            ]
        )

        for place, row in enumerate(rows):
            after = storage.deliveries.find(row.id)
            assert after is not None
            assert after.status is DeliveryStatus.DELIVERED
            assert 1 <= told[6 * place : 6 * place + 6].count(True) <= 3
