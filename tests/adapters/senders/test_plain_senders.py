from __future__ import annotations

import io
import sys
import threading
from typing import Any

import pytest

from flask_otpauth.senders import ConsoleSender, MemorySender, Message, Receipt, Status


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {"channel": "sms", "recipient": "+84987654321", "code": "012345"}
    return Message(**{**values, **changes})


def test_the_memory_keeps_messages_newest_last() -> None:
    sender = MemorySender()

    receipts = [sender.send(message(code=code)) for code in ("111111", "222222")]

    assert [kept.code for kept in sender.messages] == ["111111", "222222"]
    assert {receipt.status for receipt in receipts} == {Status.ACCEPTED}


def test_the_memory_can_be_cleared() -> None:
    sender = MemorySender()
    sender.send(message())

    sender.clear()

    assert sender.messages == []


def test_the_memory_answers_as_it_is_told_and_keeps_what_it_refuses() -> None:
    sender = MemorySender(lambda given: Receipt(Status.REJECTED, detail=given.channel))

    receipt = sender.send(message())

    assert receipt == Receipt(Status.REJECTED, detail="sms")
    assert len(sender.messages) == 1


def test_the_memory_loses_nothing_between_threads() -> None:
    sender = MemorySender()
    threads = [
        threading.Thread(target=lambda: [sender.send(message()) for _ in range(200)]) for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(sender.messages) == 1600


def test_the_console_shows_what_a_developer_needs() -> None:
    stream = io.StringIO()

    receipt = ConsoleSender(stream).send(message(text="Your code is\n012345", subject="Hello"))

    shown = stream.getvalue()
    assert receipt.status is Status.ACCEPTED
    assert all(word in shown for word in ("sms", "+84987654321", "012345", "Hello", "| Your code is\n"))
    assert "not sent" in shown


def test_the_console_writes_to_standard_output_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleSender().send(message())

    assert "012345" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
@pytest.mark.parametrize("text", ["Mã của bạn là 012345", "ລະຫັດຂອງທ່ານແມ່ນ 012345", "012345 \udcfc"])
def test_the_console_shows_every_language_on_every_terminal(text: str, encoding: str) -> None:
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding=encoding)

    receipt = ConsoleSender(terminal).send(message(text=text))

    assert receipt.status is Status.ACCEPTED
    assert "012345" in raw.getvalue().decode(encoding)


def test_the_console_is_silent_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)

    assert ConsoleSender().send(message()).status is Status.ACCEPTED
