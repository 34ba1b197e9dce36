"""What a forked child takes over of its parent: no connection, no open transaction, no held lock."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from sqlalchemy import Engine, create_engine, text

from flask_otpauth.adapters.memory.storage import MemoryStorage
from flask_otpauth.adapters.passwords.hashing import Argon2Hasher
from flask_otpauth.adapters.rate_limits import LimiterRateLimits, OwnCounters
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import own_sessions
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage, memory_engine
from flask_otpauth.core.errors import TooManyRequests
from flask_otpauth.testing.storage_contract.samples import fresh_key
from tests.adapters.databases import postgresql_schema
from tests.services import REDIS_ADDRESS, REDIS_URL, listens, need

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

PATIENCE_SECONDS = 60


def in_a_child(question: Callable[[], object]) -> str:
    """What a forked child answers."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE_SECONDS)  # one that hangs is ended
        try:
            answer = str(question())
        except BaseException as error:  # noqa: BLE001 - a child that goes on would run the rest of the tests
            answer = repr(error)
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


@contextmanager
def stopped_thread(work: Callable[[Callable[[], None]], object]) -> Iterator[None]:
    """Another thread is in the middle of ``work`` meanwhile, where it calls its argument."""
    inside, leave = threading.Event(), threading.Event()

    def stop() -> None:
        inside.set()
        leave.wait(PATIENCE_SECONDS)

    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    assert inside.wait(PATIENCE_SECONDS)
    yield
    leave.set()
    thread.join()


@contextmanager
def held_by_a_thread(hold: Callable[[], Any]) -> Iterator[None]:
    """Another thread is inside ``hold()`` meanwhile."""

    def work(stop: Callable[[], None]) -> None:
        with hold():
            stop()

    with stopped_thread(work):
        yield


@pytest.fixture
def engine() -> Iterator[Engine]:
    with postgresql_schema() as url:
        engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=1)
        yield engine
        engine.dispose()


def backend(engine: Engine) -> int:
    """Which process of the server a connection of the pool talks to."""
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


@pytest.mark.parametrize("user", [SqlAlchemyStorage, own_sessions], ids=["storage", "users"])
def test_a_child_has_connections_of_its_own(engine: Engine, user: Callable[[Engine], object]) -> None:
    using = user(engine)
    before = backend(engine)

    child = in_a_child(lambda: backend(engine))

    assert int(child) != before
    assert backend(engine) == before, "the parent goes on with its own"
    assert using is not None


def test_a_child_does_not_wait_for_a_connection_that_a_thread_of_its_parent_has(engine: Engine) -> None:
    storage = SqlAlchemyStorage(engine)

    with held_by_a_thread(engine.connect):
        child = in_a_child(lambda: backend(engine))

    assert child.isdigit()
    assert storage.database.engine is engine


def test_writes_of_a_child_are_not_in_the_transaction_that_its_parent_has_open(engine: Engine) -> None:
    storage, mine, theirs = SqlAlchemyStorage(engine), fresh_key(), fresh_key()
    storage.create_all()

    with storage.database.transaction():
        storage.secrets.put(mine, "parent", replacing=None)
        written = in_a_child(lambda: storage.secrets.put(theirs, "child", replacing=None))

    assert written == "True"
    assert [storage.secrets.read(key).hash for key in (mine, theirs)] == ["parent", "child"]


@pytest.mark.parametrize("idle", [True, False])
def test_a_database_in_memory_hangs_no_child(idle: bool) -> None:
    engine, key = memory_engine(), fresh_key()
    storage = SqlAlchemyStorage(engine)
    storage.create_all()
    storage.secrets.put(key, "before the fork", replacing=None)

    if idle:
        assert in_a_child(lambda: storage.secrets.read(key).hash) == "before the fork"
    else:
        with held_by_a_thread(storage.database.transaction):
            assert in_a_child(lambda: storage.create_all() or storage.secrets.read(key).hash) == "None"
    engine.dispose()


def test_storage_in_memory_goes_on_in_a_child_without_what_was_half_done() -> None:
    storage, kept, undone = MemoryStorage(), fresh_key(), fresh_key()
    storage.secrets.put(kept, "kept", replacing=None)

    def work(stop: Callable[[], None]) -> None:
        storage.atomically(lambda: (storage.secrets.put(undone, "half done", replacing=None), stop()))

    with stopped_thread(work):
        child = in_a_child(lambda: [storage.secrets.read(key).hash for key in (kept, undone)])

    assert child == "['kept', None]"
    assert storage.secrets.read(undone).hash == "half done"


def test_a_child_hashes_although_all_places_were_taken_in_its_parent() -> None:
    hasher = Argon2Hasher(1, wait_seconds=0, cheap=True)
    hashed = hasher.hash("secret")

    with held_by_a_thread(hasher._slot):  # noqa: SLF001 - what a thread in the midst of hashing holds
        child = in_a_child(lambda: hasher.verify(hashed, "secret"))

    assert child == "True"


def limits(storage_uri: str) -> LimiterRateLimits:
    app = Flask("host")
    limiter = Limiter(get_remote_address, app=app, storage_uri=storage_uri, strategy="moving-window")
    return LimiterRateLimits(limiter, {"send": "1 per hour"}, f"test:{fresh_key().hex()}")


def own_limits() -> LimiterRateLimits:
    """The limits of a host without a Limiter, which counts in memory."""
    return LimiterRateLimits(OwnCounters.from_config({}), {"send": "1 per hour"}, "test")


@pytest.mark.parametrize("make", [partial(limits, "memory://"), own_limits])
def test_a_limit_in_memory_hangs_no_child(make: Callable[[], LimiterRateLimits]) -> None:
    rate_limits = make()
    rate_limits.admit(("send",), "someone")
    storage = rate_limits._limiter.limiter.storage  # noqa: SLF001 - its locks are what a thread may hold
    (lock,) = vars(storage)["locks"].values()

    with held_by_a_thread(lambda: lock):
        child = in_a_child(lambda: rate_limits.admit(("send",), "someone"))

    assert child.startswith(TooManyRequests.__name__)


def test_a_limit_in_redis_is_asked_by_a_child_on_its_own_connection() -> None:
    need("Redis", listens(REDIS_ADDRESS))
    rate_limits = limits(REDIS_URL)
    rate_limits.admit(("send",), "someone")

    assert in_a_child(lambda: rate_limits.admit(("send",), "somebody else")) == "None"
    with pytest.raises(TooManyRequests):
        rate_limits.admit(("send",), "somebody else")
