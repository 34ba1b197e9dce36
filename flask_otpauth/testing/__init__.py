"""
Tools for the tests of hosts and adapters: a clock that tests move, an outbox, and test classes.

``pytest_plugins = ["flask_otpauth.testing.fixtures"]`` provides the fixtures ``otpauth_clock`` and
``otpauth_outbox``. These and the contracts need pytest. The rest works with any test runner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_otpauth.testing.clock import MovableClock
from flask_otpauth.testing.outbox import Outbox

if TYPE_CHECKING:
    from flask_otpauth.testing.sender_contract import Answer, SenderContract
    from flask_otpauth.testing.storage_contract import OneProcessStorageContract, StorageContract

__all__ = [
    "Answer",
    "MovableClock",
    "OneProcessStorageContract",
    "Outbox",
    "SenderContract",
    "StorageContract",
]


def __getattr__(name: str) -> object:
    """Import a contract when it is used, because it needs pytest."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_otpauth.testing import sender_contract, storage_contract

    return getattr(sender_contract if name in sender_contract.__all__ else storage_contract, name)


def __dir__() -> list[str]:
    return __all__
