"""
Signals (blinker) that a host may listen to. Each is sent with the app as its sender.

Facts never hold a code, a token or a secret; ``recipient`` and ``subject`` are whole
addresses, since a listener may need them: mask them before you log them.
"""

from __future__ import annotations

from blinker import Namespace

__all__ = [
    "ALL",
    "code_accepted",
    "code_issued",
    "code_refused",
    "code_sent",
    "request_limited",
    "secret_refused",
    "send_failed",
    "session_opened",
    "session_revoked",
    "token_reused",
    "withdraw_failed",
]

_signals = Namespace()

#: A code is live: ``purpose``, ``subject``. Nothing was sent yet.
code_issued = _signals.signal("code_issued")
#: A message was handed over, or may have been: ``channel``, ``recipient``, ``purpose``, ``receipt``.
code_sent = _signals.signal("code_sent")
#: A message was definitely not handed over: facts as :data:`code_sent`.
send_failed = _signals.signal("send_failed")
#: A request for a code met a limit: ``purpose``, ``subject``, ``reason`` (cooldown, quota, lock).
request_limited = _signals.signal("request_limited")
#: A code was accepted and consumed: ``purpose``, ``subject``.
code_accepted = _signals.signal("code_accepted")
#: A guess was refused: ``purpose``, ``subject`` and the ``reason`` that the client may not see.
code_refused = _signals.signal("code_refused")
#: A login opened a session: ``user_id``, ``session_id``.
session_opened = _signals.signal("session_opened")
#: Sessions were revoked: ``user_id``, ``count``.
session_revoked = _signals.signal("session_revoked")
#: A refresh token was presented a second time and its session revoked: ``user_id``, ``session_id``.
token_reused = _signals.signal("token_reused")
#: A code could not be withdrawn after a failed sending; its quota stays used.
withdraw_failed = _signals.signal("withdraw_failed")
#: A PIN or a password was wrong: ``kind``, ``user_id``, and whether that ``blocked`` it.
secret_refused = _signals.signal("secret_refused")

#: Every signal by its name.
ALL = {name: signal for name, signal in globals().items() if name in _signals}
