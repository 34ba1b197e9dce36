"""What a storage under test is opened with, and how races are run on it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

import pytest

from flask_otpauth.ports.storage import Storage
from flask_otpauth.testing.storage_contract.races import Race, Racers, race_on_threads
from flask_otpauth.testing.storage_contract.samples import Subject, one_row, two_rows


class ContractBase:
    """The fixtures ``storage`` and ``race``; see :class:`flask_otpauth.testing.StorageContract`."""

    race_on: ClassVar[tuple[str, ...]] = ("threads",)

    @staticmethod
    def open_storage(where: str) -> Storage:
        """The storage at ``where``, as a process opens it for itself. To be overridden."""
        raise NotImplementedError("override open_storage")

    @staticmethod
    def close_storage(storage: Any) -> None:
        """Let go of what ``open_storage`` holds. May be overridden."""

    @pytest.fixture
    def where(self) -> str:
        """Where an empty store is, for ``open_storage``. To be overridden where it matters."""
        return ""

    @pytest.fixture
    def storage(self, where: str) -> Iterator[Storage]:
        """An empty storage."""
        storage = self.open_storage(where)
        storage.create_all()
        yield storage
        self.close_storage(storage)

    @pytest.fixture(params=["one row", "two rows"])
    def subject(self, request: pytest.FixtureRequest) -> Subject:
        """Whom a code is for: limits and challenge in one row, or in two."""
        return one_row() if request.param == "one row" else two_rows()

    @pytest.fixture(scope="class")
    @classmethod
    def racers(cls) -> Iterator[Racers]:
        """Processes to race with."""
        racers = Racers(cls.open_storage, cls.close_storage)
        yield racers
        racers.close()

    @pytest.fixture
    def race(self, request: pytest.FixtureRequest, storage: Storage, where: str, racers: Racers) -> Race:
        """Runs operations at once, on threads or on processes."""
        if request.param == "threads":
            return partial(race_on_threads, storage)
        return partial(racers.race, where)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each race in every way that the storage must stand."""
        if "race" in metafunc.fixturenames:
            metafunc.parametrize("race", self.race_on, indirect=True)
