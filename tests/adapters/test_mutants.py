"""
The contract suite finds a storage that reads, decides and then writes.

The first two callers of the planted operation wait for each other between reading and writing, so that
the race is lost each time and not only sometimes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.testing.storage_contract.circuits import CircuitContract
from flask_otpauth.testing.storage_contract.code_races import CodeRaces
from flask_otpauth.testing.storage_contract.races import race_on_threads
from flask_otpauth.testing.storage_contract.samples import Subject, one_row, two_rows
from tests.adapters.databases import let_go, sqlite_engine
from tests.faults.planted import PLANTED, ReadsBeforeItAdmits, ReadsThenWrites

RACES = CodeRaces()


def both_have_read() -> Callable[[], None]:
    """A pause between reading and writing, in which the first two callers wait for each other."""
    first_two, gate = iter(range(2)), threading.Barrier(2)

    def pause() -> None:
        if next(first_two, None) is not None:
            gate.wait(60)

    return pause


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqlAlchemyStorage]:
    storage = SqlAlchemyStorage(sqlite_engine(tmp_path / "otpauth.sqlite"))
    storage.create_all()
    yield storage
    let_go(storage)


Contract = Callable[..., None]
BROKEN = [
    ("redeem", RACES.test_of_50_right_guesses_one_is_accepted),
    ("guesses", RACES.test_of_200_wrong_guesses_5_are_judged),
    ("issue", RACES.test_of_50_first_requests_under_a_cooldown_one_is_issued),
    ("issue", RACES.test_of_50_requests_under_a_quota_of_3_exactly_3_are_issued),
]


@pytest.mark.parametrize("subject", [one_row(), two_rows()], ids=["one row", "two rows"])
@pytest.mark.parametrize(("operation", "contract"), BROKEN)
def test_a_storage_that_reads_and_then_writes_breaks_the_contract(
    storage: SqlAlchemyStorage, operation: str, contract: Contract, subject: Subject
) -> None:
    storage.challenges = cast("Any", PLANTED[operation](storage, both_have_read()))

    with pytest.raises(AssertionError):
        contract(storage, subject, partial(race_on_threads, storage))


@pytest.mark.parametrize("contract", [contract for _, contract in BROKEN])
def test_the_same_storage_with_nothing_planted_keeps_it(
    storage: SqlAlchemyStorage, contract: Contract
) -> None:
    storage.challenges = cast("Any", ReadsThenWrites(storage, both_have_read()))

    contract(storage, one_row(), partial(race_on_threads, storage))


def test_a_storage_that_reads_before_it_gives_a_probe_breaks_the_contract(
    storage: SqlAlchemyStorage,
) -> None:
    storage.circuits = cast("Any", ReadsBeforeItAdmits(storage.circuits, both_have_read()))

    with pytest.raises(AssertionError):
        CircuitContract().test_of_16_messages_at_once_one_probes(storage, partial(race_on_threads, storage))
