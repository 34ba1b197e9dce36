"""A user who has logged in often has many sessions that are closed. No login reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.testing.storage_contract.samples import NOON
from flask_otpauth.testing.storage_contract.sessions import session_of
from tests.adapters.databases import database_of

QUERY = "SELECT id FROM otpauth_sessions WHERE user_id = 'ann' AND closed_at IS NULL"
#: What is looked up in the index, as each database shows it.
LOOKED_UP = {
    "sqlite": "(user_id=? AND closed_at=?)",
    "postgresql": "Index Cond: (((user_id)::text = 'ann'::text) AND (closed_at IS NULL))",
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
