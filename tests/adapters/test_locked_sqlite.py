"""A SQLite file that somebody else has locked: an error that says who, and nothing half done."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.core.challenges import GuessState
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.sessions import Session
from flask_otpauth.testing.storage_contract.samples import COOLDOWN, NOON, one_row


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path}/app.sqlite", connect_args={"timeout": 0.05})
    yield engine
    engine.dispose()


@pytest.fixture
def storage(engine: Engine) -> SqlAlchemyStorage:
    storage = SqlAlchemyStorage(
        engine, describe_lock_holder=lambda: "This request's db.session has written to invoice."
    )
    storage.create_all()
    return storage


@pytest.fixture
def host(engine: Engine, storage: SqlAlchemyStorage) -> Iterator[Connection]:
    """The host's connection, in the midst of a transaction that has written."""
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE invoice (id INTEGER)"))
        connection.commit()
        connection.execute(text("INSERT INTO invoice VALUES (1)"))
        yield connection


def test_the_error_says_which_transaction_of_the_host_is_open(
    storage: SqlAlchemyStorage, host: Connection
) -> None:
    with pytest.raises(StorageUnavailable) as caught:
        storage.challenges.issue(one_row().issue())

    assert str(caught.value) == (
        "the database is locked by another transaction. This request's db.session has written to invoice."
    )


def test_the_error_is_one_sentence_where_nobody_says_who_has_the_lock(
    engine: Engine, host: Connection
) -> None:
    with pytest.raises(StorageUnavailable) as caught:
        SqlAlchemyStorage(engine).challenges.issue(one_row().issue())

    assert str(caught.value) == "the database is locked by another transaction."


def test_no_digest_is_in_the_error_nor_in_what_caused_it(
    storage: SqlAlchemyStorage, host: Connection
) -> None:
    issue = one_row().issue()

    with pytest.raises(StorageUnavailable) as caught:
        storage.challenges.issue(issue)

    shown = "".join(traceback.format_exception(caught.value))
    assert "OperationalError" in shown
    assert repr(issue.digest) not in shown
    assert repr(issue.limits_key) not in shown


def test_nothing_was_decided_and_all_works_again_once_the_host_is_done(
    storage: SqlAlchemyStorage, host: Connection
) -> None:
    issue = one_row().issue("111111", send_limits=(COOLDOWN,))
    with pytest.raises(StorageUnavailable):
        storage.challenges.issue(issue)

    host.rollback()

    assert storage.challenges.issue(issue).issued


def test_sessions_are_still_checked(storage: SqlAlchemyStorage, engine: Engine) -> None:
    session = Session("s", "u", NOON, NOON, NOON + 1)
    storage.sessions.open(session, closing_others=True)

    with engine.connect() as host:
        host.execute(text("UPDATE otpauth_sessions SET ends_at = 0"))

        assert storage.sessions.find("s") == session


def test_a_host_in_the_midst_of_reading_makes_a_commit_fail_as_a_whole(
    storage: SqlAlchemyStorage, engine: Engine
) -> None:
    subject = one_row()
    storage.challenges.issue(subject.issue("111111"))

    with engine.connect() as host:
        reading = host.execute(text("SELECT 1 FROM otpauth_challenges UNION ALL SELECT 2"))
        reading.fetchone()
        with pytest.raises(StorageUnavailable):
            storage.challenges.redeem(subject.guess("111111"))
        reading.close()

    assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED


def test_a_commit_that_has_failed_is_not_made_up_for_by_the_next_one(tmp_path: Path) -> None:
    patience = {"timeout": 0.05}
    # The pool of this host does not roll back what it gets back.
    engine = create_engine(
        f"sqlite:///{tmp_path}/app.sqlite", connect_args=patience, pool_reset_on_return=None
    )
    storage, subject = SqlAlchemyStorage(engine), one_row()
    storage.create_all()
    storage.challenges.issue(subject.issue("111111"))

    with engine.connect() as host:
        reading = host.execute(text("SELECT 1 FROM otpauth_challenges UNION ALL SELECT 2"))
        reading.fetchone()
        with pytest.raises(StorageUnavailable), storage.database.transaction():
            storage.challenges.redeem(subject.guess("111111"))
        reading.close()
        host.rollback()
    for _ in range(2):
        with storage.database.transaction():
            storage.challenges.issue(one_row().issue())

    assert storage.challenges.redeem(subject.guess("111111")).state is GuessState.ACCEPTED
    engine.dispose()
