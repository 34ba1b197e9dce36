"""Storage in PostgreSQL keeps the contract, on threads and on processes."""

from __future__ import annotations

import pytest

from flask_otpauth.testing.storage_contract import StorageContract
from tests.adapters.databases import OnServer


class TestPostgresql(OnServer, StorageContract):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, postgresql_url: str) -> str:
        return postgresql_url
