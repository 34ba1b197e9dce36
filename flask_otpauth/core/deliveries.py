"""
Deliveries: the row of a message that is kept until it is handed over, and the rules by which it changes.

**The outbox.** A message that is not sent by the request itself is kept as a row, which is written in the
transaction that issues its code. So a process that is killed forgets no message: another one finds the row.

**Claim** (:func:`claimed`). Whoever wants to hand a message over claims its row first. A claim is a lease:
if its owner is killed, the row can be claimed again when the lease is over. A row whose code is no longer
awaited is canceled instead: the code was used or withdrawn, its guesses are used up, or there is a newer one.

**Begin** (:func:`begun`). Immediately before the sender is called, the row is marked as handed over, and the
content is removed. From now on the message may have been sent. So nobody claims the row again, also if its
owner is killed: the outcome is unknown then, and an unknown outcome is never sent twice.

**Settle** (:func:`settled`) notes what the sender returned, and **report** (:func:`reported`) what the
provider tells later. Reports can be late, doubled and in any order. So the status of a row only ever moves
forward in the order of :class:`DeliveryStatus`.

**Step.** A workflow sends one code by several rows, one after the other. The next step is a row that is due
later. If a step fails, the next one is made due earlier (:func:`hastened`).
"""

from __future__ import annotations

import hashlib
from dataclasses import field, replace
from enum import StrEnum

from flask_otpauth.core.challenges import ChallengeRow
from flask_otpauth.core.keys import to_base64url
from flask_otpauth.core.record import frozen

#: The largest number of characters of a provider's id that a row keeps.
LONGEST_PROVIDER_ID = 255


class DeliveryState(StrEnum):
    """What may happen to a row next."""

    #: It can be claimed when it is due.
    WAITING = "waiting"
    #: Somebody is about to hand it over. It can be claimed again when the lease is over.
    CLAIMED = "claimed"
    #: The message was sent, or may have been.
    HANDED_OVER = "handed_over"
    #: The message was certainly not sent.
    FAILED = "failed"
    #: Its issue was undone before anybody claimed it.
    WITHDRAWN = "withdrawn"
    #: Its code was not awaited any more.
    CANCELED = "canceled"


class DeliveryStatus(StrEnum):
    """
    What became of the message, as far as it is known. The order is that of the definition.

    A status never goes back to an earlier one. The values of a receipt
    (:class:`~flask_otpauth.ports.senders.Status`) have the same names.
    """

    UNKNOWN = ""
    UNAVAILABLE = "unavailable"
    AUTH_ERROR = "auth_error"
    RATE_LIMITED = "rate_limited"
    REJECTED = "rejected"
    INVALID_RECIPIENT = "invalid_recipient"
    #: There was no answer, so the message may have been sent.
    TIMEOUT = "timeout"
    #: The provider has the message.
    ACCEPTED = "accepted"
    #: The provider reports that it did not arrive.
    UNDELIVERABLE = "undeliverable"
    #: The provider reports that it arrived.
    DELIVERED = "delivered"
    #: The recipient does not want messages.
    OPTED_OUT = "opted_out"
    #: The recipient has complained about the message.
    COMPLAINED = "complained"

    def is_after(self, other: DeliveryStatus) -> bool:
        """Return whether it comes later in the order."""
        return _ORDER[self] > _ORDER[other]


_ORDER = {status: place for place, status in enumerate(DeliveryStatus)}
_CLAIMABLE = (DeliveryState.WAITING, DeliveryState.CLAIMED)


@frozen
class DeliveryRow:
    """One message on its way. Instants are epoch milliseconds. No address and no code is in the clear."""

    #: The id of the message.
    id: str
    #: The challenge row of its code; ``None`` if the message has no code.
    challenge_key: bytes | None
    #: The nonce of the issue of its code.
    nonce: str
    channel: str
    #: From this instant on it can be claimed.
    due_at: int
    #: After this the message must not be sent; ``None`` if it may always be.
    expires_at: int | None
    #: Until then a purge keeps the row.
    needed_until: int
    #: Its number in a workflow, beginning with 0.
    step: int = 0
    #: Wrong guesses after which its code is refused; ``None`` if they do not matter for the message.
    max_guesses: int | None = None
    #: The message, encrypted. It is emptied when it is not needed any more.
    sealed: bytes = field(default=b"", repr=False)
    state: DeliveryState = DeliveryState.WAITING
    #: When the lease ends. Each claim has another one, so it also tells claims apart.
    claimed_until: int = 0
    #: The name of the sender that tried.
    sender: str = ""
    #: The id that the provider gave the message, at most 255 characters of it.
    provider_id: str = ""
    status: DeliveryStatus = DeliveryStatus.UNKNOWN
    #: The text of a decimal number; empty if the cost is not known.
    cost: str = ""
    #: The currency of the cost (ISO 4217).
    currency: str = ""

    def __post_init__(self) -> None:
        # A storage may read texts.
        object.__setattr__(self, "state", DeliveryState(self.state))
        object.__setattr__(self, "status", DeliveryStatus(self.status))

    def is_due(self, now_ms: int) -> bool:
        """Return whether it may be claimed."""
        return self.state in _CLAIMABLE and self.due_at <= now_ms and self.claimed_until <= now_ms


@frozen
class DeliveryReport:
    """What a sender returned, or a provider reported later."""

    status: DeliveryStatus
    #: The name of the sender; empty if it is known already.
    sender: str = ""
    #: The id that the provider gave the message; empty if it is known already.
    provider_id: str = ""
    #: The text of a decimal number; empty if the report does not tell.
    cost: str = ""
    currency: str = ""


def id_of_step(nonce: str, step: int) -> str:
    """
    Return the id of the message that is a step of a workflow: 16 URL-safe characters.

    The first message of an issue has the nonce of the issue as its id.
    """
    if step == 0:
        return nonce
    return to_base64url(hashlib.sha256(f"{nonce} {step}".encode()).digest()[:12])


def kept_provider_id(provider_id: str) -> str:
    """
    Return a provider's id as a row keeps it: cut off, and with ``?`` for what cannot be printed.

    A database refuses some of these characters, after the message was sent.
    """
    return "".join(each if each.isprintable() else "?" for each in provider_id[:LONGEST_PROVIDER_ID])


def is_awaited(row: DeliveryRow, challenge: ChallengeRow | None) -> bool:
    """
    Return whether the code of the message can still be redeemed, apart from its expiry.

    ``challenge`` is the row with the key ``challenge_key``. A message without a code is always awaited.
    """
    if row.challenge_key is None:
        return True
    return (
        challenge is not None
        and challenge.nonce == row.nonce
        and challenge.digest is not None
        and challenge.consumed_at is None
        and (row.max_guesses is None or challenge.guesses < row.max_guesses)
    )


def claimed(
    row: DeliveryRow, challenge: ChallengeRow | None, now_ms: int, lease_ms: int
) -> DeliveryRow | None:
    """
    Return the row after it was claimed, or canceled because its code is not awaited.

    Return ``None`` if it may not be claimed, so that nothing changes. The expiry is not looked at: what has
    expired without being sent is claimed, so that its owner can settle it and give the quota back.
    """
    if not row.is_due(now_ms):
        return None
    if not is_awaited(row, challenge):
        return replace(row, state=DeliveryState.CANCELED, sealed=b"")
    return replace(row, state=DeliveryState.CLAIMED, claimed_until=now_ms + lease_ms)


def begun(row: DeliveryRow, claim: DeliveryRow) -> DeliveryRow | None:
    """Return the row when its message may have been sent; ``None`` if ``claim`` is over."""
    if row.state is not DeliveryState.CLAIMED or not _is_of(claim, row):
        return None
    return replace(row, state=DeliveryState.HANDED_OVER, sealed=b"")


def settled(row: DeliveryRow, claim: DeliveryRow, report: DeliveryReport, failed: bool) -> DeliveryRow | None:
    """
    Return the row with the outcome of its hand-over; ``None`` if ``claim`` is over.

    ``failed`` says that the message was certainly not sent.
    """
    if row.state not in (DeliveryState.CLAIMED, DeliveryState.HANDED_OVER) or not _is_of(claim, row):
        return None
    state = DeliveryState.FAILED if failed else DeliveryState.HANDED_OVER
    return replace(_with_report(_of_sender(row, report.sender), report), state=state, sealed=b"")


def withdrawn(row: DeliveryRow) -> DeliveryRow | None:
    """Return the row when it will not be sent; ``None`` if somebody has claimed it."""
    if row.state is not DeliveryState.WAITING:
        return None
    return replace(row, state=DeliveryState.WITHDRAWN, sealed=b"")


def hastened(row: DeliveryRow, due_at: int) -> DeliveryRow | None:
    """Return the row when it is due earlier; ``None`` if it is not waiting or is due by then anyway."""
    if row.state is not DeliveryState.WAITING or row.due_at <= due_at:
        return None
    return replace(row, due_at=due_at)


def reported(row: DeliveryRow, report: DeliveryReport) -> DeliveryRow | None:
    """Return the row after a report of the provider; ``None`` if it tells nothing new."""
    after = _with_report(row, report)
    return None if after == row else after


def _of_sender(row: DeliveryRow, sender: str) -> DeliveryRow:
    """Return the row without what the provider of another sender, which was tried before, has reported."""
    if not sender or row.sender in ("", sender):
        return row
    return replace(row, sender=sender, provider_id="", status=DeliveryStatus.UNKNOWN, cost="", currency="")


def _with_report(row: DeliveryRow, report: DeliveryReport) -> DeliveryRow:
    is_later = report.status.is_after(row.status)
    # A provider may tell the cost with any report. The one of a later status is nearer to the bill.
    tells_cost = bool(report.cost) and (is_later or not row.cost)
    return replace(
        row,
        status=report.status if is_later else row.status,
        sender=row.sender or report.sender,
        provider_id=row.provider_id or kept_provider_id(report.provider_id),
        cost=report.cost if tells_cost else row.cost,
        currency=report.currency if tells_cost else row.currency,
    )


def _is_of(claim: DeliveryRow, row: DeliveryRow) -> bool:
    return claim.claimed_until == row.claimed_until
