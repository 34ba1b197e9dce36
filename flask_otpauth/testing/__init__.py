"""
For the tests of hosts and of adapters: a clock that is moved, an outbox, the storage contract.

``pytest_plugins = ["flask_otpauth.testing.fixtures"]`` gives the fixtures ``otpauth_clock`` and
``otpauth_outbox``.
"""

from __future__ import annotations

from flask_otpauth.testing.clock import MovableClock
from flask_otpauth.testing.outbox import Outbox
from flask_otpauth.testing.storage_contract import OneProcessStorageContract, StorageContract

__all__ = ["MovableClock", "OneProcessStorageContract", "Outbox", "StorageContract"]
