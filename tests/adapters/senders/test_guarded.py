from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import gevent
import pytest

from flask_otpauth.adapters.senders.guarded import GuardedSender
from flask_otpauth.senders import MemorySender, Message, Receipt, Status

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "channel": "sms",
        "recipient": "+84987654321",
        "code": "012345",
        "expires_at": NOW + timedelta(seconds=300),
    }
    return Message(**{**values, **changes})


def raising(error: BaseException) -> Callable[[Message], Receipt]:
    def answer(given: Message) -> Receipt:
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TimeoutError("012345"), Status.TIMEOUT),
        (asyncio.CancelledError("012345"), Status.TIMEOUT),
        (gevent.Timeout(1), Status.TIMEOUT),
        (gevent.GreenletExit("012345"), Status.TIMEOUT),
        (ConnectionError("012345"), Status.UNAVAILABLE),
        (ValueError("012345"), Status.UNAVAILABLE),
    ],
)
def test_an_exception_becomes_a_receipt_and_its_text_is_never_told(
    error: BaseException, status: Status, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        receipt = GuardedSender(MemorySender(raising(error))).send(message())

    assert receipt == Receipt(status, detail=type(error).__name__)
    assert type(error).__name__ in caplog.text
    assert "012345" not in caplog.text
    assert "+84987654321" not in caplog.text


def test_a_sender_that_returns_no_receipt_may_have_sent() -> None:
    class Forgetful:
        def send(self, message: Message) -> Receipt:
            return None  # type: ignore[return-value]  # the mistake that this is about

    receipt = GuardedSender(Forgetful()).send(message())

    assert receipt.status is Status.TIMEOUT


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_not_a_senders_failure(end: type[BaseException]) -> None:
    with pytest.raises(end):
        GuardedSender(MemorySender(raising(end()))).send(message())
