"""Gives a call what its transport receives, and tells it the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from flask_otpauth.adapters.senders.sip.call import Call
from flask_otpauth.adapters.senders.sip.transport import Transport

#: So many calls that have ended are listened to at the same time.
_MOST_LINGERING = 200
_lingering = threading.BoundedSemaphore(_MOST_LINGERING)


def drive(call: Call, transport: Transport, until: float, is_done: Callable[[], bool]) -> None:
    """
    Drive ``call`` until ``is_done``, but not longer than ``until``, an instant of the monotonic clock.

    :raises OSError: if the connection is broken.
    """
    while not is_done() and (now := time.monotonic()) < until:
        call.tick(now)
        data = transport.receive(min(until, call.due))
        if data is not None:
            call.receive(data, time.monotonic())


def linger(call: Call, transport: Transport, seconds: float) -> None:
    """
    Answer in a thread what still comes for a call, for so many seconds, and close its transport.

    If nothing can come, it is closed at once: a reliable transport repeats nothing after the end of a call.

    A response comes again if its ACK was lost (RFC 3261 §17.1.1.2, timer D), and one that nobody has waited
    for must still be ended. If very many calls end at the same time, the oldest alone are listened to.
    """
    is_reliable = transport.place.transport == "TCP"
    if (call.is_over and is_reliable) or not _lingering.acquire(blocking=False):
        transport.close()
        return

    def listen() -> None:
        try:
            # A broken connection brings nothing more.
            with suppress(OSError):
                drive(call, transport, time.monotonic() + seconds, lambda: False)
        finally:
            transport.close()
            _lingering.release()

    threading.Thread(target=listen, name="sip-linger", daemon=True).start()
