"""
Requests that arrive at the same moment: at one host with many threads, or at hosts in several processes.

The hosts share a database, the secret, a clock that stands still, and a file that takes down what
was sent. A test module imports the fixtures that it uses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.testing import MovableClock
from flask_otpauth.testing.outbox import CHANNELS
from flask_otpauth.testing.storage_contract.races import Operation, Racers, call, race_on_threads
from tests.adapters.databases import postgresql_schema
from tests.hosts import SECRET_KEY, cheap_hashing

#: A path, a JSON body (``None``: a GET), headers.
Request = tuple[str, dict[str, Any] | None, dict[str, str]]
#: The HTTP status and the JSON of an answer.
Answer = tuple[int, Any]


class FileSender:
    """Takes down the code of each message, whichever process sends it."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def send(self, message: Message) -> Receipt:
        """Add a line; appending so little is one step."""
        with self._path.open("a") as file:
            file.write(f"{message.code}\n")
        return Receipt(Status.ACCEPTED)


class RacingHost:
    """One host of those that share ``where``. A :class:`Racers` needs its ``sessions``."""

    def __init__(self, where: str) -> None:
        place = json.loads(where)
        sender = FileSender(place["outbox"])
        self.app = Flask("host")
        self.app.config.update(
            SECRET_KEY=SECRET_KEY,
            TESTING=True,
            OTPAUTH_FLOWS=("email", "sms", "flashcall", "voice", "account"),
            OTPAUTH_DATABASE_URI=place["database"],
            OTPAUTH_SENDERS=dict.fromkeys(CHANNELS, sender),
            OTPAUTH_CLOCK=MovableClock(),
            OTPAUTH_IP_LIMITS=None,
        )
        with cheap_hashing():
            self.otpauth = OtpAuth(self.app)
        self.storage = self.app.extensions["otpauth"].services.storage
        self.sessions = self.storage.sessions

    def post(self, request: Request) -> Answer:
        """Answer a request."""
        path, body, headers = request
        method = "GET" if body is None else "POST"
        answer = self.app.test_client().open(path, method=method, json=body, headers=headers)
        return answer.status_code, answer.json

    def close(self) -> None:
        """Let go of the database."""
        self.storage.database.engine.dispose()


class Arena:
    """Where requests race: ``host`` to arrange things with, and ``at_once``."""

    def __init__(self, where: str, race: Callable[[str, list[Operation]], list[Any]]) -> None:
        self.host = RacingHost(where)
        self._where = where
        self._race = race

    def at_once(self, requests: list[Request]) -> list[Answer]:
        """The answers to requests that arrive together."""
        answers: list[Answer] = self._race(self._where, [call("post", request) for request in requests])
        return answers

    @property
    def sent(self) -> list[str]:
        """The codes of all messages."""
        return Path(json.loads(self._where)["outbox"]).read_text().split()


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    """Processes, started when the first race needs them."""
    racers = Racers(cast(Any, RacingHost), RacingHost.close)
    yield racers
    racers.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database that processes share."""
    if request.param == "postgresql":
        with postgresql_schema() as uri:
            yield uri
    else:
        # A racing writer may wait for its turn longer than the five seconds that are usual.
        yield f"sqlite:///{tmp_path / 'host.sqlite'}?timeout=60"


@pytest.fixture(params=["threads", "processes"])
def arena(request: pytest.FixtureRequest, database: str, tmp_path: Path, racers: Racers) -> Iterator[Arena]:
    """An arena on each database, with threads and with processes."""
    outbox = tmp_path / "outbox"
    outbox.touch()
    where = json.dumps({"database": database, "outbox": str(outbox)})
    with _arena(where, request.param, racers) as arena:
        yield arena


@contextmanager
def _arena(where: str, racing: str, racers: Racers) -> Iterator[Arena]:
    arena = Arena(where, racers.race)
    if racing == "threads":
        arena = Arena(where, lambda _, operations: race_on_threads(cast(Any, arena.host), operations))
    with arena.host.app.app_context():
        arena.host.otpauth.create_all()
    yield arena
    arena.host.close()
