"""``flask otpauth send-test``: a message through the configured senders, and what became of it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from flask_otpauth.cli import otpauth as commands
from flask_otpauth.senders import MemorySender, Message, Receipt, Status
from flask_otpauth.testing import Outbox
from tests.hosts import MakeApp

PHONE = "+84987654321"


def send_test(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(commands, ["send-test", *words])


def row(result: Result) -> dict[str, Any]:
    (found,) = json.loads(result.stdout)
    return dict(found)


def test_a_message_with_a_code_is_sent_and_its_receipt_is_shown(app: Flask, outbox: Outbox) -> None:
    cost = Decimal("0.0333")
    outbox.answer = lambda message: Receipt(Status.ACCEPTED, "SM1", cost, "EUR")

    result = send_test(app, "sms", "+84 98 765 43 21", "--locale", "en")

    assert result.exit_code == 0
    assert result.output == (
        "sender=sms  recipient=+84*******21  status=accepted  provider_id=SM1  segments=1  cost=0.0333 EUR  "
        "detail=-\n"
    )
    assert outbox.last.recipient == PHONE
    assert outbox.last.code in outbox.last.text
    assert outbox.last.locale == "en"
    assert outbox.last.code not in result.output


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.ACCEPTED])
def test_any_other_status_is_the_exit_status_one(app: Flask, outbox: Outbox, status: Status) -> None:
    outbox.answer = lambda message: Receipt(status, detail="HTTP 400, code=21408")

    result = send_test(app, "sms", PHONE, "--json")

    assert result.exit_code == 1
    assert (row(result)["status"], row(result)["detail"]) == (status.value, "HTTP 400, code=21408")


@pytest.mark.parametrize(
    ("channel", "recipient"),
    [("email", "user@example.com"), ("voice", PHONE), ("whatsapp", PHONE), ("flashcall", PHONE)],
)
def test_each_channel_can_be_tested(app: Flask, outbox: Outbox, channel: str, recipient: str) -> None:
    result = send_test(app, channel, recipient, "--caller", "+84287300001", "--json")

    assert result.exit_code == 0, result.output
    assert (outbox.last.channel, outbox.last.caller_number) == (channel, "+84287300001")
    assert row(result)["segments"] == ""


class Kept(MemorySender):
    """A sender that other tests do not see."""


def test_a_provider_that_no_channel_uses_yet_can_be_tested(make_app: MakeApp) -> None:
    sender = Kept()
    app = make_app(providers={"acme": sender})

    result = send_test(app, "sms", PHONE, "--provider", "acme", "--json")

    assert (result.exit_code, row(result)["sender"]) == (0, "acme")
    assert isinstance(sender.messages[-1], Message)


def test_a_provider_that_raises_has_failed(make_app: MakeApp) -> None:
    class Broken:
        def send(self, message: Message) -> Receipt:
            raise OSError("035790")

    app = make_app(providers={"acme": Broken()})

    result = send_test(app, "sms", PHONE, "--provider", "acme", "--json")

    assert (result.exit_code, row(result)["detail"]) == (1, "OSError")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sms", "user@example.com"), "Error: channel 'sms' cannot send to this kind of address"),
        (("sms", PHONE, "--provider", "acme"), "Error: OTPAUTH_PROVIDERS: unknown value 'acme'"),
        (("email", "user@example.com", "--provider", "tw"), "cannot send on channel 'email'"),
        (("pigeon", PHONE), "Invalid value for '{email|sms|whatsapp|voice|flashcall}'"),
        (("whatsapp", PHONE), "Error: OTPAUTH_SENDERS has no sender for channel 'whatsapp'"),
    ],
)
def test_what_cannot_be_sent_is_an_error(make_app: MakeApp, words: tuple[str, ...], told: str) -> None:
    twilio = {"profile": "twilio", "account_sid": "AC1", "auth_token": "t", "from": "+15005550006"}
    app = make_app(flows=("email",), senders={"email": "memory", "sms": "memory"}, providers={"tw": twilio})

    result = send_test(app, *words)

    assert result.exit_code != 0
    assert told in result.output
