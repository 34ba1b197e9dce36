"""Two SMS gateways on the loopback interface, the first of which fails, and an app in several workers."""

from __future__ import annotations

import json
import multiprocessing
import select
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.core.circuits import CircuitPolicy
from flask_otpauth.core.errors import SendFailed
from tests.hosts import SECRET_KEY

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
REST = timedelta(seconds=30)
FAILURES = 4
PROCESSES = 4
AT_ONCE = 4
DEADLINE_SECONDS = 60


@dataclass
class Gateway:
    """A provider, which can be down in several ways."""

    #: The status of its answers; ``None``: it sends one byte after the other, and never ends.
    status: int | None = 202
    #: What it was asked to send.
    messages: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        #: While this is not set, no answer is sent.
        self.answers = threading.Event()
        self.answers.set()

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), partial(Handler, self))
        self._server.block_on_close = False
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def recipients(self) -> list[str]:
        return [message["to"] for message in self.messages]


class Handler(BaseHTTPRequestHandler):
    def __init__(self, gateway: Gateway, *arguments: Any) -> None:
        self.gateway = gateway
        super().__init__(*arguments)

    def do_POST(self) -> None:
        gateway = self.gateway
        body = self.rfile.read(int(self.headers["Content-Length"]))
        gateway.messages.append(json.loads(body))
        assert gateway.answers.wait(DEADLINE_SECONDS)
        if gateway.status is None:
            self._drip()
            return
        self.send_response(gateway.status)
        self.end_headers()
        self.wfile.write(b'{"id": "m-1"}')

    def _drip(self) -> None:
        """Send one byte after the other until the client has gone."""
        has_gone: list[object] = []
        while not has_gone:
            self.wfile.write(b"H")
            has_gone, _, _ = select.select([self.connection], [], [], 0.05)

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output clean."""


def make_app(database_uri: str, ports: list[int], times: list[datetime], total_seconds: float = 20) -> Flask:
    """The app. ``times`` is its clock: the last one is now."""
    app = Flask("host")
    local, distant = (
        {
            "url": f"http://127.0.0.1:{port}/sms",
            "json": {"to": "{recipient}", "text": "{text}"},
            "success": {"id": "*"},
            "total_seconds": total_seconds,
        }
        for port in ports
    )
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        OTPAUTH_DATABASE_URI=database_uri,
        OTPAUTH_CLOCK=lambda: times[-1],
        OTPAUTH_SENDERS={"email": "memory"},
        OTPAUTH_PROVIDERS={"local": local, "distant": distant},
        OTPAUTH_ROUTES={("sms",): "distant", ("sms", "84"): ("local", "distant")},
        OTPAUTH_CIRCUIT_FAILURES=FAILURES,
        OTPAUTH_CIRCUIT_REST=REST,
    )
    otpauth = OtpAuth(app)
    app.extensions["test_otpauth"] = otpauth
    with app.app_context():
        otpauth.create_all()
    return app


def send(app: Flask, recipient: str) -> str:
    """Send a code. Return how that ended."""
    with app.app_context():
        try:
            app.extensions["test_otpauth"].codes.send("sms", recipient, purpose="confirm")
        except SendFailed:
            return "not sent"
    return "sent"


def work(end: Connection, database_uri: str, ports: list[int]) -> None:
    """Run the app in a process: send codes to the numbers that come from ``end``, all at once."""
    times = [NOON]
    app = make_app(database_uri, ports, times)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        end.send("ready")
        while True:
            try:
                now, recipients = end.recv()
            except EOFError:
                break
            times.append(now)
            for future in [pool.submit(send, app, recipient) for recipient in recipients]:
                future.add_done_callback(lambda done: end.send(done.result()))
    app.extensions["otpauth"].services.storage.database.engine.dispose()


class Worker:
    """A process of the app."""

    def __init__(self, database_uri: str, ports: list[int]) -> None:
        context = multiprocessing.get_context("spawn")
        self.end, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, database_uri, ports), daemon=True)
        self._process.start()
        theirs.close()
        #: How many results it owes. The first one says that it is ready.
        self.owes = 1

    def send(self, now: datetime, numbers: list[str]) -> None:
        self.end.send((now, numbers))
        self.owes += len(numbers)

    def receive(self) -> str:
        self.owes -= 1
        return str(self.end.recv())

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self.end.close()
        self._process.join(DEADLINE_SECONDS)


class Workers:
    """The processes of the app."""

    def __init__(self, database_uri: str, ports: list[int]) -> None:
        self._numbers = iter(range(1_000))
        self._workers = [Worker(database_uri, ports) for _ in range(PROCESSES)]
        self.results(PROCESSES)

    def send(self, now: datetime, count: int) -> None:
        """Have all processes send ``count`` codes together."""
        numbers = [f"+84987{next(self._numbers):06d}" for _ in range(count)]
        for place, worker in enumerate(self._workers):
            worker.send(now, numbers[place :: len(self._workers)])

    def results(self, count: int) -> list[str]:
        """Return how the next ``count`` messages ended."""
        found: list[str] = []
        while len(found) < count:
            ready = wait([worker.end for worker in self._workers], DEADLINE_SECONDS)
            assert ready, "the processes do not answer"
            found += [worker.receive() for worker in self._workers if worker.end in ready]
        return found

    def kill_the_busy_one(self) -> None:
        """Kill the only process that owes a result."""
        (busy,) = (worker for worker in self._workers if worker.owes)
        busy.kill()
        busy.close()
        self._workers.remove(busy)

    def close(self) -> None:
        for worker in self._workers:
            worker.close()


@pytest.fixture
def workers(local: Gateway, distant: Gateway, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(f"sqlite:///{tmp_path}/otpauth.sqlite", [local.port, distant.port])
    yield workers
    local.answers.set()
    workers.close()


@pytest.fixture
def local() -> Iterator[Gateway]:
    gateway = Gateway()
    gateway.start()
    yield gateway
    gateway.answers.set()
    gateway.stop()


@pytest.fixture
def distant() -> Iterator[Gateway]:
    gateway = Gateway()
    gateway.start()
    yield gateway
    gateway.stop()


def test_codes_arrive_by_the_second_gateway_and_one_probe_finds_that_the_first_works_again(
    local: Gateway, distant: Gateway, workers: Workers
) -> None:
    local.status = 503
    workers.send(NOON, FAILURES - 1)
    down = workers.results(FAILURES - 1)
    local.stop()
    workers.send(NOON, 1)
    down += workers.results(1)
    local.start()
    workers.send(NOON, 8)
    resting = workers.results(8)
    asked_while_down = len(local.messages)

    local.status = 202
    local.answers.clear()
    workers.send(NOON + REST, PROCESSES * AT_ONCE)
    beside = workers.results(PROCESSES * AT_ONCE - 1)
    probes = len(local.messages) - asked_while_down
    arrived_beside = len(distant.messages)
    local.answers.set()
    probe = workers.results(1)

    workers.send(NOON + REST, 8)
    after = workers.results(8)

    assert down == ["sent"] * FAILURES
    assert resting == ["sent"] * 8
    assert asked_while_down == FAILURES - 1, "the last failure was a refused connection"
    assert (beside, probe) == (["sent"] * 15, ["sent"])
    assert probes == 1
    assert arrived_beside == FAILURES + 8 + 15
    assert after == ["sent"] * 8
    assert len(local.messages) == asked_while_down + 1 + 8
    assert len(distant.messages) == arrived_beside
    assert len(set(local.recipients[-9:] + distant.recipients)) == FAILURES + 8 + 16 + 8, "each arrived once"


def test_if_the_process_that_probes_is_killed_another_one_probes_after_a_lease(
    local: Gateway, distant: Gateway, workers: Workers
) -> None:
    lease, probe_at = timedelta(milliseconds=CircuitPolicy().lease_ms), NOON + REST
    local.status = 503
    workers.send(NOON, FAILURES)
    workers.results(FAILURES)
    local.status = 202
    local.answers.clear()

    workers.send(probe_at, PROCESSES)
    workers.results(PROCESSES - 1)
    workers.kill_the_busy_one()
    workers.send(probe_at + lease - timedelta(milliseconds=1), 6)
    workers.results(6)
    asked_before = len(local.messages)
    workers.send(probe_at + lease, 6)
    workers.results(5)
    asked_after = len(local.messages)
    local.answers.set()
    workers.results(1)

    assert asked_before == FAILURES + 1, "the probe of the process that was killed"
    assert asked_after == asked_before + 1
    assert len(distant.messages) == FAILURES + (PROCESSES - 1) + 6 + 5


@pytest.mark.parametrize("status", [500, None], ids=["internal error", "never ends its answer"])
def test_a_gateway_that_may_have_sent_the_message_is_not_followed_by_the_next_one(
    status: int | None, local: Gateway, distant: Gateway, tmp_path: Path
) -> None:
    uri, ports = f"sqlite:///{tmp_path}/otpauth.sqlite", [local.port, distant.port]
    app = make_app(uri, ports, [NOON], total_seconds=0.3)
    local.status = status

    ended = send(app, "+84987654321")

    storage = app.extensions["otpauth"].services.storage
    assert ended == "sent", "it may have been sent, so the code stays valid"
    assert (len(local.messages), len(distant.messages)) == (1, 0)
    assert storage.circuits.read("local").failures == 1
    storage.database.engine.dispose()
