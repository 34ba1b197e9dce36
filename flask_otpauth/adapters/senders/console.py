"""Shows messages on the terminal, for development."""

from __future__ import annotations

import sys
from typing import TextIO

from flask_otpauth.core.sensitive import encodable, one_line, printable
from flask_otpauth.ports.senders import Message, Receipt, Status


class ConsoleSender:
    """
    Writes each message with its code to ``stream`` (default: standard output).

    Do not use it in production, because the output of a process is often logged.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, message: Message) -> Receipt:
        """Write ``message`` as one block."""
        # print() looks up standard output at each call, and an app server may replace it.
        stream = self._stream or sys.stdout
        print(encodable(_block(message), getattr(stream, "encoding", None)), file=stream, flush=True)
        return Receipt(Status.ACCEPTED)


def _block(message: Message) -> str:
    facts = {
        "to": message.recipient,
        "from": message.caller_number,
        "subject": message.subject,
        "purpose": message.purpose,
        "code": message.code,
    }
    lines = [f"| {name:8} {one_line(value)}" for name, value in facts.items() if value]
    text = [f"| {printable(line)}" for line in message.text.splitlines()]
    title = f"+-- {message.channel}, not sent: this is the development console "
    return "\n".join([f"{title:-<72}", *lines, *(["|", *text] if text else []), "+" + "-" * 71])
