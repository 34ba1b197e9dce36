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
    """A text that is a secret. Its ``repr`` shows neither the text nor its length."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _MASK

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> SensitiveBytes:
        """Its bytes, as secret as the text."""
        return SensitiveBytes(super().encode(encoding, errors))


class SensitiveBytes(bytes):
    """Bytes that are a secret."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _MASK

    __str__ = __repr__

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> Sensitive:
        """Its text, as secret as the bytes."""
        return Sensitive(super().decode(encoding, errors))


@overload
def sensitive(value: str) -> Sensitive: ...


@overload
def sensitive(value: T) -> T: ...


def sensitive(value: object) -> object:
    """Return ``value`` as a secret if it is a text, and any other value unchanged."""
    return Sensitive(value) if isinstance(value, str) else value


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
