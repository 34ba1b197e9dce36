"""
Requests that arrive at the same moment: at one host with many threads, or at hosts in several processes.

The hosts share a database, the secret, a clock that stands still, and a file that takes down what
was sent. A test module imports the fixtures that it uses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, cast

import pytest
from flask import Flask
from flask.testing import EnvironBuilder, FlaskClient
from werkzeug.test import TestResponse

from flask_otpauth import OtpAuth
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.testing import MovableClock
from flask_otpauth.testing.outbox import CHANNELS
from flask_otpauth.testing.storage_contract.races import Operation, Racers, call, race_on_threads
from tests.adapters.databases import database_of
from tests.hosts import SECRET_KEY, cheap_hashing

#: Sends one request, by a caller of a flow.
Action = Callable[[], TestResponse]


class Request(NamedTuple):
    """A request that another process can send."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


class Answer(NamedTuple):
    """What a test looks at of a response."""

    status_code: int
    json: Any


class Sent(NamedTuple):
    """What a test looks at of a message."""

    code: str


class FileSender:
    """Takes down the code of each message, whichever process sends it."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def send(self, message: Message) -> Receipt:
        """Add a line; appending so little is one step."""
        with self._path.open("a") as file:
            file.write(f"{message.code}\n")
        return Receipt(Status.ACCEPTED)


class FileOutbox:
    """What the senders took down, as callers read it from an ``Outbox``."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    @property
    def messages(self) -> list[Sent]:
        """Every message, newest last."""
        return [Sent(code) for code in self._path.read_text().split()]

    @property
    def last(self) -> Sent:
        """The newest message."""
        return self.messages[-1]


class _Recorded(Exception):
    """Carries a request that was recorded instead of being sent."""


class _Recorder(FlaskClient):
    """Records the first request."""

    def open(self, *arguments: Any, **options: Any) -> NoReturn:
        request = EnvironBuilder(self.application, *arguments, **options).get_request()
        headers = [(name, value) for name, value in request.headers if name != "Content-Length"]
        raise _Recorded(Request(request.method, request.full_path, headers, request.get_data()))


class RacingHost:
    """One host of those that share ``where``. A :class:`Racers` needs its ``sessions``."""

    def __init__(self, where: str) -> None:
        place = json.loads(where)
        self.outbox: Any = FileOutbox(place["outbox"])
        self.clock = MovableClock()
        self.app = Flask("host")
        settings = {
            "flows": ("email", "sms", "flashcall", "voice", "account"),
            "database_uri": place["database"],
            "senders": dict.fromkeys(CHANNELS, FileSender(place["outbox"])),
            "clock": self.clock,
            "ip_limits": None,
            **place["settings"],
        }
        self.app.config.update({f"OTPAUTH_{name.upper()}": value for name, value in settings.items()})
        self.app.config.update(SECRET_KEY=SECRET_KEY, TESTING=True)
        with cheap_hashing():
            self.otpauth = self.app.extensions["test_otpauth"] = OtpAuth(self.app)
        self.storage = self.app.extensions["otpauth"].services.storage
        self.sessions = self.storage.sessions

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        answer = self.app.test_client().open(
            request.target, method=request.method, headers=request.headers, data=request.body
        )
        return Answer(answer.status_code, answer.json)

    def close(self) -> None:
        """Let go of the database."""
        self.storage.database.engine.dispose()


class Arena:
    """Where requests race: ``host`` to arrange things with, and ``at_once``."""

    def __init__(self, where: str, race: Callable[[str, Sequence[Operation]], list[Any]] | None) -> None:
        self.host = RacingHost(where)
        self._where = where
        self._race = race
        with self.host.app.app_context():
            self.host.otpauth.create_all()

    def at_once(self, actions: Sequence[Action]) -> list[Answer]:
        """The answers to requests that arrive together, in their order."""
        operations = [call("answer", self._recorded(action)) for action in actions]
        if self._race is None:
            return race_on_threads(cast(Any, self.host), operations)
        return self._race(self._where, operations)

    def _recorded(self, action: Action) -> Request:
        self.host.app.test_client_class = _Recorder
        try:
            action()
        except _Recorded as recorded:
            request: Request = recorded.args[0]
            return request
        finally:
            self.host.app.test_client_class = None
        raise AssertionError("the action sends no request")


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    """Processes, started when the first race needs them."""
    racers = Racers(cast(Any, RacingHost), RacingHost.close)
    yield racers
    racers.close()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database that processes share."""
    with database_of(request.param, tmp_path) as uri:
        # A racing writer may wait for its turn longer than the five seconds that are usual.
        yield f"{uri}?timeout=60" if request.param == "sqlite" else uri


#: Makes an arena; keywords are settings, without ``OTPAUTH_``.
MakeArena = Callable[..., Arena]


@pytest.fixture(params=["threads", "processes"])
def make_arena(
    request: pytest.FixtureRequest, database: str, tmp_path: Path, racers: Racers
) -> Iterator[MakeArena]:
    """Arenas on each database, with threads and with processes."""
    outbox = tmp_path / "outbox"
    outbox.touch()

    with ExitStack() as stack:

        def make(**settings: Any) -> Arena:
            where = json.dumps({"database": database, "outbox": str(outbox), "settings": settings})
            arena = Arena(where, racers.race if request.param == "processes" else None)
            stack.callback(arena.host.close)
            return arena

        yield make
