"""
One call, from INVITE to its end (RFC 3261 §13 to §15).

It reads no clock and waits for nothing: it is told what was received and what time it is, and it sends what
follows. So the same call is first driven by the sender, and then by a thread that answers late messages.
"""

from __future__ import annotations

import math

from flask_otpauth.adapters.senders.sip import requests
from flask_otpauth.adapters.senders.sip.digest import Credentials, authorization, challenge_in
from flask_otpauth.adapters.senders.sip.messages import Malformed, Request, Response, parameter, parse
from flask_otpauth.adapters.senders.sip.transactions import Transaction, Wire

#: Ringing, and session progress, by which many networks tell that the phone rings (RFC 3398 §7.2.3).
_RINGING = frozenset({180, 183})
#: A nonce can be too old at the first attempt of each challenge.
_MOST_INVITES = 4
#: One INVITE can make several phones answer. More than this is an attack.
_MOST_DIALOGS = 16


class Call:
    """A call that is placed with ``invite``."""

    def __init__(self, invite: Request, wire: Wire, credentials: Credentials | None, now: float) -> None:
        #: Whether there was any response.
        self.is_heard = False
        #: Whether the phone rang, or was answered at once.
        self.has_rung = False
        #: The response with which the phone answered.
        self.answer: Response | None = None
        #: The final response, if it is none of 2xx.
        self.refusal: Response | None = None
        #: Whether the callee ended an answered call.
        self.was_left = False
        self._wire = wire
        self._credentials = credentials
        self._is_ending = False
        self._lapses_at = math.inf
        self._has_lapsed = False
        self._acks: dict[str, bytes] = {}
        self._byes: list[Transaction] = []
        self._cancels: list[Transaction] = []
        self._invites = [Transaction(invite, wire, now)]

    @property
    def id(self) -> str:
        """The Call-ID, by which the trunk knows the call."""
        return self._invite.request.call_id

    @property
    def due(self) -> float:
        """When ``tick`` has something to do."""
        return min(self._lapses_at, *(each.due for each in self._transactions))

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen, apart from messages that come twice."""
        if self.refusal or self._has_lapsed or self._invite.has_timed_out:
            return True
        is_ended = bool(self._byes) and all(bye.final or bye.has_timed_out for bye in self._byes)
        return self.was_left or is_ended

    def tick(self, now: float) -> None:
        """Send again what was not answered, and give up what waited too long."""
        for each in self._transactions:
            each.tick(now)
        if now >= self._lapses_at:
            self._has_lapsed = True
            self._lapses_at = math.inf

    def receive(self, data: bytes, now: float) -> None:
        """Take a message from the trunk. Whatever does not belong to this call is ignored."""
        try:
            message = parse(data)
        except Malformed:
            return
        if isinstance(message, Request):
            self._serve(message)
            return
        owner = next((each for each in self._transactions if each.owns(message)), None)
        if owner is not None:
            self._take(owner, message, now)

    def hang_up(self, now: float) -> None:
        """
        End the call: by BYE if it was answered, else by CANCEL.

        An INVITE without any response cannot be canceled (§9.1). It is not sent again, and is canceled or
        ended as soon as there is a response.
        """
        if self._is_ending or self.is_over:
            return
        self._is_ending = True
        if self.answer is not None:
            self._send_bye(self.answer, now)
        elif self._invite.is_proceeding:
            self._send_cancel(now)
        else:
            self._invite.stop()
            self._lapses_at = now + self._wire.timers.give_up

    @property
    def _invite(self) -> Transaction:
        return self._invites[-1]

    @property
    def _transactions(self) -> list[Transaction]:
        return [*self._invites, *self._cancels, *self._byes]

    def _take(self, owner: Transaction, response: Response, now: float) -> None:
        self.is_heard = True
        is_news = owner.final is None
        owner.receive(response, now)
        if owner in self._invites:
            self._take_invite(owner, response, is_news, now)
        elif owner in self._byes and is_news:
            again = self._authorized(owner.request, response) if len(self._byes) < _MOST_DIALOGS else None
            self._byes += [Transaction(again, self._wire, now)] if again else []

    def _take_invite(self, owner: Transaction, response: Response, is_news: bool, now: float) -> None:
        if 200 <= response.status < 300:
            self._take_answer(owner, response, now)
        elif not is_news or owner is not self._invite:
            return
        elif response.status >= 300:
            self._take_refusal(owner, response, now)
        else:
            self.has_rung = self.has_rung or response.status in _RINGING
            if self._is_ending and not self._cancels:
                self._send_cancel(now)

    def _take_refusal(self, owner: Transaction, response: Response, now: float) -> None:
        may_retry = not self._is_ending and len(self._invites) < _MOST_INVITES
        again = self._authorized(owner.request, response) if may_retry else None
        if again is None:
            self.refusal = response
        else:
            self._invites.append(Transaction(again, self._wire, now))

    def _authorized(self, request: Request, response: Response) -> Request | None:
        """Return ``request`` with the answer to a challenge, if it was not already answered in vain."""
        if response.status not in (401, 407) or self._credentials is None:
            return None
        challenge = challenge_in(response)
        if challenge is None or (request.header(challenge.header) and not challenge.is_stale):
            return None
        answer = authorization(challenge, self._credentials, request.method, request.uri)
        return requests.authorized(request, self._wire.place, answer)

    def _take_answer(self, owner: Transaction, answer: Response, now: float) -> None:
        """Acknowledge an answer each time that it comes. End it if it is not wanted, or no longer."""
        dialog = requests.dialog_of(answer)
        if dialog in self._acks:
            self._wire.send(self._acks[dialog])
            return
        if len(self._acks) == _MOST_DIALOGS:
            return
        self._acks[dialog] = requests.ack_of_answer(owner.request, answer, self._wire.place).encode()
        self._wire.send(self._acks[dialog])
        self.has_rung = True
        self._lapses_at = math.inf
        is_first, self.answer = self.answer is None, self.answer or answer
        if self._is_ending or not is_first:
            self._send_bye(answer, now)

    def _send_cancel(self, now: float) -> None:
        self._cancels.append(Transaction(requests.cancel(self._invite.request), self._wire, now))
        self._lapses_at = now + self._wire.timers.give_up

    def _send_bye(self, answer: Response, now: float) -> None:
        request = requests.bye(self._invite.request, answer, self._wire.place)
        self._byes.append(Transaction(request, self._wire, now))

    def _serve(self, request: Request) -> None:
        """Answer a request of the callee."""
        if request.method == "ACK":
            return
        if not self._is_within(request):
            status, reason = 481, "Call/Transaction Does Not Exist"
        elif request.method == "BYE":
            self.was_left = True
            status, reason = 200, "OK"
        elif request.method == "OPTIONS":
            status, reason = 200, "OK"
        elif request.method == "INVITE":  # other audio is not wanted, and the call goes on as it was (§14.2)
            status, reason = 488, "Not Acceptable Here"
        else:
            status, reason = 405, "Method Not Allowed"
        self._wire.send(requests.reply(request, status, reason).encode())

    def _is_within(self, request: Request) -> bool:
        """Return whether a request belongs to a call that was answered (§12.2.2)."""
        ours = parameter(self._invite.request.header("From"), "tag")
        theirs = parameter(request.header("From"), "tag")
        is_ours = (request.call_id, parameter(request.header("To"), "tag")) == (self.id, ours)
        return is_ours and theirs in self._acks
