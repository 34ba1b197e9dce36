"""
Secrets with a masked ``repr``, because crash reporters store the ``repr`` of local variables.

Codes, PINs, passwords and tokens have these types from the moment that they are read or drawn.
Wherever a text is used (``str``, ``format``, JSON, a template, a database) they are the plain
text. What is derived from them is a plain ``str`` again, and must be wrapped before it is
assigned to a variable.
"""

from __future__ import annotations

from typing import Any, TypeVar

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


def sensitive(value: T) -> T | Any:
    """``value`` as a secret if it is a text; any other value unchanged."""
    return Sensitive(value) if isinstance(value, str) else value
