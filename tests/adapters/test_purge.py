"""A purge stands in nobody's way."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.testing.storage_contract.samples import DAY, NOON, Subject, cap_of, two_rows
from flask_otpauth.testing.storage_contract.sessions import session_of
from tests.adapters.databases import emptied

LATER = NOON + 100 * DAY


@pytest.fixture
def storage(postgresql_url: str) -> Iterator[SqlAlchemyStorage]:
    engine = create_engine(postgresql_url)
    storage = SqlAlchemyStorage(engine)
    emptied(storage)
    yield storage
    engine.dispose()


def test_a_purge_waits_for_no_request_and_spares_the_rows_that_it_writes(storage: SqlAlchemyStorage) -> None:
    cap, busy, idle = cap_of(2), two_rows(), two_rows()
    session = session_of("busy")
    for subject in (busy, idle):
        storage.challenges.issue(subject.issue(cap=cap))
    storage.sessions.open(session, closing_others=False)

    with ThreadPoolExecutor(1) as other, storage.transaction():
        storage.challenges.issue(busy.issue(now_ms=LATER))
        storage.sessions.close(session.id, LATER)
        deleted = other.submit(storage.purge, LATER).result(30)

    # The two rows of the other subject, and the counter.
    assert deleted == 3
    assert storage.challenges.reference(busy.limits_key) is not None
    assert storage.sessions.find(session.id) is not None


def test_a_second_purge_waits_for_no_other(storage: SqlAlchemyStorage) -> None:
    subjects: list[Subject] = [two_rows() for _ in range(5)]
    for subject in subjects:
        storage.challenges.issue(subject.issue())

    with ThreadPoolExecutor(1) as other, storage.transaction():
        first = storage.purge(LATER)
        second = other.submit(storage.purge, LATER).result(30)

    assert (first, second) == (10, 0)
