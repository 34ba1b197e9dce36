"""Rings phones, and speaks to them, through a SIP trunk."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack, closing

from flask_otpauth.adapters.senders.declared_models import read
from flask_otpauth.adapters.senders.numbers import is_number
from flask_otpauth.adapters.senders.sip import receipts, requests
from flask_otpauth.adapters.senders.sip.call import Call
from flask_otpauth.adapters.senders.sip.declaration import SipTrunk
from flask_otpauth.adapters.senders.sip.digest import Credentials
from flask_otpauth.adapters.senders.sip.driving import linger
from flask_otpauth.adapters.senders.sip.line import Line
from flask_otpauth.adapters.senders.sip.media import Audio
from flask_otpauth.adapters.senders.sip.pcmu import RATE, SILENCE, encoded
from flask_otpauth.adapters.senders.sip.requests import Parties
from flask_otpauth.adapters.senders.sip.transactions import Timers, Wire
from flask_otpauth.adapters.senders.sip.transport import TcpTransport, Transport, UdpTransport
from flask_otpauth.core.sensitive import SensitiveBytes
from flask_otpauth.ports.senders import Message, Receipt, Status

#: Silence before and after the speech: a phone begins to play late, and plays the last packets late.
_PAUSE = SILENCE * (RATE // 2)


class SipSender:
    """
    Places a call for each message, through the trunk that was declared.

    On ``flashcall`` it lets the phone ring and hangs up: the number of the caller is the code. On ``voice``
    it waits for the answer, speaks the text, and hangs up. A phone that never rang is a definite failure.
    """

    def __init__(self, trunk: SipTrunk) -> None:
        self._trunk = trunk
        self._timers = Timers(trunk.t1_seconds)
        self._speak = trunk.speak()
        password = trunk.password.get_secret_value()
        self._credentials = Credentials(trunk.username, password) if trunk.username else None

    def problem_on(self, channel: str) -> str:
        """Return why it cannot send on ``channel``, or an empty text."""
        return "" if channel in ("flashcall", "voice") else "a SIP trunk places calls only"

    def send(self, message: Message) -> Receipt:
        """Call the recipient."""
        if problem := self.problem_on(message.channel):
            return Receipt(Status.REJECTED, detail=problem)
        if not is_number(message.recipient):
            return Receipt(Status.INVALID_RECIPIENT, detail="not a phone number")
        if message.caller_number and not is_number(message.caller_number):
            return Receipt(Status.REJECTED, detail="the caller's number is not a phone number")
        try:
            sound = self._spoken(message) if message.channel == "voice" else None
        except ValueError as error:
            return Receipt(Status.REJECTED, detail=str(error))
        try:
            transport = self._connected()
        except OSError as error:
            return Receipt(Status.UNAVAILABLE, detail=f"the trunk is not reachable: {type(error).__name__}")
        return self._place(message, transport, sound)

    def _spoken(self, message: Message) -> bytes:
        """
        Return the speech as PCMU.

        :raises ValueError: if there is none.
        """
        sound = encoded(self._speak(message.text, message.locale))
        if not sound:
            raise ValueError("the speech is empty")
        return SensitiveBytes(_PAUSE + sound + _PAUSE)

    def _connected(self) -> Transport:
        trunk = self._trunk
        if trunk.transport == "tcp":
            return TcpTransport(trunk.host, trunk.port, trunk.connect_seconds)
        return UdpTransport(trunk.host, trunk.port)

    def _place(self, message: Message, transport: Transport, sound: bytes | None) -> Receipt:
        """Place a call, and leave its transport to a thread that answers what comes later."""
        with ExitStack() as failing:
            failing.callback(transport.close)
            with closing(Audio(transport.place.host)) as audio:
                call = self._dialed(message, transport, audio)
                line = Line(call, transport, self._trunk)
                try:
                    line.ring() if sound is None else line.speak(audio, sound)
                except OSError as error:
                    return self._broken(call, line, sound, error)
            failing.pop_all()
            linger(call, transport, self._timers.give_up)
        return _receipt(call, line, sound)

    def _dialed(self, message: Message, transport: Transport, audio: Audio) -> Call:
        trunk = self._trunk
        parties = Parties(
            trunk.callee(message.recipient), trunk.caller(message.caller_number), trunk.asserted_identity
        )
        wire = Wire(transport.send, transport.place, self._timers)
        invite = requests.invite(parties, transport.place, audio.offer())
        return Call(invite, wire, self._credentials, time.monotonic())

    def _broken(self, call: Call, line: Line, sound: bytes | None, error: OSError) -> Receipt:
        """Return the receipt of a call whose connection broke."""
        if isinstance(error, ConnectionRefusedError) and not call.is_heard:
            return Receipt(Status.UNAVAILABLE, call.id, detail="nobody listens at the address of the trunk")
        return _receipt(call, line, sound)


def declared(declaration: Mapping[str, object]) -> SipSender:
    """
    Return the sender of a declaration with the profile ``sip``.

    :raises WrongDeclaration: with a sentence for each key that is wrong.
    """
    return SipSender(read(SipTrunk, declaration))


def _receipt(call: Call, line: Line, sound: bytes | None) -> Receipt:
    if sound is None:
        return receipts.of_flash_call(call)
    return receipts.of_spoken_call(call, is_spoken=line.has_spoken)
