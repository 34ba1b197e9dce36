"""Addresses in one canonical form, so that no spelling of one gets a second quota."""

from __future__ import annotations

from typing import Protocol


class Addresses(Protocol):
    """Parses what a client sent. Each method raises ``ValueError`` for what is no address."""

    def email(self, text: str) -> str:
        """The canonical form of exactly one plain ``addr-spec``."""

    def phone(self, text: str, region: str | None) -> str:
        """E.164 (``+84987654321``); ``region`` (ISO 3166) is where national numbers belong."""

    def possible_phone(self, text: str, region: str) -> str:
        """E.164 of a number that ``region`` could have by its length, whether in use or not."""

    def unspaced(self, text: str) -> str:
        """``text`` without spaces, dashes and parentheses, for a rule about what is left."""

    def dialled(self, country_code: str, text: str) -> str:
        """E.164 of a number given beside its country calling code (``84``, ``+84``)."""

    def is_country_code(self, text: str) -> bool:
        """Whether ``text`` is a country calling code (``84``, ``+84``, ``0084``)."""

    def is_mobile(self, text: str, region: str | None) -> bool:
        """Whether ``text`` is a valid number of type mobile (or fixed line or mobile)."""
