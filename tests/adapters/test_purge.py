"""A purge stands in nobody's way, and deletes nothing that is needed again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat

import pytest
from sqlalchemy import create_engine, event

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.core.challenges import GuessState
from flask_otpauth.testing.storage_contract.samples import (
    DAY,
    NOON,
    Subject,
    cap_of,
    one_row,
    purged,
    two_rows,
)
from flask_otpauth.testing.storage_contract.sessions import session_of
from tests.adapters.databases import emptied

LATER = NOON + 100 * DAY


@pytest.fixture(params=["postgresql", "mariadb"])
def storage(request: pytest.FixtureRequest) -> Iterator[SqlAlchemyStorage]:
    engine = create_engine(request.getfixturevalue(f"{request.param}_url"))
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

    with ThreadPoolExecutor(1) as other, storage.database.transaction():
        storage.challenges.issue(busy.issue(now_ms=LATER))
        storage.sessions.close(session.id, LATER)
        deleted = other.submit(purged, storage, LATER).result(30)

    # The two rows of the other subject, and the counter.
    assert deleted == 3
    assert storage.challenges.reference(busy.limits_key) is not None
    assert storage.sessions.find(session.id) is not None


def test_a_row_that_is_needed_again_before_it_is_deleted_stays(storage: SqlAlchemyStorage) -> None:
    def issue_again(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        # MariaDB locks the rows first.
        if (sql.startswith("DELETE") or sql.endswith("SKIP LOCKED")) and next(is_first):
            other.challenges.issue(subject.issue(now_ms=LATER))

    subject, engine, is_first = one_row(), storage.database.engine, chain([True], repeat(False))
    storage.challenges.issue(subject.issue())
    other_engine = create_engine(engine.url)
    other = SqlAlchemyStorage(other_engine)
    event.listen(engine, "before_cursor_execute", issue_again)

    deleted = purged(storage, LATER)
    other_engine.dispose()

    assert deleted == 0
    assert storage.challenges.redeem(subject.guess(now_ms=LATER)).state is GuessState.ACCEPTED


def test_a_second_purge_waits_for_no_other(storage: SqlAlchemyStorage) -> None:
    subjects: list[Subject] = [two_rows() for _ in range(5)]
    for subject in subjects:
        storage.challenges.issue(subject.issue())

    with ThreadPoolExecutor(1) as other, storage.database.transaction():
        first = purged(storage, LATER)
        second = other.submit(purged, storage, LATER).result(30)

    assert (first, second) == (10, 0)
