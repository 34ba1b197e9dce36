"""Tests for what logs, the terminal, receipts and crash reports must not show."""

from __future__ import annotations

import logging

import pytest

from flask_otpauth.ports.senders import Receipt
from flask_otpauth.testing.sender_contract.base import CODE, ContractBase
from flask_otpauth.testing.sender_contract.provider import (
    Answer,
    Behavior,
    HostileProvider,
    answers,
    closes_unanswered,
    repeats_the_request,
)

_BEHAVIORS: dict[str, Behavior] = {
    "bad key": repeats_the_request(401),
    "refusal": repeats_the_request(422),
    "outage": repeats_the_request(503),
    "nonsense": answers(Answer(200, "<h1>Sign in</h1>")),
    "no answer": closes_unanswered,
}


class SecretContract(ContractBase):
    """The code, the recipient and the sender's own secrets are shown nowhere."""

    @pytest.mark.parametrize("case", ["accepted", *_BEHAVIORS])
    def test_neither_logs_nor_the_terminal_nor_the_receipt_show_a_secret(
        self,
        provider: HostileProvider,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
        case: str,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        provider.behavior = _BEHAVIORS.get(case, provider.behavior)

        receipt = self.send(provider)

        printed = capfd.readouterr()
        self._demand_none_in(caplog.text + printed.out + printed.err + _shown(receipt))

    def test_the_repr_of_the_sender_shows_no_secret(self, provider: HostileProvider) -> None:
        sender = self.make_sender(provider.url)

        self._demand_none_in(f"{sender!r} {sender}")

    def _demand_none_in(self, shown: str) -> None:
        number = self.recipient.removeprefix("+")
        assert [secret for secret in (CODE, number, *self.secrets) if secret in shown] == []


def _shown(receipt: Receipt) -> str:
    return f"{receipt!r} {receipt.detail}"
