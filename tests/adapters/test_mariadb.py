"""Storage in MariaDB keeps the contract, on threads and on processes. And what is done only there."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from graphlib import CycleError
from itertools import count
from threading import Barrier, BrokenBarrierError

import pymysql
import pytest
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, make_url, text, true
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.exc import IntegrityError

from flask_otpauth.adapters.sqlalchemy.database import TransactionLost
from flask_otpauth.adapters.sqlalchemy.directory.model import packaged_model
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory
from flask_otpauth.adapters.sqlalchemy.statements import Change
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.core.challenges import GuessState
from flask_otpauth.core.errors import StorageUnavailable
from flask_otpauth.core.sessions import Session
from flask_otpauth.testing.storage_contract import StorageContract
from flask_otpauth.testing.storage_contract.samples import (
    BUDGET,
    COOLDOWN,
    NOON,
    QUOTA,
    fresh_key,
    fresh_name,
    one_row,
)
from flask_otpauth.users import NewUser
from tests.adapters.databases import PATIENCE_SECONDS, OnServer, emptied, mariadb_database
from tests.adapters.test_budgets import PIN, Meter


class TestMariadb(OnServer, StorageContract):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, mariadb_url: str) -> str:
        return mariadb_url


# -- deadlocks and locks -----------------------------------------------------------------------------


@pytest.fixture
def engine(mariadb_url: str) -> Iterator[Engine]:
    engine = create_engine(mariadb_url, pool_size=10)
    yield engine
    engine.dispose()


@pytest.fixture
def storage(engine: Engine) -> SqlAlchemyStorage:
    storage = SqlAlchemyStorage(engine)
    emptied(storage)
    return storage


def failed(storage: SqlAlchemyStorage, key: bytes) -> int:
    """Count a failure of a PIN. Return how many there are."""
    return storage.secrets.fail(key, "h1", PIN, NOON)[1].failures


def test_a_transaction_that_ends_a_deadlock_is_repeated_as_a_whole(storage: SqlAlchemyStorage) -> None:
    keys, tries = (fresh_key(), fresh_key()), count()
    for key in keys:
        storage.secrets.put(key, "h1", replacing=None)
    both_have_one = Barrier(2)

    def fail_in(order: tuple[bytes, ...]) -> None:
        first, second = order
        failed(storage, first)
        if next(tries) < 2:
            both_have_one.wait(PATIENCE_SECONDS)
        failed(storage, second)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda order: storage.atomically(lambda: fail_in(order)), (keys, keys[::-1])))

    assert next(tries) == 3
    assert [storage.secrets.read(key).failures for key in keys] == [2, 2]


def test_what_an_operation_has_swallowed_is_not_committed_by_halves(storage: SqlAlchemyStorage) -> None:
    keys, both_have_one = (fresh_key(), fresh_key()), Barrier(2)
    for key in keys:
        storage.secrets.put(key, "h1", replacing=None)

    def fail_in(order: tuple[bytes, ...]) -> None:
        failed(storage, order[0])
        with suppress(BrokenBarrierError):
            both_have_one.wait(1)
        with suppress(TransactionLost):
            failed(storage, order[1])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda order: storage.atomically(lambda: fail_in(order)), (keys, keys[::-1])))

    assert [storage.secrets.read(key).failures for key in keys] == [2, 2]


def test_a_lock_that_was_waited_for_too_long_is_waited_for_again(
    storage: SqlAlchemyStorage, mariadb_url: str
) -> None:
    key = fresh_key()
    storage.secrets.put(key, "h1", replacing=None)
    impatient = create_engine(
        mariadb_url, connect_args={"init_command": "SET SESSION innodb_lock_wait_timeout = 1"}
    )
    holder = storage.database.engine.connect()
    holder.execute(storage.tables.secrets.update().values(in_a_row=0))

    @event.listens_for(impatient, "handle_error")
    def let_go(_context: object) -> None:
        holder.rollback()

    with holder:
        failures = failed(SqlAlchemyStorage(impatient), key)
    impatient.dispose()

    assert failures == 1


def test_nothing_is_repeated_after_a_commit_was_sent(storage: SqlAlchemyStorage, engine: Engine) -> None:
    key, calls = fresh_key(), count()

    @event.listens_for(engine, "commit")
    def kill(connection: Connection) -> None:
        number = connection.connection.driver_connection.thread_id()  # type: ignore[union-attr]
        with create_engine(engine.url).connect() as administrator:
            administrator.exec_driver_sql(f"KILL {number}")

    def work() -> None:
        next(calls)
        storage.secrets.put(key, "h1", replacing=None)

    with pytest.raises(StorageUnavailable):
        storage.atomically(work)

    assert next(calls) == 1


# -- other people's engines --------------------------------------------------------------------------

LEVELS: list[IsolationLevel] = ["AUTOCOMMIT", "READ UNCOMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


@pytest.mark.parametrize("level", LEVELS)
def test_whatever_level_the_host_has_a_transaction_is_undone_and_sees_what_others_commit(
    storage: SqlAlchemyStorage, mariadb_url: str, level: IsolationLevel
) -> None:
    key, other = fresh_key(), fresh_key()
    engine = create_engine(mariadb_url, isolation_level=level)
    hosts = SqlAlchemyStorage(engine)

    def work() -> None:
        assert hosts.secrets.read(other).hash is None
        hosts.secrets.put(key, "h1", replacing=None)
        storage.secrets.put(other, "h2", replacing=None)
        assert hosts.secrets.read(other).hash == "h2"
        raise InterruptedError

    with pytest.raises(InterruptedError):
        hosts.atomically(work)
    with engine.connect() as connection:
        kept = connection.get_isolation_level()
    engine.dispose()

    assert storage.secrets.read(key).hash is None
    assert kept == ("REPEATABLE READ" if level == "AUTOCOMMIT" else level)


def test_a_statement_leaves_no_transaction_to_a_pool_that_does_not_roll_back(
    storage: SqlAlchemyStorage, mariadb_url: str
) -> None:
    user = fresh_name("user")
    session = Session(fresh_name("session"), user, NOON, NOON, NOON + 1)
    storage.sessions.open(session, closing_others=False)
    engine = create_engine(mariadb_url, pool_reset_on_return=None)
    hosts = SqlAlchemyStorage(engine)

    before = hosts.sessions.list_open(user, NOON)
    with pytest.raises(IntegrityError):
        hosts.sessions.open(session, closing_others=False)
    closed = hosts.sessions.close_all(user, NOON)
    hosts.sessions.list_open(user, NOON)
    storage.sessions.open(replace(session, id=fresh_name("session")), closing_others=False)
    after = hosts.sessions.list_open(user, NOON)
    engine.dispose()

    assert [len(before), closed, len(after)] == [1, 1, 1]


class CutAfterCommit(pymysql.Connection):  # type: ignore[type-arg]
    """A connection that the server ends after a commit, when the pool has rolled back."""

    is_cut = has_committed = False

    def commit(self) -> None:
        super().commit()
        self.has_committed = self.is_cut

    def rollback(self) -> None:
        super().rollback()
        if self.has_committed:
            with suppress(pymysql.Error):
                self.kill(self.thread_id())


def test_a_connection_that_is_lost_after_the_commit_of_a_user_is_an_outage(
    mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(mariadb_url)

    def connect() -> pymysql.Connection:  # type: ignore[type-arg]
        return CutAfterCommit(host=url.host, port=url.port, user=url.username, database=url.database)

    engine = create_engine(url, creator=connect)
    directory = ModelDirectory(packaged_model(MetaData()), engine)
    directory.create_all()
    monkeypatch.setattr(CutAfterCommit, "is_cut", True)

    with pytest.raises(StorageUnavailable):
        directory.create(NewUser(email="ann@example.com"))

    monkeypatch.undo()
    assert directory.find("email", "ann@example.com")
    engine.dispose()


def test_one_connection_is_enough(storage: SqlAlchemyStorage, mariadb_url: str) -> None:
    key = fresh_key()
    engine = create_engine(mariadb_url, pool_size=1, max_overflow=0, pool_timeout=1)

    failures = failed(SqlAlchemyStorage(engine), key)
    engine.dispose()

    assert failures == 1


def test_hashes_that_differ_in_case_are_two(storage: SqlAlchemyStorage) -> None:
    key = fresh_key()
    storage.secrets.put(key, "$argon2$a", replacing=None)

    assert not storage.secrets.put(key, "h2", replacing="$argon2$A")


def test_a_change_is_computed_from_the_row_before_it(storage: SqlAlchemyStorage) -> None:
    key, row = fresh_key(), storage.tables.secrets.c
    storage.secrets.put(key, "h1", replacing=None)
    failed(storage, key)
    which, changes = row.key == key, {"failures": row.failures + 1, "in_a_row": row.failures + 10}

    storage.database.change(Change(storage.tables.secrets, which, changes)).count()

    secret = storage.secrets.read(key)
    assert (secret.failures, secret.in_a_row) == (2, 11)


def test_a_change_that_no_order_computes_from_the_row_before_is_refused(storage: SqlAlchemyStorage) -> None:
    row = storage.tables.secrets.c

    with pytest.raises(CycleError):
        storage.database.change(
            Change(storage.tables.secrets, true(), {"failures": row.in_a_row, "in_a_row": row.failures})
        )


# -- the server --------------------------------------------------------------------------------------


def test_several_processes_may_create_the_tables_at_once() -> None:
    with mariadb_database() as url:
        engines = [create_engine(url) for _ in range(6)]
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda engine: SqlAlchemyStorage(engine).create_all(), engines))
        for engine in engines:
            engine.dispose()


def test_tables_whose_creation_met_a_deadlock_are_an_outage() -> None:
    with mariadb_database() as url:
        engine = create_engine(url)

        @event.listens_for(engine, "do_execute")
        def deadlock(_cursor: object, statement: str, *_: object) -> None:
            if "CREATE TABLE" in statement:
                raise pymysql.err.OperationalError(1213, "Deadlock found when trying to get lock")

        with pytest.raises(StorageUnavailable, match="Deadlock"):
            SqlAlchemyStorage(engine).create_all()
        engine.dispose()


def test_the_tables_have_transactions_whatever_the_default_of_the_server_is() -> None:
    options = {"init_command": "SET SESSION default_storage_engine = Aria"}
    with mariadb_database() as url:
        engine = create_engine(url, connect_args=options)
        SqlAlchemyStorage(engine).create_all()
        ModelDirectory(packaged_model(MetaData()), engine).create_all()
        with engine.connect() as connection:
            used = connection.scalars(
                text("SELECT engine FROM information_schema.tables WHERE table_schema = database()")
            ).all()
        engine.dispose()

    assert len(used) > 1
    assert set(used) == {"InnoDB"}


@pytest.mark.parametrize(
    ("is_mariadb", "version", "told"),
    [
        (True, (10, 5, 29), "MariaDB 10.6 or newer is needed, and this is 10.5.29"),
        (False, (5, 7, 44), "MySQL 8.0 or newer is needed, and this is 5.7.44"),
    ],
)
def test_an_old_server_is_told_when_it_is_used_first(
    storage: SqlAlchemyStorage, engine: Engine, is_mariadb: bool, version: tuple[int, ...], told: str
) -> None:
    engine.dialect.is_mariadb, engine.dialect.server_version_info = is_mariadb, version  # type: ignore[attr-defined]

    with pytest.raises(StorageUnavailable, match=told):
        SqlAlchemyStorage(engine).secrets.read(fresh_key())


def test_mysqlclient_tells_the_same_as_pymysql(mariadb_url: str) -> None:
    pytest.importorskip("MySQLdb", reason="mysqlclient is not installed here: it must be compiled")
    engine = create_engine(make_url(mariadb_url).set(drivername="mysql+mysqldb"))
    storage, subject, pin = SqlAlchemyStorage(engine), one_row(), fresh_key()
    emptied(storage)

    issued = [
        storage.challenges.issue(subject.issue("111111", send_limits=(QUOTA,))).issued for _ in range(4)
    ]
    verdicts = [
        storage.challenges.redeem(subject.guess(code)).state for code in ("222222", "111111", "111111")
    ]
    storage.secrets.put(pin, "h1", replacing=None)
    failures = [failed(storage, pin) for _ in range(2)]
    engine.dispose()

    assert issued == [True, True, True, False]
    assert verdicts == [GuessState.WRONG, GuessState.ACCEPTED, GuessState.USED]
    assert failures == [1, 2]


# -- what an operation costs -------------------------------------------------------------------------


def test_each_operation_has_this_budget(storage: SqlAlchemyStorage, engine: Engine) -> None:
    meter, subject, other = Meter(), one_row(), one_row()
    meter.attach(engine)
    challenges, sessions, user = storage.challenges, storage.sessions, fresh_name("user")

    def log_in() -> None:
        challenges.redeem(subject.guess("111111", locks=(BUDGET,)))
        sessions.open(Session(fresh_name("session"), user, NOON, NOON, NOON + 1), closing_others=True)

    # Writes, reads and commits. A query that locks a row is a read.
    assert meter.measure(lambda: challenges.issue(subject.issue("000000", send_limits=(QUOTA,)))) == (1, 0, 1)
    assert meter.measure(lambda: challenges.issue(subject.issue("111111", send_limits=(QUOTA,)))) == (1, 0, 1)
    assert meter.measure(lambda: challenges.redeem(subject.guess("222222", locks=(BUDGET,)))) == (1, 1, 1)
    assert meter.measure(lambda: storage.atomically(log_in)) == (2, 3, 1)
    challenges.issue(other.issue(send_limits=(COOLDOWN,)))
    assert meter.measure(lambda: challenges.issue(other.issue(send_limits=(COOLDOWN,)))) == (1, 1, 1)
    assert meter.measure(lambda: sessions.list_open(user, NOON)) == (0, 1, 0)
