"""Tests for what a sender makes of an answer."""

from __future__ import annotations

import pytest

from flask_otpauth.ports.senders import Status
from flask_otpauth.testing.sender_contract.base import CODE, ContractBase
from flask_otpauth.testing.sender_contract.provider import (
    LARGE,
    Answer,
    HostileProvider,
    answers,
    breaks_off,
    floods,
)

_LOGIN_PAGE = "<!doctype html><title>Sign in</title><h1>Sign in to use this network</h1>"


class AnswerContract(ContractBase):
    """The receipt says what the provider answered, and no more."""

    def test_a_message_that_the_provider_takes_is_accepted_with_its_id(
        self, provider: HostileProvider
    ) -> None:
        receipt = self.send(provider)

        assert receipt.status is Status.ACCEPTED
        assert receipt.provider_id == self.message_id

    def test_the_provider_gets_one_request_with_the_code_and_the_recipient(
        self, provider: HostileProvider
    ) -> None:
        self.send(provider)

        (request,) = provider.requests
        assert CODE in request.text
        assert self.recipient.removeprefix("+") in request.text

    def test_a_refusal_is_told_apart(self, provider: HostileProvider, refusal: Status) -> None:
        provider.behavior = answers(getattr(self, refusal))

        receipt = self.send(provider)

        assert receipt.status is refusal
        assert len(provider.requests) == 1

    def test_the_answer_to_an_invalid_recipient_is_declared(self) -> None:
        assert isinstance(self.invalid_recipient, Answer)

    @pytest.mark.parametrize("status", [500, 502, 504])
    def test_a_server_error_is_not_accepted_and_not_repeated(
        self, provider: HostileProvider, status: int
    ) -> None:
        provider.behavior = answers(Answer(status, _LOGIN_PAGE))

        receipt = self.send(provider)

        assert receipt.status is not Status.ACCEPTED
        assert len(provider.requests) == 1

    @pytest.mark.parametrize(
        "body",
        [
            {"error": {"code": 7, "message": "insufficient balance"}},
            {"errors": ["insufficient balance"], "success": False},
            [],
            None,
        ],
        ids=["an error", "errors", "a list", "null"],
    )
    def test_an_error_with_the_status_of_a_success_is_not_accepted(
        self, provider: HostileProvider, body: object
    ) -> None:
        self._skip_without_a_body()
        provider.behavior = answers(Answer(self.accepted.status, body))

        receipt = self.send(provider)

        assert receipt.status is not Status.ACCEPTED
        assert len(provider.requests) == 1

    @pytest.mark.parametrize(
        "body", [_LOGIN_PAGE, "", '{"id": ', "\0\N{LATIN SMALL LETTER Y WITH DIAERESIS}" * 8]
    )
    def test_a_success_that_cannot_be_read_leaves_the_outcome_open(
        self, provider: HostileProvider, body: str
    ) -> None:
        self._skip_without_a_body()
        provider.behavior = answers(Answer(self.accepted.status, body))

        receipt = self.send(provider)

        assert receipt.status is Status.TIMEOUT
        assert len(provider.requests) == 1

    def test_an_answer_that_breaks_off_leaves_the_outcome_open(self, provider: HostileProvider) -> None:
        self._skip_without_a_body()
        provider.behavior = breaks_off(self.accepted)

        receipt = self.send(provider)

        assert receipt.status is Status.TIMEOUT
        assert len(provider.requests) == 1

    def test_an_answer_of_ten_megabytes_is_not_read_to_its_end(self, provider: HostileProvider) -> None:
        provider.behavior = floods(self.accepted)

        receipt = self.send(provider)

        provider.wait_until_idle()
        assert provider.sent_bytes < LARGE
        assert not receipt.status.is_definite_failure

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(
        self, provider: HostileProvider, elsewhere: HostileProvider, status: int
    ) -> None:
        provider.behavior = answers(Answer(status, "", {"Location": f"{elsewhere.url}/messages"}))

        receipt = self.send(provider)

        assert receipt.status is not Status.ACCEPTED
        assert len(provider.requests) == 1
        assert elsewhere.requests == []

    def _skip_without_a_body(self) -> None:
        if not self.accepted.content():
            pytest.skip("the provider accepts messages without a body, so its status alone decides")
