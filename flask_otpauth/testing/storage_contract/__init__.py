"""
Test classes for a storage of your own.

::

    from flask_otpauth.testing import StorageContract

    class TestMyStorage(StorageContract):
        @staticmethod
        def open_storage(where):
            return MyStorage(where)

        @pytest.fixture
        def where(self, tmp_path):
            return str(tmp_path / "store")

They test each operation of :class:`flask_otpauth.ports.storage.Storage` alone, in races of threads, in races
of processes, and with processes that are killed.
"""

from __future__ import annotations

import pytest

# pytest must rewrite these modules before they are imported, so that a failure shows the compared values.
# So the imports below cannot be at the top of the file (E402).
_PARTS = (
    "acts apps circuits clients clocks code_races codes crashes deliveries idempotency limits logins purges "
    "requests "
    "secret_races secrets sessions transactions"
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS.split()))

# Not at the top (E402): pytest rewrites the assertions of what is imported after it was told.
from flask_otpauth.testing.storage_contract.acts import ActContract  # noqa: E402
from flask_otpauth.testing.storage_contract.apps import AppContract  # noqa: E402
from flask_otpauth.testing.storage_contract.circuits import CircuitContract  # noqa: E402
from flask_otpauth.testing.storage_contract.clients import ClientContract  # noqa: E402
from flask_otpauth.testing.storage_contract.clocks import ClockContract  # noqa: E402
from flask_otpauth.testing.storage_contract.code_races import CodeRaces  # noqa: E402
from flask_otpauth.testing.storage_contract.codes import CodeContract  # noqa: E402
from flask_otpauth.testing.storage_contract.crashes import CrashContract  # noqa: E402
from flask_otpauth.testing.storage_contract.deliveries import DeliveryContract  # noqa: E402
from flask_otpauth.testing.storage_contract.idempotency import IdempotencyContract  # noqa: E402
from flask_otpauth.testing.storage_contract.limits import LimitContract  # noqa: E402
from flask_otpauth.testing.storage_contract.logins import LoginContract  # noqa: E402
from flask_otpauth.testing.storage_contract.purges import PurgeContract  # noqa: E402
from flask_otpauth.testing.storage_contract.requests import RequestContract  # noqa: E402
from flask_otpauth.testing.storage_contract.secret_races import SecretRaces  # noqa: E402
from flask_otpauth.testing.storage_contract.sessions import SessionContract  # noqa: E402
from flask_otpauth.testing.storage_contract.transactions import TransactionContract  # noqa: E402

__all__ = ["OneProcessStorageContract", "StorageContract"]


class OneProcessStorageContract(
    CodeContract,
    RequestContract,
    LimitContract,
    AppContract,
    ClockContract,
    CodeRaces,
    SecretRaces,
    SessionContract,
    LoginContract,
    ActContract,
    IdempotencyContract,
    PurgeContract,
    ClientContract,
    CircuitContract,
    DeliveryContract,
    TransactionContract,
):
    """The tests for a storage in the memory of one process. Races run on threads only."""


class StorageContract(CrashContract, OneProcessStorageContract):
    """
    The tests for a storage that several processes share.

    A subclass overrides:

    - ``open_storage(where)``, a static method. It returns the storage at ``where``. Other processes call it,
      so they must be able to import the test module.
    - ``where``, a fixture. It returns a string that names an empty store, a new one for each test.
    - ``close_storage(storage)``, if something has to be closed.

    If operations wait for each other's locks, set a timeout that is longer than a test.
    """

    race_on = ("threads", "processes")
