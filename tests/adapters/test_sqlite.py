"""Storage in a SQLite file keeps the contract, on threads and on processes, and needs few connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, literal_column, select, text

from flask_otpauth.adapters.sqlalchemy.database import Database
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


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine with one connection."""
    url = f"sqlite:///{tmp_path / 'one.sqlite'}"
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    yield engine
    engine.dispose()


def checkouts_of(engine: Engine, work: Callable[[], object]) -> int:
    """How often ``work`` takes a connection from the pool."""
    taken = []

    def note(*_: object) -> None:
        taken.append(1)

    event.listen(engine.pool, "checkout", note)
    work()
    event.remove(engine.pool, "checkout", note)
    return len(taken)


def test_rows_are_kept_in_the_index_of_their_key_unless_they_are_long(engine: Engine) -> None:
    SqlAlchemyStorage(engine).create_all()

    with engine.connect() as connection:
        is_without = "sql LIKE '%WITHOUT ROWID%' AS is_without"
        query = text(f"SELECT name, {is_without} FROM sqlite_master WHERE type = 'table'")
        without_rowid = {row.name: row.is_without for row in connection.execute(query)}
    assert {name for name, is_without in without_rowid.items() if not is_without} == {"otpauth_deliveries"}


def test_several_statements_and_a_transaction_share_the_only_connection(engine: Engine) -> None:
    database = Database(engine)
    one = database.prepare(select(literal_column("1")))

    def work() -> None:
        with database.one_connection():
            assert one.rows() == [(1,)]
            assert database.atomically(one.rows) == [(1,)]
            with database.one_connection():
                assert one.rows() == [(1,)]

    assert checkouts_of(engine, work) == 1
    assert checkouts_of(engine, one.rows) == 1


def test_the_connection_is_given_back_after_an_error(engine: Engine) -> None:
    database = Database(engine)

    with pytest.raises(LookupError), database.one_connection():
        raise LookupError

    assert checkouts_of(engine, database.prepare(select(literal_column("1"))).rows) == 1


def test_a_transaction_that_is_left_open_is_rolled_back(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE notes (line TEXT)"))
        connection.commit()
    database = Database(engine)
    with database.one_connection():
        database.prepare(text("BEGIN")).rows()
        database.prepare(text("INSERT INTO notes VALUES ('x')")).rows()

    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM notes")).scalar() == 0
