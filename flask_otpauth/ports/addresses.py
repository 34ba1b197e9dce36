"""Addresses in one canonical form, so that another spelling does not bring a second quota."""

from __future__ import annotations

from typing import Protocol


class Addresses(Protocol):
    """Parses what a client sent. Methods raise ``ValueError`` if it is not an address."""

    def email(self, text: str) -> str:
        """Return the canonical form of exactly one plain ``addr-spec``."""

    def phone(self, text: str, region: str | None) -> str:
        """Return E.164 (``+84987654321``). ``region`` (ISO 3166) is the region of national numbers."""

    def possible_phone(self, text: str, region: str) -> str:
        """Return E.164 of a number whose length is possible in ``region``, even if it is not in use."""

    def without_separators(self, text: str) -> str:
        """Return ``text`` without spaces, dashes and parentheses."""

    def with_country_code(self, country_code: str, text: str) -> str:
        """Return E.164 of a number with a separate country calling code (``84``, ``+84``)."""

    def is_country_code(self, text: str) -> bool:
        """Return whether ``text`` is a country calling code (``84``, ``+84``, ``0084``)."""

    def is_mobile(self, text: str, region: str | None) -> bool:
        """Return whether ``text`` is a valid number that may be a mobile one."""
