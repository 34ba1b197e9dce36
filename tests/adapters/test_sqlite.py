"""Storage in a SQLite file keeps the contract, on threads and on processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.testing.storage_contract import StorageContract
from tests.adapters.databases import let_go, sqlite_engine


class TestSqlite(StorageContract):
    @staticmethod
    def open_storage(where: str) -> SqlAlchemyStorage:
        return SqlAlchemyStorage(sqlite_engine(where))

    @staticmethod
    def close_storage(storage: SqlAlchemyStorage) -> None:
        let_go(storage)

    @pytest.fixture
    def where(self, tmp_path: Path) -> str:
        return str(tmp_path / "otpauth.sqlite")
