"""What logs and ``repr`` may show of an address."""

from __future__ import annotations


def masked(address: str) -> str:
    """An address with just enough left to recognise it: ``u***@example.com``, ``+84*******43``."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain}"
    if len(address) < 8:
        return "*" * len(address)
    return f"{address[:3]}{'*' * (len(address) - 5)}{address[-2:]}"
