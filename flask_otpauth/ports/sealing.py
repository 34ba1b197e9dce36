"""Encrypting what waits in a table until it is sent."""

from __future__ import annotations

from typing import Protocol


class SealBroken(Exception):
    """Sealed bytes cannot be opened: they were changed, or their key was removed."""


class Sealing(Protocol):
    """Encrypts bytes, and proves when they are decrypted that nobody has changed them."""

    def seal(self, content: bytes) -> bytes:
        """Encrypt ``content`` with the newest key."""

    def open(self, sealed: bytes) -> bytes:
        """
        Return the content. It may have been sealed with any key that is still in use.

        :raises SealBroken: if it cannot be opened.
        """
