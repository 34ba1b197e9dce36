"""
The contract of storage as test classes: put a storage of your own through it.

::

    from flask_otpauth.testing import StorageContract

    class TestMyStorage(StorageContract):
        @staticmethod
        def open_storage(where):
            return MyStorage(where)

        @pytest.fixture
        def where(self, tmp_path):
            return str(tmp_path / "store")

Each verb of :class:`flask_otpauth.ports.storage.Storage` is tried by itself, by racing threads
and by racing processes, and by processes that are killed.
"""

from __future__ import annotations

import pytest

# Before they are imported, so that a failure shows what was compared.
_PARTS = (
    "acts apps clients clocks code_races codes crashes limits logins requests secret_races secrets sessions "
    "transactions"
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS.split()))

from flask_otpauth.testing.storage_contract.acts import ActContract  # noqa: E402
from flask_otpauth.testing.storage_contract.apps import AppContract  # noqa: E402
from flask_otpauth.testing.storage_contract.clients import ClientContract  # noqa: E402
from flask_otpauth.testing.storage_contract.clocks import ClockContract  # noqa: E402
from flask_otpauth.testing.storage_contract.code_races import CodeRaces  # noqa: E402
from flask_otpauth.testing.storage_contract.codes import CodeContract  # noqa: E402
from flask_otpauth.testing.storage_contract.crashes import CrashContract  # noqa: E402
from flask_otpauth.testing.storage_contract.limits import LimitContract  # noqa: E402
from flask_otpauth.testing.storage_contract.logins import LoginContract  # noqa: E402
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
    ClientContract,
    TransactionContract,
):
    """The contract of a storage that lives in one process: its races run on threads alone."""


class StorageContract(CrashContract, OneProcessStorageContract):
    """
    The contract of a storage that processes share.

    A subclass overrides

    - ``open_storage(where)``, a static method (it is pickled by name, so the test module must be
      one that another process can import): the storage at ``where``;
    - the fixture ``where``: a text that names an empty store, a new one for each test;
    - ``close_storage(storage)``, if something must be let go of.

    Where operations wait for each other's locks, let them wait for longer than a test takes.
    """

    race_on = ("threads", "processes")
