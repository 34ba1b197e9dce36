"""Storage in memory keeps the contract of one process."""

from __future__ import annotations

from flask_otpauth.adapters.memory.storage import MemoryStorage
from flask_otpauth.testing.storage_contract import OneProcessStorageContract


class TestMemory(OneProcessStorageContract):
    @staticmethod
    def open_storage(where: str) -> MemoryStorage:
        return MemoryStorage()
