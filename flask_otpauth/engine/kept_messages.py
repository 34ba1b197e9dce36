"""
Keep a message in the storage until it is handed over, in the transaction that issues its code.

The steps of a workflow are such messages. The first one is due at once. If a step certainly fails, the one
after it is due at once, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from flask_otpauth.core.challenges import Cap, Issue
from flask_otpauth.core.deliveries import (
    DeliveryReport,
    DeliveryRow,
    DeliveryState,
    DeliveryStatus,
    id_of_step,
)
from flask_otpauth.core.instants import DAY, epoch_ms, milliseconds
from flask_otpauth.core.sensitive import Sensitive, sensitive
from flask_otpauth.core.service import service
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.delivery import Outgoing, Timer
from flask_otpauth.ports.sealing import SealBroken, Sealing
from flask_otpauth.ports.senders import Message, Receipt
from flask_otpauth.ports.storage import Storage

#: How long the row of a message without a code is needed.
_NOTICE_MS = milliseconds(DAY)
#: How long a claim is valid. Between the claim and the hand-over are a few milliseconds.
LEASE_MS = 15_000
#: Providers report for up to three days (Vonage, "Messages API status callbacks").
_REPORTED_MS = milliseconds(3 * DAY)
#: The fields of a message that no crash report may show.
_SECRET = ("code", "text", "html", "subject", "caller_number")


@service
class KeptMessages:
    """The messages of an app that wait in its storage."""

    storage: Storage
    sealing: Sealing
    clock: Clock
    timer: Timer
    #: Whether every message is kept. If not, only those of workflows are.
    keeps_all: bool = True
    #: Whether providers report later what became of messages.
    is_reported: bool = False

    def row(self, outgoing: Outgoing, issue: Issue | None) -> DeliveryRow:
        """
        Return the row of a message that can be handed over at once, for ``storage.deliveries.add``.

        ``issue`` is that of its code; ``None`` if it has none.
        """
        message, now_ms = outgoing.message, epoch_ms(self.clock())
        expires_at = None if message.expires_at is None else epoch_ms(message.expires_at)
        return DeliveryRow(
            id=message.id,
            challenge_key=issue.challenge_key if issue else None,
            nonce=issue.nonce if issue else "",
            channel=message.channel,
            due_at=now_ms,
            expires_at=expires_at,
            needed_until=(expires_at or now_ms + _NOTICE_MS) + (_REPORTED_MS if self.is_reported else 0),
            sealed=self.sealing.seal(packed(outgoing)),
        )

    def keep(self, outgoing: Outgoing) -> DeliveryRow:
        """Keep a message without a code. Return its row."""
        row = self.row(outgoing, None)
        self.storage.deliveries.add(row)
        return row

    def steps(
        self, outgoings: Sequence[Outgoing], issue: Issue, starts: Sequence[timedelta], max_guesses: int
    ) -> tuple[DeliveryRow, ...]:
        """
        Return the rows of messages with one code, which are due at ``starts`` after its issue.

        None of them is sent after ``max_guesses`` wrong guesses, because the code is refused then.
        """
        return tuple(
            replace(
                # Only the first step can give the quota back: a later one fails after another has been sent.
                self.row(outgoing if number == 0 else replace(outgoing, issue=None), issue),
                step=number,
                max_guesses=max_guesses,
                due_at=issue.now_ms + milliseconds(start),
            )
            for number, (outgoing, start) in enumerate(zip(outgoings, starts, strict=True))
        )

    def expect(self, rows: Sequence[DeliveryRow]) -> None:
        """Have the rows handed over that are due later."""
        now_ms = epoch_ms(self.clock())
        for row in rows:
            if row.due_at > now_ms:
                self.timer.wake_in((row.due_at - now_ms) / 1000)

    def open(self, row: DeliveryRow) -> Outgoing | None:
        """Return the message of a row. ``None``: its key was removed, or another app has written it."""
        try:
            return unpacked(self.sealing.open(row.sealed))
        except SealBroken:
            return None

    def claim(self, message_id: str) -> DeliveryRow | None:
        """Return the row, claimed for the caller; ``None`` if it is not for the caller."""
        return self.storage.deliveries.claim(message_id, epoch_ms(self.clock()), LEASE_MS)

    def step_after(self, row: DeliveryRow) -> DeliveryRow | None:
        """Return the step of a workflow after ``row``; ``None`` if there is none."""
        return self.storage.deliveries.find(id_of_step(row.nonce, row.step + 1)) if row.nonce else None

    def hasten_after(self, row: DeliveryRow) -> bool:
        """
        Let the step after ``row`` be due now, and all later ones earlier by the same time.

        Return whether that step is due earlier. The timer is not woken for it, because most callers hand it
        over themselves, and have to know what becomes of it.
        """
        now_ms, following = epoch_ms(self.clock()), self.step_after(row)
        later, earlier_ms = following, 0 if following is None else following.due_at - now_ms
        while later is not None and later.state is DeliveryState.WAITING and earlier_ms > 0:
            due_at = later.due_at - earlier_ms
            self.storage.deliveries.hasten(later.id, due_at)
            if later is not following:
                self.timer.wake_in((due_at - now_ms) / 1000)
            later = self.step_after(later)
        return later is not following


def row_of_reported(message: Message, issue: Issue) -> DeliveryRow:
    """Return the row of a message that this process sends, and whose provider reports what became of it."""
    return DeliveryRow(
        id=message.id,
        challenge_key=issue.challenge_key,
        nonce=issue.nonce,
        channel=message.channel,
        due_at=issue.now_ms,
        expires_at=issue.expires_at_ms,
        needed_until=issue.expires_at_ms + _REPORTED_MS,
        state=DeliveryState.HANDED_OVER,
    )


def report_of(receipt: Receipt) -> DeliveryReport:
    """Return a receipt as a row keeps it."""
    return DeliveryReport(
        DeliveryStatus(receipt.status.value),
        receipt.sender,
        receipt.provider_id,
        "" if receipt.cost is None else str(receipt.cost),
        receipt.currency,
    )


def packed(outgoing: Outgoing) -> bytes:
    """Return a message as JSON, with what is needed to withdraw its code."""
    message = {field.name: getattr(outgoing.message, field.name) for field in fields(Message)}
    expires_at = outgoing.message.expires_at
    message["expires_at"] = None if expires_at is None else expires_at.isoformat()
    message["values"] = dict(outgoing.message.values)
    content = {"message": message, "issue": _packed_issue(outgoing.issue), "withheld": outgoing.withheld}
    # A template of a host may have values of any type. A sender needs them as texts.
    return json.dumps(content, default=str).encode()


def unpacked(content: bytes) -> Outgoing:
    """Return the message that was packed, by this version or by one that is a little older or newer."""
    found = json.loads(content, object_hook=_masked)
    message: dict[str, Any] = {
        field.name: _unmasked(field.name, found["message"][field.name])
        for field in fields(Message)
        if field.name in found["message"]
    }
    if message["expires_at"] is not None:
        message["expires_at"] = datetime.fromisoformat(message["expires_at"])
    return Outgoing(Message(**message), _unpacked_issue(found["issue"]), found["withheld"])


def _masked(found: dict[str, object]) -> dict[str, object]:
    """Return what is in a JSON object, with texts that no crash report shows: one of them is the code."""
    return {name: sensitive(value) for name, value in found.items()}


def _unmasked(name: str, value: object) -> object:
    """Return the value of a field of a message as it was before it was packed."""
    return str(value) if isinstance(value, Sensitive) and name not in _SECRET else value


def _packed_issue(issue: Issue | None) -> dict[str, object] | None:
    """Return what withdrawing an issue looks at. The digest of the code is not needed."""
    if issue is None:
        return None
    cap = issue.cap
    return {
        "limits_key": issue.limits_key.hex(),
        "challenge_key": issue.challenge_key.hex(),
        "nonce": issue.nonce,
        "now_ms": issue.now_ms,
        "expires_at_ms": issue.expires_at_ms,
        "repeat_within_ms": issue.repeat_within_ms,
        "cap": None if cap is None else [cap.key.hex(), cap.count, cap.day_start_ms, cap.day_end_ms],
    }


def _unpacked_issue(found: dict[str, object] | None) -> Issue | None:
    if found is None:
        return None
    keys = {name: bytes.fromhex(str(found[name])) for name in ("limits_key", "challenge_key")}
    cap = found["cap"]
    if isinstance(cap, list):
        found = {**found, "cap": Cap(bytes.fromhex(cap[0]), *cap[1:])}
    return Issue(**{**found, **keys, "digest": b""})  # type: ignore[arg-type]  # as they were packed
