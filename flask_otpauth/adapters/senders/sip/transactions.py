"""A request and its answers, with the timers of RFC 3261 §17.1. Nothing here reads a clock."""

from __future__ import annotations

import math
from collections.abc import Callable

from flask_otpauth.adapters.senders.sip.messages import Request, Response
from flask_otpauth.adapters.senders.sip.requests import Place, ack_of_refusal
from flask_otpauth.core.record import frozen


@frozen
class Timers:
    """Timers in seconds (§17.1.1.1 and §17.1.2.2)."""

    #: An estimate of a round trip.
    t1: float = 0.5
    #: The longest time between two retransmissions of a request other than INVITE.
    t2: float = 4.0

    @property
    def give_up(self) -> float:
        """How long a request waits for an answer: timers B and F. It is also timer D, for late answers."""
        return 64 * self.t1


@frozen
class Wire:
    """How requests leave."""

    send: Callable[[bytes], None]
    place: Place
    timers: Timers

    @property
    def is_reliable(self) -> bool:
        """Whether the transport itself repeats what was lost."""
        return self.place.transport == "TCP"


class Transaction:
    """
    One request, sent again until it is answered, and what was answered.

    Each final response to an INVITE other than 2xx is acknowledged, however often it comes.
    """

    def __init__(self, request: Request, wire: Wire, now: float) -> None:
        self.request = request
        #: The final response.
        self.final: Response | None = None
        #: Whether there was a provisional response.
        self.is_proceeding = False
        #: No answer came in time.
        self.has_timed_out = False
        self._wire = wire
        self._data = request.encode()
        self._interval = wire.timers.t1
        self._again_at = math.inf if wire.is_reliable else now + self._interval
        self._ends_at = now + wire.timers.give_up
        wire.send(self._data)

    @property
    def due(self) -> float:
        """When ``tick`` has something to do."""
        return min(self._again_at, self._ends_at)

    def owns(self, response: Response) -> bool:
        """Return whether ``response`` answers this request (§17.1.3)."""
        ours = (self.request.branch, self.request.method, self.request.call_id)
        return (response.branch, response.sequence[1], response.call_id) == ours

    def tick(self, now: float) -> None:
        """Send the request again, or give up, if it is time."""
        if now >= self._ends_at:
            self.stop()
            self.has_timed_out = True
        elif now >= self._again_at:
            self._interval = self._longer()
            self._again_at = now + self._interval
            self._wire.send(self._data)

    def receive(self, response: Response, now: float) -> None:
        """Note a response."""
        if response.status < 200:
            self._proceed(now)
            return
        self.stop()
        self.final = self.final or response
        if self._is_invite and response.status >= 300:
            self._wire.send(ack_of_refusal(self.request, response).encode())

    def stop(self) -> None:
        """Do not send the request again."""
        self._again_at = self._ends_at = math.inf

    def _proceed(self, now: float) -> None:
        if self.final is not None:
            return
        self.is_proceeding = True
        if self._is_invite:
            self.stop()
        elif not self._wire.is_reliable and self._ends_at < math.inf:
            self._interval = self._wire.timers.t2
            self._again_at = now + self._interval

    def _longer(self) -> float:
        doubled = self._interval * 2
        return doubled if self._is_invite else min(doubled, self._wire.timers.t2)

    @property
    def _is_invite(self) -> bool:
        return self.request.method == "INVITE"
