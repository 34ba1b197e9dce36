"""What became of the messages that went to providers, in words, from the signals of the extension."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from itertools import count
from typing import Any

from flask import Flask

from flask_otpauth import signals
from flask_otpauth.senders import Receipt, Status

_SIZE = 50


class Journal:
    """The newest events, oldest first. Events of other senders than ``names`` are left out."""

    def __init__(self, app: Flask, names: tuple[str, ...]) -> None:
        self._names = names
        self._ids = count(1)
        self.entries: deque[dict[str, Any]] = deque(maxlen=_SIZE)
        signals.sender_failed.connect(self._passed_on, app)
        signals.code_sent.connect(self._sent, app)
        signals.send_failed.connect(self._failed, app)
        signals.circuit_opened.connect(self._rests, app)
        signals.circuit_closed.connect(self._works_again, app)
        signals.delivery_reported.connect(self._reported, app)

    def _note(self, name: str, text: str, kind: str = "good") -> None:
        if name in self._names:
            at = f"{datetime.now(UTC):%H:%M:%S}"
            self.entries.append({"id": next(self._ids), "at": at, "text": f"{name} {text}", "kind": kind})

    def _passed_on(self, _: Flask, *, receipt: Receipt, **more: object) -> None:
        self._note(
            receipt.sender, f"did not take the message ({receipt.status}). The next one is tried.", "bad"
        )

    def _sent(self, _: Flask, *, receipt: Receipt, **more: object) -> None:
        if receipt.status is Status.TIMEOUT:
            text = "did not answer. The message may have been sent, so no other one is tried."
            self._note(receipt.sender, text, "bad")
        else:
            self._note(receipt.sender, f"took the message {receipt.provider_id}{_price(receipt)}.")

    def _failed(self, _: Flask, *, receipt: Receipt, **more: object) -> None:
        self._note(receipt.sender, f"did not take the message ({receipt.status}). It was not sent.", "bad")

    def _rests(self, _: Flask, *, name: str, **more: object) -> None:
        self._note(name, "failed several times in a row, and is not asked for a while.", "bad")

    def _works_again(self, _: Flask, *, name: str, **more: object) -> None:
        self._note(name, "works again.")

    def _reported(self, _: Flask, *, sender_name: str, report: Any, **more: object) -> None:
        self._note(sender_name, f"reported the message {report.provider_id}: {report.status}.")


def _price(receipt: Receipt) -> str:
    return "" if receipt.cost is None else f" for {receipt.cost} {receipt.currency}"
