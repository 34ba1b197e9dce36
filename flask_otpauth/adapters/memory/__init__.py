"""A storage in the memory of one process."""

from __future__ import annotations

from flask_otpauth.adapters.memory.storage import MemoryStorage

__all__ = ["MemoryStorage"]
