"""
Which sender gets a message, and which one is tried next.

The senders of a route are tried in order, until one may have sent the message or the recipient is the reason
of the failure. After an unknown outcome no other sender is tried, because the user could get the code twice.
A sender whose circuit is open is left out (:mod:`flask_otpauth.core.circuits`). A route with one sender asks
for no circuit: there is nothing to choose, and so it costs no statement.

**If all senders rest**, the message still has a chance: it becomes the probe of the sender whose rest ends
first, unless that one is being probed. A route with several senders must not be worse than its first sender
alone, and the reason is often our own network, after which all senders work again at once. All other
messages are refused meanwhile, without waiting for a provider, and use no quota up.

**If the circuits cannot be read**, the message is refused as well: nothing was sent, so no quota is used up.
It is a receipt and no exception, because a message that is withheld must end as this one does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Protocol, runtime_checkable

from flask_otpauth.core.challenges import draw_nonce
from flask_otpauth.core.circuits import Circuit, CircuitPolicy, SendAttempt, with_outcome
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.core.record import frozen, replace
from flask_otpauth.core.routes import RouteKey, keys_of
from flask_otpauth.core.service import service
from flask_otpauth.ports.clock import Clock
from flask_otpauth.ports.events import Events
from flask_otpauth.ports.senders import Check, Message, Receipt, Sender, Status
from flask_otpauth.ports.storage import CircuitStore

_ALL_REST = Receipt(Status.UNAVAILABLE, detail="all senders of the route rest")
_EXPIRED = Receipt(Status.REJECTED, detail="its code has expired")
_NO_CIRCUITS = Receipt(Status.UNAVAILABLE, detail="the circuits of the senders cannot be read")


@runtime_checkable
class Owner(Protocol):
    """A sender whose provider checks the code, and that raises no exceptions."""

    def check(self, recipient: str, code: str, provider_id: str) -> Check | None:
        """Return what the provider says. ``None``: it says nothing that is clear."""


@frozen
class NamedSender:
    """A sender and its name, which is also that of its circuit."""

    name: str
    sender: Sender


@frozen
class Route:
    """The senders of a kind of message, in the order in which they are tried."""

    key: RouteKey
    senders: tuple[NamedSender, ...]

    @property
    def names(self) -> list[str]:
        """Return the names of the senders."""
        return [each.name for each in self.senders]


@service
class Router:
    """Chooses the sender of each message. The senders raise no exceptions."""

    #: Each channel has a route for all recipients.
    routes: Mapping[RouteKey, Route]
    circuits: CircuitStore
    policy: CircuitPolicy
    clock: Clock
    events: Events

    @property
    def channels(self) -> frozenset[str]:
        """Return the channels that have a sender."""
        return frozenset(key.channel for key in self.routes)

    def route(self, message: Message) -> Route:
        """Return the most specific route for a message."""
        if self._by_channel:
            return self._by_channel[message.channel]
        keys = keys_of(message.channel, message.recipient, message.client_id)
        return next(self.routes[key] for key in keys if key in self.routes)

    @cached_property
    def _by_channel(self) -> Mapping[str, Route]:
        """The route of each channel, if no route is only for some recipients or clients."""
        by_channel = {key.channel: route for key, route in self.routes.items()}
        return by_channel if len(by_channel) == len(self.routes) else {}

    @cached_property
    def owners(self) -> Mapping[str, Owner]:
        """Return the senders whose providers own the codes that they send, by name."""
        named = (each for route in self.routes.values() for each in route.senders)
        return {each.name: each.sender for each in named if isinstance(each.sender, Owner)}

    def is_owned(self, channel: str, recipient: str, client_id: str) -> bool:
        """Return whether a provider draws the codes for this recipient. All senders of a route are alike."""
        if not self.owners:
            return False
        found = (self.routes.get(key) for key in keys_of(channel, recipient, client_id))
        return any(each.name in self.owners for each in next(filter(None, found)).senders)

    def send(self, message: Message) -> Receipt:
        """Send a message. Return the receipt of the sender that was tried last, with its name."""
        senders = self.route(message).senders
        if len(senders) == 1:
            return _hand_over(message, senders[0])
        try:
            return self._send_by_one_of(message, senders)
        except StorageUnavailable:
            return _NO_CIRCUITS

    def _send_by_one_of(self, message: Message, senders: Sequence[NamedSender]) -> Receipt:
        receipt, resting = self._try(message, senders)
        if receipt is None:
            by_end = [sender for _, sender in sorted(resting, key=itemgetter(0))]
            receipt, _ = self._try(message, by_end, is_last_resort=True)
        return receipt or _ALL_REST

    def _try(
        self, message: Message, senders: Sequence[NamedSender], *, is_last_resort: bool = False
    ) -> tuple[Receipt | None, list[tuple[int, NamedSender]]]:
        """
        Try senders in order. Return the last receipt, and those that were left out, each with the end of its
        rest.

        If there is no receipt, none was tried.
        """
        receipt, resting = None, []
        for sender in senders:
            if message.has_expired(self.clock()):
                return receipt or _EXPIRED, []
            now_ms = epoch_ms(self.clock())
            attempt = SendAttempt(sender.name, draw_nonce(), self.policy, now_ms, is_last_resort)
            admission = self.circuits.admit(attempt)
            if not admission.is_admitted:
                ends_at = admission.circuit.rests_until(self.policy, now_ms) or now_ms
                resting.append((ends_at, sender))
                continue
            if receipt is not None:
                self._report(message, receipt)
            receipt = _hand_over(message, sender)
            self._note(attempt, admission.circuit, receipt)
            if not receipt.status.may_fail_over:
                break
        return receipt, resting

    def _report(self, message: Message, receipt: Receipt) -> None:
        """Report that a sender did not send a message, and that the next one is tried."""
        self.events(
            "sender_failed",
            channel=message.channel,
            recipient=message.recipient,
            purpose=message.purpose,
            receipt=receipt,
        )

    def _note(self, attempt: SendAttempt, admitted: Circuit, receipt: Receipt) -> None:
        """Note what came of a message, if that changes the circuit, and report that it opened or closed."""
        evidence, now_ms = receipt.status.evidence, epoch_ms(self.clock())
        if with_outcome(admitted, attempt, evidence, now_ms) == admitted:
            return
        try:
            before, after = self.circuits.note(attempt, evidence, now_ms)
        except StorageUnavailable:
            # What became of the message does not change by that. A probe ends with its lease.
            return
        was_closed, is_closed = before.is_closed(self.policy), after.is_closed(self.policy)
        if was_closed and not is_closed:
            self.events("circuit_opened", name=attempt.name, receipt=receipt)
        if is_closed and not was_closed:
            self.events("circuit_closed", name=attempt.name)


def _hand_over(message: Message, sender: NamedSender) -> Receipt:
    return replace(sender.sender.send(message), sender=sender.name)
