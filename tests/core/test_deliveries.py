"""The rules of messages on their way. The storage contract tests the others."""

from __future__ import annotations

import pytest

from flask_otpauth.core.deliveries import DeliveryStatus, id_of_step
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
