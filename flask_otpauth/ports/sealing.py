"""Encryption of what must be read again, but not by whoever copies a database or a queue."""

from __future__ import annotations

from typing import Protocol


class Unsealable(ValueError):
    """A text was not sealed with a key that is still in use, or it was changed."""


class Sealing(Protocol):
    """
    Encrypts texts, such as a code that waits in a queue.

    The keys are derived from the secrets of the app. A text is sealed with the newest one. It can be opened
    as long as its secret is on the list.
    """

    def seal(self, text: str) -> str:
        """Return ``text`` encrypted and signed, as URL-safe ASCII characters."""

    def open(self, sealed: str) -> str:
        """
        Return the text that was sealed.

        :raises Unsealable: if it was not sealed with one of the keys, or was changed.
        """
