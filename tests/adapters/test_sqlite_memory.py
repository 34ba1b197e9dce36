"""Storage in an in-memory SQLite of our own keeps the contract of one process."""

from __future__ import annotations

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage, memory_engine
from flask_otpauth.testing.storage_contract import OneProcessStorageContract
from tests.adapters.databases import let_go


class TestSqliteInMemory(OneProcessStorageContract):
    @staticmethod
    def open_storage(where: str) -> SqlAlchemyStorage:
        return SqlAlchemyStorage(memory_engine())

    @staticmethod
    def close_storage(storage: SqlAlchemyStorage) -> None:
        let_go(storage)
