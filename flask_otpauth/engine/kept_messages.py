"""Keep a message in the storage until it is handed over, in the transaction that issues its code."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime

from flask_otpauth.core.challenges import Cap, Issue
from flask_otpauth.core.deliveries import DeliveryRow
from flask_otpauth.core.instants import DAY, epoch_ms, milliseconds
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.core.service import service
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.delivery import Outgoing
from flask_otpauth.ports.sealing import Sealing
from flask_otpauth.ports.senders import Message
from flask_otpauth.ports.storage import Storage

#: How long the row of a message without a code is needed.
_NOTICE_MS = milliseconds(DAY)
#: The fields of a message that no crash report may show.
_SECRET = ("code", "text", "html", "subject", "caller_number")


@service
class KeptMessages:
    """The messages of an app that wait in its storage."""

    storage: Storage
    sealing: Sealing
    clock: Clock

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
            needed_until=expires_at or now_ms + _NOTICE_MS,
            sealed=self.sealing.seal(packed(outgoing)),
        )

    def keep(self, outgoing: Outgoing) -> None:
        """Keep a message without a code."""
        self.storage.deliveries.add(self.row(outgoing, None))

    def open(self, row: DeliveryRow) -> Outgoing:
        """
        Return the message of a row.

        :raises ~flask_otpauth.ports.sealing.SealBroken: if its key was removed.
        """
        return unpacked(self.sealing.open(row.sealed))


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
    found = json.loads(content)
    message = {
        field.name: found["message"][field.name]
        for field in fields(Message)
        if field.name in found["message"]
    }
    message.update({name: Sensitive(message[name]) for name in _SECRET if message[name] is not None})
    if message["expires_at"] is not None:
        message["expires_at"] = datetime.fromisoformat(message["expires_at"])
    return Outgoing(Message(**message), _unpacked_issue(found["issue"]), found["withheld"])


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
    return Issue(**{**found, **keys, "digest": b""})  # type: ignore[arg-type]
