from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import gevent
import pytest

from flask_otpauth.adapters.senders.failover import hand_over
from flask_otpauth.senders import FailoverSender, MemorySender, Message, Receipt, Status

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEFINITE = [Status.REJECTED, Status.RATE_LIMITED, Status.AUTH_ERROR, Status.UNAVAILABLE]


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "channel": "sms",
        "recipient": "+84987654321",
        "code": "012345",
        "expires_at": NOW + timedelta(seconds=300),
    }
    return Message(**{**values, **changes})


def answering(status: Status) -> MemorySender:
    return MemorySender(lambda _: Receipt(status, detail="first"))


def raising(error: BaseException) -> Callable[[Message], Receipt]:
    def answer(given: Message) -> Receipt:
        raise error

    return answer


@pytest.mark.parametrize("status", DEFINITE)
def test_the_next_sender_is_tried_after_a_definite_failure(status: Status) -> None:
    first, second = answering(status), MemorySender()

    receipt = FailoverSender([first, second], lambda: NOW).send(message())

    assert receipt.status is Status.ACCEPTED
    assert len(first.messages) == len(second.messages) == 1


@pytest.mark.parametrize("status", [Status.ACCEPTED, Status.TIMEOUT, Status.INVALID_RECIPIENT])
def test_nobody_else_is_tried_when_it_may_be_out_or_the_recipient_is_the_reason(status: Status) -> None:
    first, second = answering(status), MemorySender()

    receipt = FailoverSender([first, second], lambda: NOW).send(message())

    assert receipt == Receipt(status, detail="first")
    assert second.messages == []


def test_when_all_fail_the_last_one_is_told() -> None:
    senders = [answering(Status.AUTH_ERROR), answering(Status.RATE_LIMITED)]

    receipt = FailoverSender(senders, lambda: NOW).send(message())

    assert receipt.status is Status.RATE_LIMITED


def test_an_exception_is_a_definite_failure_and_the_next_is_tried() -> None:
    second = MemorySender()

    receipt = FailoverSender([MemorySender(raising(RuntimeError())), second], lambda: NOW).send(message())

    assert receipt.status is Status.ACCEPTED
    assert len(second.messages) == 1


def test_nothing_is_sent_after_the_code_has_expired() -> None:
    sender = MemorySender()

    receipt = FailoverSender([sender], lambda: NOW).send(message(expires_at=NOW))

    assert receipt.status.is_definite_failure
    assert sender.messages == []


def test_no_further_sender_is_tried_once_the_code_has_expired() -> None:
    times = iter([NOW, NOW + timedelta(seconds=300)])
    first, second = answering(Status.UNAVAILABLE), MemorySender()

    receipt = FailoverSender([first, second], lambda: next(times)).send(message())

    assert receipt.status is Status.UNAVAILABLE
    assert second.messages == []


def test_a_message_without_expiry_is_always_sent() -> None:
    sender = MemorySender()

    FailoverSender([sender], lambda: NOW).send(message(expires_at=None))

    assert len(sender.messages) == 1


def test_a_channel_without_any_sender_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        FailoverSender([], lambda: NOW)


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
        receipt = hand_over(MemorySender(raising(error)), message())

    assert receipt == Receipt(status, detail=type(error).__name__)
    assert type(error).__name__ in caplog.text
    assert "012345" not in caplog.text
    assert "+84987654321" not in caplog.text


def test_a_sender_that_returns_no_receipt_may_have_sent() -> None:
    class Forgetful:
        def send(self, message: Message) -> Receipt:
            return None  # type: ignore[return-value]  # the mistake that this is about

    receipt = hand_over(Forgetful(), message())

    assert receipt.status is Status.TIMEOUT


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_not_a_senders_failure(end: type[BaseException]) -> None:
    with pytest.raises(end):
        hand_over(MemorySender(raising(end())), message())


@pytest.mark.parametrize("error", [asyncio.CancelledError(), gevent.Timeout(1)], ids=["asyncio", "gevent"])
def test_no_other_sender_is_tried_when_one_was_cut_off_in_its_work(error: BaseException) -> None:
    second = MemorySender()

    receipt = FailoverSender([MemorySender(raising(error)), second], lambda: NOW).send(message())

    assert receipt.status is Status.TIMEOUT
    assert second.messages == []
