"""Drawing codes, and what shape a submitted one must have."""

from __future__ import annotations

import re
import secrets


def draw_code(length: int) -> str:
    """``length`` ASCII digits, uniform, from the system's generator (NIST SP 800-63B-4 §3.2.12)."""
    return f"{secrets.randbelow(10**length):0{length}d}"


def draw_nonce() -> str:
    """A name for one issue or one guess: 16 URL-safe characters."""
    return secrets.token_urlsafe(12)


def is_digits(text: object, shortest: int, longest: int | None = None) -> bool:
    """Whether ``text`` is a string of ASCII digits of that length; other scripts' digits are not."""
    longest = shortest if longest is None else longest
    return isinstance(text, str) and bool(re.fullmatch(f"[0-9]{{{shortest},{longest}}}", text, re.ASCII))
