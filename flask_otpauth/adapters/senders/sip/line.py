"""A call on its transport, within the deadlines of its trunk."""

from __future__ import annotations

import time
from collections.abc import Callable

from flask_otpauth.adapters.senders.sip.call import Call
from flask_otpauth.adapters.senders.sip.declaration import SipTrunk
from flask_otpauth.adapters.senders.sip.driving import drive
from flask_otpauth.adapters.senders.sip.media import Audio
from flask_otpauth.adapters.senders.sip.transport import Transport

#: How long the end of a call may take. Whatever comes later is answered by a thread.
_HANG_UP_SECONDS = 2.0


class Line:
    """What is done with a call that was dialed. ``OSError`` is raised if its connection breaks."""

    def __init__(self, call: Call, transport: Transport, trunk: SipTrunk) -> None:
        #: Whether the phone got all of the audio.
        self.has_spoken = False
        self._call = call
        self._transport = transport
        self._trunk = trunk
        self._ends_at = time.monotonic() + trunk.total_seconds - _HANG_UP_SECONDS

    def ring(self) -> None:
        """Let the phone ring, and hang up."""
        call = self._call
        if self._reaches_trunk():
            self._wait(self._trunk.answer_seconds, lambda: call.has_rung or call.is_over)
        if call.has_rung:
            self._wait(self._trunk.ring_seconds, lambda: call.answer is not None or call.is_over)
        self._hang_up()

    def speak(self, audio: Audio, sound: bytes) -> None:
        """Wait until the phone is answered, play ``sound``, and hang up."""
        call = self._call
        if self._reaches_trunk():
            self._wait(self._trunk.answer_seconds, lambda: call.answer is not None or call.is_over)
        target = audio.target(call.answer.body) if call.answer else None
        if target is not None:
            self.has_spoken = audio.play(sound, target, self._goes_on)
        self._hang_up()

    def _reaches_trunk(self) -> bool:
        self._wait(self._trunk.connect_seconds, lambda: self._call.is_heard)
        return self._call.is_heard

    def _goes_on(self, until: float) -> bool:
        """Wait until that instant. Return whether the call still goes on then."""
        drive(self._call, self._transport, until, lambda: self._call.is_over)
        return not self._call.is_over and until < self._ends_at

    def _wait(self, seconds: float, is_done: Callable[[], bool]) -> None:
        drive(self._call, self._transport, min(time.monotonic() + seconds, self._ends_at), is_done)

    def _hang_up(self) -> None:
        now = time.monotonic()
        self._call.hang_up(now)
        if self._call.is_heard:
            drive(self._call, self._transport, now + _HANG_UP_SECONDS, lambda: self._call.is_over)
