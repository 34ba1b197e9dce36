"""What a test submits in place of the right code."""

from __future__ import annotations


def another(code: str) -> str:
    """A code of the same length that is not ``code``."""
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"
