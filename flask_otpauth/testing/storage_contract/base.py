"""The fixtures of the tests."""

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
        """Return the storage at ``where``, opened by this process. A subclass must override this."""
        raise NotImplementedError("override open_storage")

    @staticmethod
    def close_storage(storage: Any) -> None:
        """Close a storage that ``open_storage`` has opened. A subclass can override this."""

    @pytest.fixture
    def where(self) -> str:
        """Return the name of an empty store for ``open_storage``. A subclass can override this."""
        return ""

    @pytest.fixture
    def storage(self, where: str) -> Iterator[Storage]:
        """Return an empty storage."""
        storage = self.open_storage(where)
        storage.create_all()
        yield storage
        self.close_storage(storage)

    @pytest.fixture(params=["one row", "two rows"])
    def subject(self, request: pytest.FixtureRequest) -> Subject:
        """Return a subject whose limits and challenge are in one row, or in two."""
        return one_row() if request.param == "one row" else two_rows()

    @pytest.fixture(scope="class")
    @classmethod
    def racers(cls) -> Iterator[Racers]:
        """Return processes that run races."""
        racers = Racers(cls.open_storage, cls.close_storage)
        yield racers
        racers.close()

    @pytest.fixture
    def race(self, request: pytest.FixtureRequest, storage: Storage, where: str, racers: Racers) -> Race:
        """Return a function that runs operations at the same time, on threads or in processes."""
        if request.param == "threads":
            return partial(race_on_threads, storage)
        return partial(racers.race, where)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each race on threads, and in processes too if they share the storage."""
        if "race" in metafunc.fixturenames:
            metafunc.parametrize("race", self.race_on, indirect=True)
