"""Clients of the flows that several modules test, in an app with the documented defaults."""

from __future__ import annotations

import pytest
from flask import Flask

from flask_otpauth.testing import Outbox
from tests.flows.account_caller import Merchant, new_customer
from tests.flows.flashcall_caller import Application


@pytest.fixture
def application(app: Flask, outbox: Outbox) -> Application:
    """A client of the flow ``flashcall``."""
    return Application(app, outbox)


@pytest.fixture
def merchant(app: Flask) -> Merchant:
    """A client of the flow ``account``, which asks about the usual customer."""
    new_customer(app)
    return Merchant(app)
