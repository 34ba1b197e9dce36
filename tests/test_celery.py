"""Codes that are sent by Celery workers, which are killed: by real brokers, in processes of their own."""

from __future__ import annotations

import json
import queue
import socketserver
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from flask_otpauth import OtpAuth, SendFailed
from flask_otpauth.adapters.celery_delivery import DELIVER, DELIVER_DUE
from flask_otpauth.core.deliveries import DeliveryState
from flask_otpauth.errors import ConfigurationError, StorageUnavailable
from tests.adapters.databases import database_of, read
from tests.celery_host import Place, make_app
from tests.conftest import SHOWN
from tests.hosts import SECRET_KEY, otpauth_of
from tests.services import RABBITMQ_ADDRESS, RABBITMQ_URL, REDIS_ADDRESS, REDIS_URL, listens, need

PATIENCE_SECONDS = 60
BROKERS = {"RabbitMQ": (RABBITMQ_ADDRESS, RABBITMQ_URL), "Redis": (REDIS_ADDRESS, f"{REDIS_URL}/5")}
DATABASES = {"RabbitMQ": "postgresql", "Redis": "sqlite"}


@dataclass
class Provider:
    """Takes messages, and keeps what it has taken."""

    port: int = 0
    taken: list[dict[str, str]] = field(default_factory=list)
    #: Called with each message, while the worker waits for the answer.
    before_answer: Callable[[dict[str, str]], object] = lambda message: None
    _arrived: queue.Queue[dict[str, str]] = field(default_factory=queue.Queue)

    def take(self, message: dict[str, str]) -> None:
        self.taken.append(message)
        self._arrived.put(message)

    def next(self) -> dict[str, str]:
        """Wait for the next message."""
        return self._arrived.get(timeout=PATIENCE_SECONDS)


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            message = json.loads(self.rfile.readline())
            found.take(message)
            found.before_answer(message)
            self.wfile.write(b"ok\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@dataclass
class Stage:
    """An app, its broker, and the workers of a test."""

    app: Flask
    place: Place
    provider: Provider
    kills: int = 0

    def send(self, recipient: str, channel: str = "email") -> None:
        """Request a code in a view of the host."""
        with self.app.app_context():
            otpauth_of(self.app).codes.send(channel, recipient, purpose="confirm")

    def redeem(self, message: dict[str, str]) -> None:
        """Use the code of a message in a view of the host."""
        with self.app.app_context():
            codes = otpauth_of(self.app).codes
            assert codes.redeem(message["recipient"], purpose="confirm", code=message["code"])

    def plan(self, moment: str) -> None:
        """Let the worker die at this moment of the next message."""
        self.place.plan.write_text(moment)
        self.kills += 1

    @contextmanager
    def worker(self, pool: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker until the end of the block."""
        command = [sys.executable, "-m", "celery", "-A", "tests.celery_host:worker_app", "worker"]
        options = ["-P", pool, "-c", "1", "-l", "WARNING", "--without-gossip", "--without-mingle"]
        options += ["-n", f"{self.place.queue}@localhost"]  # a name that no other worker of the broker has
        log = Path(self.place.folder, f"worker-{uuid4().hex}.log")
        with log.open("wb") as lines:
            process = subprocess.Popen(
                [*command, *options], env=self.place.environment(), stdout=lines, stderr=lines
            )
            try:
                yield process
            finally:
                process.terminate()
                process.wait(PATIENCE_SECONDS)
                sys.stderr.write(log.read_text(errors="replace"))

    def rows(self) -> dict[str, str]:
        """Return the state of each message, by its id."""
        storage = self.app.extensions["otpauth"].services.storage
        table = storage.tables.deliveries
        return {row["id"]: row["state"] for row in read(storage, select(table.c.id, table.c.state))}

    def summarize(self, broker: str) -> str:
        """Check that nothing was lost or doubled. Return what happened, for the log of CI."""
        states, taken = self.rows(), [message["id"] for message in self.provider.taken]
        lost = [each for each, state in states.items() if state != DeliveryState.HANDED_OVER]
        lost += [each for each in states if each not in taken]
        doubled = [each for each in set(taken) if taken.count(each) > 1]
        assert (lost, doubled) == ([], [])
        return (
            f"Celery over {broker}: {len(states)} codes requested, {self.kills} workers killed, "
            f"{len(taken)} sent, {len(lost)} lost, {len(doubled)} doubled"
        )


MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage(provider: Provider, tmp_path: Path) -> Iterator[MakeStage]:
    with ExitStack() as stack:

        def make(broker: str, **settings: Any) -> Stage:
            address, url = BROKERS[broker]
            need(broker, listens(address))
            database_uri = stack.enter_context(database_of(DATABASES[broker], tmp_path))
            name = f"otpauth_test_{uuid4().hex}"
            place = Place(url, name, database_uri, provider.port, str(tmp_path))
            app = make_app(place, **settings)
            stack.callback(_close, app, name)
            with app.app_context():
                otpauth_of(app).create_all()
            return Stage(app, place, provider)

        yield make


def _close(app: Flask, queue_name: str) -> None:
    """Delete the queue, and close all connections."""
    from kombu import pools

    celery_app = app.extensions["celery"]
    with celery_app.connection_for_write() as connection:
        connection.default_channel.queue_delete(queue_name)
        connection.default_channel.exchange_delete(queue_name)
    pools.reset()
    celery_app.close()
    app.extensions["otpauth"].services.storage.database.engine.dispose()


def test_workers_that_are_killed_over_rabbitmq_lose_nothing_and_double_nothing(
    make_stage: MakeStage, record_property: Callable[[str, object], None]
) -> None:
    """The broker gives the task of a process that was killed to the next one, at once."""
    stage = make_stage("RabbitMQ")
    with stage.worker("prefork"):
        for number, moment in enumerate(["", "before", "", "during", "", "after", ""]):
            if moment:
                stage.plan(moment)
            stage.send(f"user{number}@example.com")
            assert stage.provider.next()["recipient"] == f"user{number}@example.com"
    record_property(SHOWN, stage.summarize("RabbitMQ"))


def test_a_worker_that_is_killed_over_redis_loses_nothing_and_doubles_nothing(
    make_stage: MakeStage, record_property: Callable[[str, object], None]
) -> None:
    """Redis keeps such a task for an hour. Until then, the command finds its message."""
    stage = make_stage("Redis")
    with stage.worker("solo") as worker:
        stage.send("user0@example.com")
        stage.provider.next()
        stage.plan("before")
        stage.send("user1@example.com")
        worker.wait(PATIENCE_SECONDS)

    result = stage.app.test_cli_runner().invoke(args=["otpauth", "deliver"])

    assert result.output == "1 messages taken up.\n"
    record_property(SHOWN, stage.summarize("Redis"))


def test_a_worker_sends_the_next_step_of_a_workflow_unless_the_code_was_used(
    make_stage: MakeStage, record_property: Callable[[str, object], None]
) -> None:
    """The one process of the worker waits for the provider while the first code is used."""
    used, unused = "+84987654321", "+84987654322"
    stage = make_stage("RabbitMQ")

    def use_first_code(message: dict[str, str]) -> None:
        if (message["channel"], message["recipient"]) == ("sms", used):
            stage.redeem(message)

    stage.provider.before_answer = use_first_code
    with stage.worker("prefork"):
        stage.send("user@example.com")
        messages = [stage.provider.next()]  # The worker has started, so it waits for the voice steps.
        stage.send(used, "sms")
        stage.send(unused, "sms")
        messages += [stage.provider.next() for _ in range(3)]

    # The voice step of the first code was due before that of the second one, and was not sent.
    assert [(message["channel"], message["recipient"]) for message in messages] == [
        ("email", "user@example.com"),
        ("sms", used),
        ("sms", unused),
        ("voice", unused),
    ]
    assert messages[3]["code"] == messages[2]["code"]
    assert stage.provider.taken == messages
    states = Counter(stage.rows().values())
    assert states == {DeliveryState.HANDED_OVER: 4, DeliveryState.CANCELED: 1}
    record_property(
        SHOWN,
        f"Celery over RabbitMQ: 2 workflows, {len(messages) - 1} steps sent by a worker, "
        f"{states[DeliveryState.CANCELED]} canceled because the code was used",
    )


def test_a_task_that_is_delivered_again_sends_nothing(make_stage: MakeStage) -> None:
    stage = make_stage("RabbitMQ")
    stage.send("user@example.com")
    (message_id,) = stage.rows()
    task = stage.app.extensions["celery"].tasks[DELIVER]

    for _ in range(3):
        task.apply(args=[message_id], throw=True)

    assert [message["id"] for message in stage.provider.taken] == [message_id]


def test_the_task_that_looks_for_what_was_left_sends_it(make_stage: MakeStage) -> None:
    stage = make_stage("RabbitMQ")
    stage.send("user@example.com")

    for _ in range(2):
        stage.app.extensions["celery"].tasks[DELIVER_DUE].apply(throw=True)

    assert [message["recipient"] for message in stage.provider.taken] == ["user@example.com"]


def answering(stage: Stage, monkeypatch: pytest.MonkeyPatch, *answers: int | None) -> list[str]:
    """Let the engine return these seconds, or be without a database. Return the ids that it will get."""
    ids: list[str] = []
    left = iter(answers)

    def deliver(message_id: str) -> int:
        ids.append(message_id)
        answer = next(left)
        if answer is None:
            raise StorageUnavailable
        return answer

    monkeypatch.setattr(stage.app.extensions["otpauth"].services.deliveries, "deliver", deliver)
    return ids


def test_a_task_comes_back_until_its_message_can_be_claimed_and_while_the_database_is_down(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = make_stage("RabbitMQ")
    ids = answering(stage, monkeypatch, 15, None, None, 1, 0)

    stage.app.extensions["celery"].tasks[DELIVER].apply(args=["an id"])

    assert ids == ["an id"] * 5


@pytest.mark.parametrize("broker", BROKERS)
def test_the_broker_holds_no_address_and_no_code_and_forgets_the_task_with_the_code(
    make_stage: MakeStage, broker: str
) -> None:
    stage = make_stage(broker)
    stage.send("secret.address@example.com")
    stage.app.extensions["celery"].tasks[DELIVER_DUE].apply(throw=True)

    with stage.app.extensions["celery"].connection_for_read() as connection:
        task = connection.default_channel.basic_get(stage.place.queue, no_ack=True)

    everything = f"{task.body!r} {task.headers} {task.properties}"
    assert stage.provider.next()["id"] in everything
    assert "secret" not in everything
    assert stage.provider.taken[0]["code"] not in everything.replace(stage.provider.taken[0]["id"], "")
    assert task.headers["expires"] is not None


@pytest.mark.parametrize("url", ["amqp://guest:guest@127.0.0.1:1//", "redis://127.0.0.1:1/0"])
def test_a_broker_that_is_down_is_a_failed_send_that_uses_nothing_up(url: str, tmp_path: Path) -> None:
    place = Place(url, "queue", f"sqlite:///{tmp_path / 'host.sqlite'}", 1, str(tmp_path))
    app = make_app(place, OTPAUTH_EMAIL_SEND_QUOTAS=["1 per day"])
    stage = Stage(app, place, Provider())
    with app.app_context():
        otpauth_of(app).create_all()

    for _ in range(2):  # The second one is not refused because of the quota.
        with pytest.raises(SendFailed):
            stage.send("user@example.com")

    assert list(stage.rows().values()) == [DeliveryState.WITHDRAWN] * 2
    app.extensions["celery"].close()
    app.extensions["otpauth"].services.storage.database.engine.dispose()


# -- the start --------------------------------------------------------------------------------


def problem_of(**settings: Any) -> str:
    """Return the start-up error of an app without a Celery app."""
    app = Flask("host")
    config = {"SECRET_KEY": SECRET_KEY, "TESTING": True, "OTPAUTH_SENDERS": {"email": "memory"}, **settings}
    app.config.from_mapping(config)
    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(app)
    return str(caught.value)


def test_without_a_celery_app_the_start_says_what_to_do() -> None:
    assert "app.extensions['celery']" in problem_of(OTPAUTH_DELIVERY="celery")


def test_without_the_extra_the_start_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flask_otpauth.wiring.delivery.find_spec", lambda name: None)

    assert "flask-otpauth-server[celery,crypto]" in problem_of(OTPAUTH_DELIVERY="celery")


def test_a_storage_that_no_worker_can_read_is_refused() -> None:
    class Queue:
        from_storage = True

        def submit(self, outgoing: object, send: object) -> None:
            """Take nothing."""

    told = problem_of(TESTING=False, OTPAUTH_DELIVERY=Queue(), OTPAUTH_DATABASE_URI="sqlite://")

    assert "another process sends" in told
