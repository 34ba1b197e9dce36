"""Pytest fixtures for hosts: ``pytest_plugins = ["flask_otpauth.testing.fixtures"]``."""

from __future__ import annotations

import pytest

from flask_otpauth.testing.clock import MovableClock
from flask_otpauth.testing.outbox import Outbox

__all__ = ["otpauth_clock", "otpauth_outbox"]


@pytest.fixture
def otpauth_clock() -> MovableClock:
    """Return a clock for ``OTPAUTH_CLOCK``."""
    return MovableClock()


@pytest.fixture
def otpauth_outbox() -> Outbox:
    """Return an outbox, whose ``senders`` are for ``OTPAUTH_SENDERS``."""
    return Outbox()
