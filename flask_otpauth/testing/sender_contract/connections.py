"""Tests for connections that fail, and for deadlines."""

from __future__ import annotations

import pytest

from flask_otpauth.ports.senders import Status
from flask_otpauth.testing.sender_contract.base import ContractBase
from flask_otpauth.testing.sender_contract.provider import (
    HostileProvider,
    closes_unannounced,
    closes_unanswered,
    closes_unread,
    drips,
    hangs,
    says_nothing,
)

#: A byte comes this many times within the deadline of the sender.
_BYTES_IN_TIME = 10


class ConnectionContract(ContractBase):
    """A message ends within the deadline, and is handed over once."""

    def test_where_nobody_listens_the_message_was_certainly_not_sent(self, provider: HostileProvider) -> None:
        url = provider.url
        provider.close()

        receipt = self.hand_over(self.make_sender(url), self.message())

        assert receipt.status.may_fail_over

    def test_a_connection_that_is_closed_at_once_is_not_accepted(self, provider: HostileProvider) -> None:
        provider.behavior = closes_unread

        receipt = self.send(provider)

        assert receipt.status is not Status.ACCEPTED

    def test_a_connection_that_is_closed_instead_of_an_answer_leaves_the_outcome_open(
        self, provider: HostileProvider
    ) -> None:
        provider.behavior = closes_unanswered

        receipt = self.send(provider)

        assert receipt.status is Status.TIMEOUT
        assert len(provider.requests) == 1

    def test_a_provider_that_takes_the_message_and_never_answers_leaves_the_outcome_open(
        self, provider: HostileProvider
    ) -> None:
        provider.behavior = hangs

        receipt = self.send(provider)

        assert receipt.status is Status.TIMEOUT
        assert len(provider.requests) == 1

    @pytest.mark.parametrize("head", [True, False], ids=["from the first byte", "in the body"])
    def test_an_answer_that_comes_byte_by_byte_ends_at_the_deadline(
        self, provider: HostileProvider, head: bool
    ) -> None:
        provider.behavior = drips(self.accepted, self.deadline_seconds / _BYTES_IN_TIME, head=head)

        receipt = self.send(provider)

        assert not receipt.status.is_definite_failure
        assert len(provider.requests) == 1

    def test_a_handshake_of_tls_that_gets_no_answer_ends_at_the_deadline(
        self, provider: HostileProvider
    ) -> None:
        provider.behavior = says_nothing
        url = provider.url.replace("http:", "https:")

        receipt = self.hand_over(self.make_sender(url), self.message())

        assert receipt.status is not Status.ACCEPTED

    def test_a_connection_that_the_provider_closed_since_does_not_lose_the_next_message(
        self, provider: HostileProvider
    ) -> None:
        provider.behavior = closes_unannounced(self.accepted)
        sender = self.make_sender(provider.url)

        first = self.hand_over(sender, self.message("035790"))
        provider.wait_until_idle()
        second = self.hand_over(sender, self.message("097531"))

        assert (first.status, second.status) == (Status.ACCEPTED, Status.ACCEPTED)
        assert [code in request.text for request in provider.requests for code in ("035790", "097531")] == [
            True,
            False,
            False,
            True,
        ]
