"""The contract of senders: a good sender keeps it, and each planted sender breaks a test of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from flask_otpauth.testing import Answer, SenderContract
from flask_otpauth.testing.sender_contract.certificates import CertificateContract
from tests.testing.planted_senders import PLANTED, TOKEN, GoodSender

Make = Callable[[str, float], GoodSender]


class TestGoodSender(SenderContract):
    accepted = Answer(201, {"id": "m-1"})
    message_id = "m-1"
    invalid_recipient = Answer(422, {"error": "no such number"})
    secrets = (TOKEN,)

    def make_sender(self, url: str) -> GoodSender:
        return GoodSender(url, self.deadline_seconds)


# Not a subclass, or pytest would run all its tests for each planted sender.
def contract_for(planted: Make) -> TestGoodSender:
    class Contract(TestGoodSender):
        deadline_seconds = 0.2
        patience_seconds = 1.0

        def make_sender(self, url: str) -> GoodSender:
            return planted(url, self.deadline_seconds)

    return Contract()


# The base has the fixtures of the contract.
class TestPlantedSenders:
    accepted = TestGoodSender.accepted
    provider = SenderContract.provider
    elsewhere = SenderContract.elsewhere
    impostor = CertificateContract.impostor

    @pytest.mark.parametrize(
        ("planted", "name", "arguments"), PLANTED, ids=[planted.__name__ for planted, *_ in PLANTED]
    )
    def test_a_bad_sender_breaks_the_contract(
        self, request: pytest.FixtureRequest, planted: Make, name: str, arguments: dict[str, Any]
    ) -> None:
        test = getattr(contract_for(planted), name)
        fixtures = inspect.signature(test).parameters.keys() - arguments.keys()

        with pytest.raises(AssertionError):
            test(**arguments, **{each: request.getfixturevalue(each) for each in fixtures})
