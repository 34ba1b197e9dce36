"""What logs, terminals and ``repr`` may show of what came from outside."""

from __future__ import annotations

import json

#: The longest text that is shown whole, in characters: no address is longer (RFC 5321 §4.5.3.1.3).
LONGEST_SHOWN = 256


def masked(address: str) -> str:
    """An address with just enough left to recognise it: ``u***@example.com``, ``+84*******43``."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain}"
    if len(address) < 8:
        return "*" * len(address)
    return f"{address[:3]}{'*' * (len(address) - 5)}{address[-2:]}"


def one_line(text: str, longest: int = LONGEST_SHOWN) -> str:
    """
    ``text`` on one line and no longer than ``longest``, so that nobody can forge a line of a log.

    Characters that do not print (line breaks, control and direction characters) are escaped as in JSON.
    """
    shown = printable(text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def encodable(text: str, encoding: str | None) -> str:
    """``text`` with escapes for the characters that a terminal of that encoding does not have."""
    known = encoding or "utf-8"
    return text.encode(known, "backslashreplace").decode(known)


def printable(text: str, but: str = "") -> str:
    """``text`` with escapes for the characters that do not print, except those in ``but``."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in but else json.dumps(each)[1:-1] for each in text)
