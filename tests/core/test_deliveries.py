"""The rules of messages on their way. The storage contract tests the others."""

from __future__ import annotations

import pytest

from flask_otpauth.core.deliveries import (
    DeliveryReport,
    DeliveryRow,
    DeliveryState,
    DeliveryStatus,
    id_of_step,
    kept_provider_id,
    reported,
    settled,
)
from flask_otpauth.ports.senders import Status


def test_the_steps_of_an_issue_have_different_ids_that_do_not_change() -> None:
    ids = [id_of_step("jlhjm6_yRvELfKAC", step) for step in range(4)]

    assert ids[0] == "jlhjm6_yRvELfKAC"
    assert len(set(ids)) == 4
    assert {len(each) for each in ids} == {16}
    assert ids == [id_of_step("jlhjm6_yRvELfKAC", step) for step in range(4)]
    assert id_of_step("another_nonce_16", 1) not in ids


@pytest.mark.parametrize("status", Status)
def test_each_status_of_a_receipt_is_one_of_a_delivery(status: Status) -> None:
    assert DeliveryStatus(status.value).is_after(DeliveryStatus.UNKNOWN)


@pytest.mark.parametrize("status", [status for status in Status if status.is_definite_failure])
def test_a_failure_of_a_sender_is_earlier_than_what_a_provider_reports(status: Status) -> None:
    assert DeliveryStatus.COMPLAINED.is_after(DeliveryStatus(status.value))
    assert status is Status.OPTED_OUT or DeliveryStatus.ACCEPTED.is_after(DeliveryStatus(status.value))


def test_a_row_keeps_of_a_provider_s_id_only_what_every_database_stores() -> None:
    assert kept_provider_id("SM\x00\ud8001é") == "SM??1é"


def test_what_a_sender_reported_that_was_tried_before_does_not_stay_with_the_message_of_the_next_one() -> (
    None
):
    row = DeliveryRow("id", None, "", "sms", 0, None, 0, state=DeliveryState.HANDED_OVER)
    early = DeliveryReport(DeliveryStatus.UNDELIVERABLE, "first", "F1", "0.01", "EUR")
    noted = reported(row, early)
    assert noted is not None

    after = settled(noted, row, DeliveryReport(DeliveryStatus.ACCEPTED, "second", "S1"), failed=False)

    assert after is not None
    assert (after.sender, after.provider_id, after.status) == ("second", "S1", DeliveryStatus.ACCEPTED)
    assert (after.cost, after.currency) == ("", "")


def test_a_report_that_comes_before_the_receipt_of_its_sender_stays() -> None:
    row = DeliveryRow("id", None, "", "sms", 0, None, 0, state=DeliveryState.HANDED_OVER)
    noted = reported(row, DeliveryReport(DeliveryStatus.DELIVERED, "first", "F1", "0.01", "EUR"))
    assert noted is not None

    assert settled(noted, row, DeliveryReport(DeliveryStatus.ACCEPTED, "first", "F1"), failed=False) == noted
