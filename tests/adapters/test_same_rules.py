"""The rules in SQL are the rules in Python: the same operations get the same answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from flask_otpauth.adapters.memory.storage import MemoryStorage
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage, memory_engine
from flask_otpauth.core.challenges import Cap
from flask_otpauth.core.failures import FailurePolicy
from flask_otpauth.core.instants import Limit
from flask_otpauth.core.sessions import Refresh, Session
from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.samples import (
    BUDGET,
    DAILY,
    DAY,
    DAY_END,
    NOON,
    SECOND,
    Subject,
    digest_of,
    purged,
)
from tests.adapters.databases import delete_rows

SHARED = digest_of("limits")
SUBJECTS = [
    Subject(digest_of("one"), digest_of("one")),
    Subject(SHARED, digest_of("challenge a")),
    Subject(SHARED, digest_of("challenge b")),
]
LIMITS = [
    Limit("cooldown", 1, 2 * SECOND),
    Limit("quota", 2, 5 * SECOND),
    Limit("quota", 3, None),
    DAILY,
]
LOCKS = [Limit("lock", 2, 4 * SECOND), Limit("lock", 4, None), BUDGET]
POLICIES = [
    FailurePolicy(2, window_ms=3 * SECOND),
    FailurePolicy(2, block_ms=SECOND, longest_block_ms=3 * SECOND),
]

Step = Callable[[Storage], Any]

subjects = st.sampled_from(SUBJECTS)
codes = st.sampled_from(["111111", "222222"])
limits = st.lists(st.sampled_from(LIMITS), unique=True, max_size=3).map(tuple)
locks = st.lists(st.sampled_from(LOCKS), unique=True, max_size=2).map(tuple)
caps = st.none() | st.builds(
    Cap, st.just(digest_of("cap")), st.integers(0, 3), st.just(NOON), st.just(DAY_END)
)
# Around noon, around the end of a calendar day, and years later; also backwards, as clocks differ.
instants = (
    st.integers(NOON, NOON + 6 * SECOND)
    | st.integers(DAY_END - SECOND, DAY_END + SECOND)
    | st.integers(NOON + 9_000 * DAY, NOON + 9_000 * DAY + SECOND)
)
names = st.sampled_from(["a", "b"])
hashes = st.sampled_from(["h1", "h2"])


@st.composite
def issues(draw: st.DrawFn) -> Any:
    return draw(subjects).issue(
        draw(codes),
        draw(instants),
        send_limits=draw(limits),
        locks=draw(locks),
        references=(draw(names), draw(names)),
        cap=draw(caps),
        repeat_within_ms=draw(st.sampled_from([0, SECOND])),
        clears_misses=draw(st.booleans()),
    )


@st.composite
def guesses(draw: st.DrawFn) -> Any:
    return draw(subjects).guess(
        draw(codes), draw(instants), max_guesses=draw(st.integers(1, 4)), locks=draw(locks)
    )


@st.composite
def challenge_steps(draw: st.DrawFn) -> list[Step]:
    """Issues, guesses, withdrawals of what was asked for, cleared logs."""
    asked = draw(st.lists(issues(), min_size=1, max_size=8))
    withdrawals = st.sampled_from(asked).map(lambda issue: lambda storage: storage.challenges.withdraw(issue))
    others = (
        guesses().map(lambda guess: lambda storage: storage.challenges.redeem(guess))
        | withdrawals
        | st.sampled_from(asked).map(lambda issue: lambda storage: storage.challenges.handed_over(issue))
        | st.tuples(subjects, st.sampled_from(["sends", "misses"])).map(
            lambda what: lambda storage: storage.challenges.clear(what[0].limits_key, what[1])
        )
        | subjects.map(lambda subject: lambda storage: storage.challenges.reference(subject.challenge_key))
        | issues().map(lambda issue: lambda storage: storage.challenges.peek(issue))
        | instants.map(lambda before: lambda storage: purged(storage, before))
    )
    steps: list[Step] = []
    for issue in asked:
        steps.append(lambda storage, issue=issue: storage.challenges.issue(issue))  # type: ignore[misc]
        steps.extend(draw(st.lists(others, max_size=4)))
    return steps


secret_steps = st.lists(
    st.tuples(hashes, st.sampled_from(["h1", "h2", None, "any"]), st.sampled_from([None, 2, 5])).map(
        lambda what: lambda storage: storage.secrets.put(SHARED, what[0], replacing=what[1], cap=what[2])
    )
    | st.tuples(st.sampled_from(["fail", "passed"]), hashes, st.sampled_from(POLICIES), instants).map(
        lambda what: lambda storage: getattr(storage.secrets, what[0])(SHARED, *what[1:])
    )
    | st.just(lambda storage: storage.secrets.unblock(SHARED))
    | st.just(lambda storage: storage.secrets.read(SHARED)),
    max_size=15,
)


@st.composite
def session_steps(draw: st.DrawFn) -> list[Step]:
    """Sessions of two users, opened, refreshed with tokens old and new, closed."""
    opened = [
        Session(str(number), user, at, at, at + 4 * SECOND)
        for number, (user, at) in enumerate(
            draw(st.lists(st.tuples(names, instants), min_size=1, max_size=4))
        )
    ]
    ids = st.sampled_from([session.id for session in opened])
    refreshes = st.builds(Refresh, ids, st.integers(0, 3), instants, st.just(3 * SECOND), st.just(SECOND))
    others = (
        refreshes.map(lambda refresh: lambda storage: storage.sessions.rotate(refresh))
        | st.tuples(ids, instants).map(lambda what: lambda storage: storage.sessions.close(*what))
        | st.tuples(names, instants).map(lambda what: lambda storage: storage.sessions.close_all(*what))
        | ids.map(lambda session_id: lambda storage: storage.sessions.find(session_id))
        | names.map(lambda user: lambda storage: storage.sessions.generation(user))
        | instants.map(lambda before: lambda storage: purged(storage, before))
    )
    steps: list[Step] = []
    for session in opened:
        alone = draw(st.booleans())
        steps.append(
            lambda storage, session=session, alone=alone: storage.sessions.open(session, closing_others=alone)  # type: ignore[misc]
        )
        steps.extend(draw(st.lists(others, max_size=5)))
    return steps


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def sql(request: pytest.FixtureRequest) -> Iterator[SqlAlchemyStorage]:
    engine = (
        memory_engine()
        if request.param == "sqlite"
        else create_engine(request.getfixturevalue(f"{request.param}_url"))
    )
    storage = SqlAlchemyStorage(engine)
    storage.create_all()
    yield storage
    engine.dispose()


def _agree(sql: SqlAlchemyStorage, steps: list[Step]) -> None:
    delete_rows(sql)
    memory = MemoryStorage()
    for step in steps:
        assert step(sql) == step(memory)


same_fixture = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@same_fixture
@given(steps=challenge_steps())
def test_codes_and_their_limits(sql: SqlAlchemyStorage, steps: list[Step]) -> None:
    _agree(sql, steps)


@same_fixture
@given(steps=secret_steps)
def test_secrets_and_their_failures(sql: SqlAlchemyStorage, steps: list[Step]) -> None:
    _agree(sql, steps)


@same_fixture
@given(steps=session_steps())
def test_sessions_and_their_tokens(sql: SqlAlchemyStorage, steps: list[Step]) -> None:
    _agree(sql, steps)
