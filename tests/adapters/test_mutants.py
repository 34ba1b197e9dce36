"""
The contract suite finds a storage that reads, decides and then writes.

Each mutant here is such a storage. The first two callers of its operation wait for each other
between reading and writing, so that the race is lost each time and not only sometimes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import literal

from flask_otpauth.adapters.sqlalchemy.challenges import SqlChallengeStore
from flask_otpauth.adapters.sqlalchemy.counters import Counters
from flask_otpauth.adapters.sqlalchemy.statements import Upsert
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.core import challenges as rules
from flask_otpauth.core.challenges import ChallengeRow, Guess, GuessState, Issue, IssueResult, Verdict
from flask_otpauth.ports.storage import ChallengeStore
from flask_otpauth.testing.storage_contract.code_races import CodeRaces
from flask_otpauth.testing.storage_contract.races import race_on_threads
from flask_otpauth.testing.storage_contract.samples import one_row
from tests.adapters.databases import let_go, read, sqlite_engine

RACES = CodeRaces()


class Mutant:
    """The SQL storage of codes, but for one operation."""

    def __init__(self, storage: SqlAlchemyStorage) -> None:
        tables = storage.tables
        self._sql = SqlChallengeStore(
            storage.database, tables.challenges, Counters(storage.database, tables.counters)
        )
        self._storage = storage
        self._first_two = iter(range(2))
        self._both_have_read = threading.Barrier(2)
        self.issue = self._sql.issue
        self.peek = self._sql.peek
        self.redeem = self._sql.redeem
        self.withdraw = self._sql.withdraw
        self.reference = self._sql.reference
        self.clear = self._sql.clear
        self.handed_over = self._sql.handed_over

    def _read(self, key: bytes) -> ChallengeRow:
        table = self._storage.tables.challenges
        rows = read(self._storage, table.select().where(table.c.key == key))
        if next(self._first_two, None) is not None:
            self._both_have_read.wait(60)
        return (
            ChallengeRow(**{name: value for name, value in rows[0].items() if name != "key"})
            if rows
            else ChallengeRow()
        )

    def _write(self, key: bytes, row: ChallengeRow) -> None:
        database, table = self._storage.database, self._storage.tables.challenges
        values = {
            name: literal(value, table.c[name].type) for name, value in {"key": key, **vars(row)}.items()
        }
        upsert = Upsert(table, values, ("key",), lambda new: {name: new[name] for name in vars(row)})
        with database.transaction():
            database.upsert(upsert).count()


class ReadsBeforeItRedeems(Mutant):
    """Judges in Python, between two transactions."""

    def __init__(self, storage: SqlAlchemyStorage) -> None:
        super().__init__(storage)
        self.redeem = self._redeem

    def _redeem(self, guess: Guess) -> Verdict:
        row = self._read(guess.challenge_key)
        standing = rules.judge_guess(row, row, guess)
        if standing.state in (GuessState.ACCEPTED, GuessState.WRONG):
            self._write(guess.challenge_key, rules.with_guess(row, guess, standing))
        return standing


class ReadsBeforeItIssues(Mutant):
    """Checks the limits in Python, between two transactions."""

    def __init__(self, storage: SqlAlchemyStorage) -> None:
        super().__init__(storage)
        self.issue = self._issue

    def _issue(self, issue: Issue) -> IssueResult:
        row = self._read(issue.limits_key)
        refusal = rules.judge_issue(row, row, 0, issue)
        if refusal is None:
            self._write(issue.limits_key, rules.with_code(rules.with_send(row, issue), issue))
        return refusal or IssueResult()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqlAlchemyStorage]:
    storage = SqlAlchemyStorage(sqlite_engine(tmp_path / "otpauth.sqlite"))
    storage.create_all()
    yield storage
    let_go(storage)


Contract = Callable[..., None]
OF_REDEEMING = [RACES.test_of_50_right_guesses_one_is_accepted, RACES.test_of_200_wrong_guesses_5_are_judged]
OF_ISSUING = [
    RACES.test_of_50_first_requests_under_a_cooldown_one_is_issued,
    RACES.test_of_50_requests_under_a_quota_of_3_exactly_3_are_issued,
]


@pytest.mark.parametrize(
    ("mutant", "contract"),
    [
        *((ReadsBeforeItRedeems, contract) for contract in OF_REDEEMING),
        *((ReadsBeforeItIssues, contract) for contract in OF_ISSUING),
    ],
)
def test_a_storage_that_reads_and_then_writes_breaks_the_contract(
    storage: SqlAlchemyStorage, mutant: Callable[[SqlAlchemyStorage], ChallengeStore], contract: Contract
) -> None:
    storage.challenges = mutant(storage)

    with pytest.raises(AssertionError):
        contract(storage, one_row(), partial(race_on_threads, storage))


@pytest.mark.parametrize("contract", [*OF_REDEEMING, *OF_ISSUING])
def test_the_same_storage_unmutated_keeps_it(storage: SqlAlchemyStorage, contract: Contract) -> None:
    storage.challenges = Mutant(storage)

    contract(storage, one_row(), partial(race_on_threads, storage))
