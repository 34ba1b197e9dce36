"""Storage in MariaDB keeps the contract, on threads and on processes."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.testing.storage_contract import StorageContract
from tests.adapters.databases import emptied, let_go


class TestMariadb(StorageContract):
    @staticmethod
    def open_storage(where: str) -> SqlAlchemyStorage:
        return SqlAlchemyStorage(create_engine(where, pool_size=10, max_overflow=0))

    @staticmethod
    def close_storage(storage: SqlAlchemyStorage) -> None:
        let_go(storage)

    @pytest.fixture
    def where(self, mariadb_url: str) -> str:
        storage = self.open_storage(mariadb_url)
        emptied(storage)
        let_go(storage)
        return mariadb_url
