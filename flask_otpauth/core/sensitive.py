"""
Secrets that do not show themselves: what a crash reporter reads of a frame is ``repr``.

A code, PIN, password or token is one of these from the moment that it enters or is drawn. It is
its text wherever a text is used (``str``, ``format``, JSON, a template, a database). What is
derived from it is plain text again, and made sensitive where a name is given to it.
"""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")

_MASK = "'***'"


class Sensitive(str):
    """A text that is a secret. Its ``repr`` shows nothing of it, its length neither."""

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
    """``value`` as a secret where it is text; anything else as it is."""
    return Sensitive(value) if isinstance(value, str) else value
