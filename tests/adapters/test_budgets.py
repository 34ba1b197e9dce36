"""What each operation costs: write statements, reads and commits (design, "Budget per request")."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.core.challenges import GuessState
from flask_otpauth.core.clients import Client
from flask_otpauth.core.failures import FailurePolicy
from flask_otpauth.core.sessions import Refresh, Rotation, Session
from flask_otpauth.testing.storage_contract.samples import (
    BUDGET,
    COOLDOWN,
    NOON,
    QUOTA,
    cap_of,
    fresh_key,
    fresh_name,
    one_row,
    two_rows,
)
from tests.adapters.databases import emptied, sqlite_engine

PIN = FailurePolicy(limit=3)


@dataclass
class Meter:
    """Counts what an engine is asked to do."""

    statements: list[str] = field(default_factory=list)
    commits: int = 0

    def attach(self, engine: Engine) -> None:
        """Count from now on."""

        @event.listens_for(engine, "before_cursor_execute")
        def statement(_connection: object, _cursor: object, sql: str, *_: object) -> None:
            self.statements.append(sql)

        @event.listens_for(engine, "commit")
        def commit(_connection: object) -> None:
            self.commits += 1

    def measure(self, work: Callable[[], object]) -> tuple[int, int, int]:
        """(write statements, reads, commits) of ``work``."""
        self.statements.clear()
        self.commits = 0
        work()
        words = [sql.split(maxsplit=1)[0] for sql in self.statements]
        writes = sum(word in ("INSERT", "UPDATE", "DELETE") for word in words)
        return writes, words.count("SELECT"), self.commits


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        engine = sqlite_engine(tmp_path / "otpauth.sqlite")
    else:
        engine = create_engine(request.getfixturevalue("postgresql_url"))
    yield engine
    engine.dispose()


@pytest.fixture
def storage(engine: Engine) -> SqlAlchemyStorage:
    storage = SqlAlchemyStorage(engine)
    emptied(storage)
    return storage


@pytest.fixture
def meter(engine: Engine, storage: SqlAlchemyStorage) -> Meter:
    meter = Meter()
    meter.attach(engine)
    return meter


def test_a_request_for_a_code_is_one_statement_where_limits_and_challenge_are_one_row(
    storage: SqlAlchemyStorage, meter: Meter
) -> None:
    subject = one_row()

    def request() -> None:
        assert storage.challenges.issue(subject.issue(send_limits=(QUOTA,), locks=(BUDGET,))).issued

    assert [meter.measure(request) for _ in range(2)] == [(1, 0, 1)] * 2


def test_a_request_for_a_code_is_two_statements_where_they_are_two_rows_and_a_cap_is_one_more(
    storage: SqlAlchemyStorage, meter: Meter
) -> None:
    subject = two_rows()

    plain = meter.measure(lambda: storage.challenges.issue(subject.issue(send_limits=(QUOTA,))))
    capped = meter.measure(lambda: storage.challenges.issue(subject.issue(cap=cap_of(5))))

    assert (plain, capped) == ((2, 0, 1), (3, 0, 1))


def test_a_refused_request_is_one_statement_and_one_read(storage: SqlAlchemyStorage, meter: Meter) -> None:
    subject = one_row()
    storage.challenges.issue(subject.issue(send_limits=(COOLDOWN,)))

    cost = meter.measure(lambda: storage.challenges.issue(subject.issue(send_limits=(COOLDOWN,))))

    # The statement commits by itself, although it changes nothing here.
    assert cost == (1, 1, 1)


def test_a_login_is_three_statements_and_one_commit(storage: SqlAlchemyStorage, meter: Meter) -> None:
    subject = one_row()
    user = fresh_name("user")
    storage.challenges.issue(subject.issue("111111"))

    def log_in() -> None:
        with storage.database.transaction():
            standing = storage.challenges.redeem(subject.guess("111111", locks=(BUDGET,)))
            assert standing.state is GuessState.ACCEPTED
            session = Session(fresh_name("session"), user, NOON, NOON, NOON + 1)
            storage.sessions.open(session, closing_others=True)

    assert meter.measure(log_in) == (3, 0, 1)


def test_a_wrong_guess_is_one_statement(storage: SqlAlchemyStorage, meter: Meter) -> None:
    subject = one_row()
    storage.challenges.issue(subject.issue("111111"))

    cost = meter.measure(lambda: storage.challenges.redeem(subject.guess("222222", locks=(BUDGET,))))

    assert cost == (1, 0, 1)


def test_a_guess_is_at_most_three_statements_where_limits_and_challenge_are_two_rows(
    storage: SqlAlchemyStorage, meter: Meter
) -> None:
    subject = two_rows()
    storage.challenges.issue(subject.issue("111111"))

    wrong = meter.measure(lambda: storage.challenges.redeem(subject.guess("222222", locks=(BUDGET,))))
    right = meter.measure(lambda: storage.challenges.redeem(subject.guess("111111", locks=(BUDGET,))))
    storage.challenges.issue(subject.issue("333333"))
    clean = meter.measure(lambda: storage.challenges.redeem(subject.guess("333333", locks=(BUDGET,))))

    assert (wrong, right, clean) == ((3, 0, 1), (3, 0, 1), (2, 0, 1))


def test_a_check_of_a_session_is_one_read_and_a_refresh_one_statement(
    storage: SqlAlchemyStorage, meter: Meter
) -> None:
    session = Session(fresh_name("session"), fresh_name("user"), NOON, NOON, NOON + 1_000)
    storage.sessions.open(session, closing_others=False)
    refresh = Refresh(session.id, 0, NOON, token_ttl_ms=1_000, grace_ms=100)

    check = meter.measure(lambda: storage.sessions.find(session.id))
    rotation = meter.measure(lambda: storage.sessions.rotate(refresh))

    assert (check, rotation) == ((0, 1, 0), (1, 0, 1))
    assert storage.sessions.rotate(refresh)[0] is Rotation.REPEATED


def test_a_right_pin_without_failures_is_one_read_and_a_wrong_one_two_statements(
    storage: SqlAlchemyStorage, meter: Meter
) -> None:
    pin = fresh_key()
    storage.secrets.put(pin, "h1", replacing=None)

    right = meter.measure(lambda: storage.secrets.passed(pin, "h1", PIN, NOON))
    wrong = meter.measure(lambda: storage.secrets.fail(pin, "h1", PIN, NOON))

    assert (right, wrong) == ((0, 1, 0), (2, 0, 1))


def test_looking_a_client_up_by_its_secret_is_one_read(storage: SqlAlchemyStorage, meter: Meter) -> None:
    client = Client(fresh_name("client"), "Shop", ("voice",), "member", NOON, fresh_key())
    storage.clients.add(client)

    assert meter.measure(lambda: storage.clients.by_secret([client.secret_digest], NOON)) == (0, 1, 0)
