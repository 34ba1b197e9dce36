"""
Signals (blinker) that a host can listen to. The sender of each signal is the app.

The arguments of a signal never contain a code, a token or a secret. ``recipient`` and ``subject`` are
full addresses, because a listener may need them. Mask them before you log them.
"""

from __future__ import annotations

from blinker import Namespace

__all__ = [
    "ALL",
    "answer_not_kept",
    "circuit_closed",
    "circuit_opened",
    "code_accepted",
    "code_issued",
    "code_refused",
    "code_sent",
    "delivery_reported",
    "request_limited",
    "secret_refused",
    "send_failed",
    "sender_failed",
    "session_opened",
    "session_revoked",
    "test_identity_used",
    "token_reused",
    "withdraw_failed",
]

_signals = Namespace()

#: A code was issued and is not sent yet: ``purpose``, ``subject``.
code_issued = _signals.signal("code_issued")
#: A message was sent, or may have been sent: ``channel``, ``recipient``, ``purpose``, ``receipt``.
code_sent = _signals.signal("code_sent")
#: A message was certainly not sent: the arguments of :data:`code_sent`.
send_failed = _signals.signal("send_failed")
#: A sender did not send a message, and the next one of its route is tried: the arguments of
#: :data:`code_sent`. ``receipt.sender`` is the name of the sender.
sender_failed = _signals.signal("sender_failed")
#: A sender rests after failures of its provider, for all workers: ``name``, ``receipt`` (the last failure).
circuit_opened = _signals.signal("circuit_opened")
#: A sender that rested works again: ``name``.
circuit_closed = _signals.signal("circuit_closed")
#: A provider has reported what became of a message: ``channel``, ``sender_name``, ``report``.
delivery_reported = _signals.signal("delivery_reported")
#: A request for a code was refused: ``purpose``, ``subject``, ``reason`` (cooldown, quota, lock).
request_limited = _signals.signal("request_limited")
#: A code was accepted and used up: ``purpose``, ``subject``.
code_accepted = _signals.signal("code_accepted")
#: A guess was refused: ``purpose``, ``subject``, ``reason`` (which the client may not know).
code_refused = _signals.signal("code_refused")
#: A login opened a session: ``user_id``, ``session_id``.
session_opened = _signals.signal("session_opened")
#: Sessions were revoked: ``user_id``, ``count``.
session_revoked = _signals.signal("session_revoked")
#: A refresh token was used twice, so its session was revoked: ``user_id``, ``session_id``.
token_reused = _signals.signal("token_reused")
#: A code could not be withdrawn after its message was not sent, so its quota stays used.
withdraw_failed = _signals.signal("withdraw_failed")
#: A PIN or a password was wrong: ``kind``, ``user_id``, ``blocked`` (whether it is blocked now).
secret_refused = _signals.signal("secret_refused")
#: The answer to a request with an idempotency key could not be kept with it, because the store was down. A
#: repetition is refused for two minutes, and is done again after that.
answer_not_kept = _signals.signal("answer_not_kept")
#: A test identity was issued its fixed code, and no message was sent: ``purpose``, ``recipient``.
test_identity_used = _signals.signal("test_identity_used")

#: Every signal by its name.
ALL = {name: signal for name, signal in globals().items() if name in _signals}
