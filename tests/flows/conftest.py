"""
Clients of the flows that several modules test, in an app with the documented defaults.

And one check of every test here: no path answers with an error that the wire contract does not have for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from flask import Flask, Response

from flask_otpauth.core.errors import Refusal
from flask_otpauth.flows import FLOWS
from flask_otpauth.testing import Outbox
from flask_otpauth.web.blueprint import Mount
from flask_otpauth.web.flow import Operation
from tests.docs.contract import errors_of, errors_of_every_path, sections_of
from tests.flows.account_caller import Merchant, new_customer
from tests.flows.email_caller import EmailCaller
from tests.flows.flashcall_caller import Application
from tests.flows.sms_caller import SmsCaller
from tests.flows.voice_caller import VoiceCaller

#: Who calls the flow that a module is named after: ``test_email_codes`` and the like.
CALLERS = {"email": EmailCaller, "sms": SmsCaller, "voice": VoiceCaller}


@pytest.fixture
def caller(
    app: Flask, outbox: Outbox, request: pytest.FixtureRequest
) -> EmailCaller | SmsCaller | VoiceCaller:
    """A client of the flow that the module is named after."""
    flow = request.path.stem.split("_")[1]
    return CALLERS[flow](app, outbox)


@pytest.fixture
def application(app: Flask, outbox: Outbox) -> Application:
    """A client of the flow ``flashcall``."""
    return Application(app, outbox)


@pytest.fixture
def merchant(app: Flask) -> Merchant:
    """A client of the flow ``account``, which asks about the usual customer."""
    new_customer(app)
    return Merchant(app)


@cache
def documented() -> Mapping[tuple[str, str, str], frozenset[str]]:
    """The codes of the errors that the contract has for each method and path of each flow."""
    return {
        (name, operation.method, operation.path): frozenset(
            row.error for row in (*errors_of(flow, heading), *errors_of_every_path(name))
        )
        for name, flow in FLOWS.items()
        for heading, operation in sections_of(flow).items()
    }


@pytest.fixture(autouse=True)
def every_error_is_in_the_contract(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which a path answers with an error that its page of the contract does not have."""
    found: list[tuple[tuple[str, str, str], str]] = []
    refuse = Mount.refuse

    def observed(
        mount: Mount,
        refusal: Refusal,
        raw: Mapping[str, Any] | None = None,
        operation: Operation[Any, Any] | None = None,
        status: int | None = None,
    ) -> Response:
        if operation is not None and mount.flow.name in FLOWS:
            path = (mount.flow.name, operation.method, operation.path)
            if refusal.code not in documented()[path]:
                found.append((path, refusal.code))
        return refuse(mount, refusal, raw, operation, status)

    monkeypatch.setattr(Mount, "refuse", observed)
    yield
    assert found == []
