"""An app that counts refused codes, and warns users whose session was copied."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask_otpauth import signals

refusals: Counter[str] = Counter()
warned: list[str] = []


@signals.code_refused.connect
def count_refusal(app: Any, purpose: str, subject: str, reason: str) -> None:
    """A real app would update its metrics here."""
    refusals[reason] += 1


@signals.token_reused.connect
def warn(app: Any, user_id: str, session_id: str) -> None:
    """A real app would notify the user here."""
    warned.append(user_id)
