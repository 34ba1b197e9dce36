"""A user who has logged in often has many sessions that are closed. No login reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, inspect

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.testing.storage_contract.samples import NOON
from flask_otpauth.testing.storage_contract.sessions import session_of
from tests.adapters.databases import database_of

QUERY = "SELECT id FROM otpauth_sessions WHERE user_id = 'ann' AND closed_at IS NULL"
#: How each database shows that it reads the index, in which no closed session is.
LOOKED_UP = {
    "sqlite": "INDEX ix_otpauth_sessions_user_id_closed_at (user_id=? AND closed_at=?)",
    "postgresql": "Index Scan using ix_otpauth_sessions_user_id_closed_at",
}


@pytest.mark.parametrize("kind", LOOKED_UP)
def test_the_open_sessions_of_a_user_are_found_without_the_closed_ones(kind: str, tmp_path: Path) -> None:
    with database_of(kind, tmp_path) as url:
        engine = create_engine(url)
        storage = SqlAlchemyStorage(engine)
        storage.create_all()
        users = ["ann", *(f"user {number}" for number in range(99))]
        rows = [vars(replace(session_of(user), closed_at=NOON)) for user in users for _ in range(20)]

        with engine.begin() as connection:
            connection.execute(insert(storage.tables.sessions), rows)
            connection.exec_driver_sql("ANALYZE")
            explain = "EXPLAIN QUERY PLAN" if kind == "sqlite" else "EXPLAIN"
            plan = "\n".join(map(str, connection.exec_driver_sql(f"{explain} {QUERY}")))
        engine.dispose()

    assert LOOKED_UP[kind] in plan


@pytest.mark.parametrize("kind", LOOKED_UP)
def test_only_the_primary_key_has_an_entry_for_a_closed_session(kind: str, tmp_path: Path) -> None:
    with database_of(kind, tmp_path) as url:
        engine = create_engine(url)
        SqlAlchemyStorage(engine).create_all()
        indexes = {index["name"]: index for index in inspect(engine).get_indexes("otpauth_sessions")}
        engine.dispose()

    where = {name: str(index["dialect_options"][f"{kind}_where"]) for name, index in indexes.items()}
    assert {name: text.strip("()") for name, text in where.items()} == {
        "ix_otpauth_sessions_user_id_closed_at": "closed_at IS NULL",
        "ix_otpauth_sessions_alone_for": "alone_for IS NOT NULL",
    }
