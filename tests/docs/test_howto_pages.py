"""The examples of the pages that are no API's: each file is run, each block is replayed or executed."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from flask import Flask
from werkzeug.test import Client

from docs.examples import confirm_phone, listening, own_directory, own_users, protected
from docs.examples.jsend import JSend
from flask_otpauth.core import errors
from flask_otpauth.envelopes.base import STATUS, Failure, FieldError
from flask_otpauth.flows import FLOWS
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.docs.replay import Replay, steps
from tests.flows.email_caller import ADDRESS, EmailCaller, another
from tests.hosts import SECRET_KEY, MakeApp

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    "sessions.md",
    "errors.md",
    "testing.md",
    "howto/bring-your-own-users.md",
    "howto/host-codes.md",
    "howto/write-an-envelope.md",
]
REPLAYED = ["sessions.md"]
EXECUTED = {"sessions.md": 1, "howto/write-an-envelope.md": 1}
PHONE = "+84987654321"
CreateApp = Callable[[Mapping[str, Any]], Flask]


@pytest.fixture
def config(outbox: Outbox, clock: MovableClock, database_uri: str) -> dict[str, Any]:
    """What a deployment of an example would set."""
    return {
        "SECRET_KEY": SECRET_KEY,
        "TESTING": True,
        "OTPAUTH_SENDERS": outbox.senders,
        "OTPAUTH_CLOCK": clock,
        "OTPAUTH_IP_LIMITS": None,
        "OTPAUTH_DATABASE_URI": database_uri,
    }


def with_tables(app: Flask, otpauth: Any) -> Flask:
    """``app``, as after ``flask otpauth init-db``."""
    with app.app_context():
        otpauth.create_all()
    app.extensions["test_otpauth"] = otpauth
    return app


def logged_in(app: Flask, outbox: Outbox) -> dict[str, str]:
    """The header of somebody who has just logged in."""
    return {"Authorization": f"Bearer {EmailCaller(app, outbox).login()['accessToken']}"}


def python_blocks(page: str) -> list[str]:
    """What a page would have its reader paste."""
    text = (DOCS / page).read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


# -- no example escapes ----------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_is_one_that_is_run(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    fences = re.findall(r"^```(\S+)", text, re.MULTILINE)

    replayed = len(list(steps(DOCS / page)))
    blocks = [each for each in fences if not each.startswith("{")]
    files = re.findall(r"literalinclude} (?:\.\./)?examples/(\w+)\.py", text)

    assert set(blocks) <= {"http", "pycon", "python"}
    assert replayed == 0 or page in REPLAYED
    assert blocks.count("python") == EXECUTED.get(page, 0)
    assert set(files) <= {"test_login", *(each.__name__.rpartition(".")[2] for each in EXAMPLES)}


EXAMPLES = (confirm_phone, listening, own_directory, own_users, protected, __import__(JSend.__module__, fromlist=["_"]))
