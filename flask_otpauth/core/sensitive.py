"""
What crash reports and logs must not show.

Crash reporters store the ``repr`` of local variables, so secrets have types with a masked ``repr``.
Codes, PINs, passwords and tokens have these types from the moment that they are read or drawn.
Wherever a text is used (``str``, ``format``, JSON, a template, a database) they are the plain
text. What is derived from them is a plain ``str`` again, and must be wrapped before it is
assigned to a variable.

Logs, terminals and other ``repr`` show addresses masked, and text from outside on one line.
"""

from __future__ import annotations

import json
from typing import TypeVar, overload

T = TypeVar("T")

_MASK = "'***'"


class Sensitive(str):
    """A secret text. Its ``repr`` shows neither the text nor its length."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _MASK

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> SensitiveBytes:
        """Return its bytes, which are secret too."""
        return SensitiveBytes(super().encode(encoding, errors))


class SensitiveBytes(bytes):
    """Secret bytes. Their ``repr`` shows neither the bytes nor their length."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _MASK

    __str__ = __repr__

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> Sensitive:
        """Return its text, which is secret too."""
        return Sensitive(super().decode(encoding, errors))


@overload
def sensitive(value: str) -> Sensitive: ...


@overload
def sensitive(value: T) -> T: ...


def sensitive(value: object) -> object:
    """Return ``value`` as a secret if it is a text, and any other value unchanged."""
    return Sensitive(value) if isinstance(value, str) else value


#: The length of the longest text that is shown completely. No address is longer (RFC 5321 §4.5.3.1.3).
LONGEST_SHOWN = 256


def mask_address(address: str) -> str:
    """Return an address with just enough left to recognize it: ``u***@example.com``, ``+84*******43``."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain}"
    if len(address) < 8:
        return "*" * len(address)
    return f"{address[:3]}{'*' * (len(address) - 5)}{address[-2:]}"


def one_line(text: str, longest: int = LONGEST_SHOWN) -> str:
    """
    Return ``text`` on one line of at most ``longest`` characters, so that it cannot forge a line of a log.

    Characters that do not print, such as line breaks, are escaped as in JSON.
    """
    shown = printable(text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def encodable(text: str, encoding: str | None) -> str:
    """Return ``text`` with escapes for the characters that a terminal of that encoding does not have."""
    known = encoding or "utf-8"
    return text.encode(known, "backslashreplace").decode(known)


def printable(text: str, but: str = "") -> str:
    """Return ``text`` with escapes for the characters that do not print, except those in ``but``."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in but else json.dumps(char)[1:-1] for char in text)
