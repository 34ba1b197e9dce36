"""What an app does with what it is told: count refusals, and warn whose session was copied."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask_otpauth import signals

refusals: Counter[str] = Counter()
warned: list[str] = []


@signals.code_refused.connect
def count_refusal(app: Any, purpose: str, subject: str, reason: str) -> None:
    """Here the app would feed its metrics."""
    refusals[reason] += 1


@signals.token_reused.connect
def warn(app: Any, user_id: str, session_id: str) -> None:
    """Here the app would write to the user."""
    warned.append(user_id)
