"""
Codes in hash partitions, as the page on operations makes them, keep the contract.

The parts of the contract are those in which a partition could make a difference: no other table has any, and
the rules of limits and clocks are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.testing.storage_contract.acts import ActContract
from flask_otpauth.testing.storage_contract.code_races import CodeRaces
from flask_otpauth.testing.storage_contract.codes import CodeContract
from flask_otpauth.testing.storage_contract.logins import LoginContract
from flask_otpauth.testing.storage_contract.purges import PurgeContract
from flask_otpauth.testing.storage_contract.requests import RequestContract
from flask_otpauth.testing.storage_contract.samples import one_row
from flask_otpauth.testing.storage_contract.transactions import TransactionContract
from tests.adapters.databases import OnServer, postgresql_schema
from tests.docs.shell import blocks


@pytest.fixture(scope="module")
def partitioned_url() -> Iterator[str]:
    """A schema in which the table of codes has partitions."""
    (partitioning,) = (block for block in blocks("operations.md", "sql") if "PARTITION" in block)
    with postgresql_schema() as url:
        engine = create_engine(url)
        SqlAlchemyStorage(engine).create_all()
        with engine.begin() as connection:
            connection.execute(text(partitioning))
        engine.dispose()
        yield url


def test_migrations_leave_the_partitions_if_they_are_told_to(partitioned_url: str) -> None:
    names: dict[str, Any] = {}
    (block,) = blocks("operations.md", "python")
    exec(block, names)
    engine = create_engine(partitioned_url)
    metadata = SqlAlchemyStorage(engine).tables.metadata

    with engine.connect() as connection:
        plain = MigrationContext.configure(connection)
        told = MigrationContext.configure(connection, opts={"include_name": names["include_name"]})
        changes = [compare_metadata(context, metadata) for context in (plain, told)]
    engine.dispose()

    assert [len(each) for each in changes] == [4, 0]


class TestPartitions(
    OnServer,
    CodeContract,
    RequestContract,
    CodeRaces,
    LoginContract,
    ActContract,
    PurgeContract,
    TransactionContract,
):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, partitioned_url: str) -> str:
        return partitioned_url

    def test_the_codes_are_in_all_partitions(self, storage: SqlAlchemyStorage) -> None:
        for _ in range(100):
            storage.challenges.issue(one_row().issue())

        with storage.database.engine.connect() as connection:
            found = connection.execute(
                text("SELECT tableoid::regclass::text AS part, count(*) FROM otpauth_challenges GROUP BY 1")
            ).all()

        assert len(found) == 4
