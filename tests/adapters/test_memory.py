"""Storage in memory keeps the contract of one process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from flask_otpauth.adapters.memory.storage import MemoryStorage
from flask_otpauth.testing.storage_contract import OneProcessStorageContract
from flask_otpauth.testing.storage_contract.races import race_on_threads

ROUNDS = 40


class TestMemory(OneProcessStorageContract):
    @staticmethod
    def open_storage(where: str) -> MemoryStorage:
        return MemoryStorage()


@pytest.mark.parametrize(
    "contract",
    [
        TestMemory().test_of_8_acts_at_once_as_many_are_counted_as_allowed,
        TestMemory().test_wrong_guesses_at_once_with_other_changes_are_counted,
    ],
)
def test_races_of_operations_that_are_as_short_as_these_are_kept_each_time(
    contract: Callable[..., None],
) -> None:
    for _ in range(ROUNDS):
        storage = MemoryStorage()
        contract(storage, race=partial(race_on_threads, storage))
