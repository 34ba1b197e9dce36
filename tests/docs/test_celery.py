"""The page on Celery: its app sends by the tasks of a broker in memory, and so does its own queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask

from docs.examples import own_queue, queued
from flask_otpauth import SendFailed
from flask_otpauth.testing import MovableClock, Outbox
from tests.docs.shell import DOCS, blocks
from tests.hosts import SECRET_KEY, MakeApp

PAGE = "howto/celery.md"


@pytest.fixture
def config(outbox: Outbox, clock: MovableClock, database_file: str) -> dict[str, Any]:
    """What a deployment of the example sets."""
    return {
        "SECRET_KEY": SECRET_KEY,
        "TESTING": True,
        "CELERY": {"broker_url": "memory://"},
        "OTPAUTH_SENDERS": outbox.senders,
        "OTPAUTH_CLOCK": clock,
        "OTPAUTH_DATABASE_URI": database_file,
        "OTPAUTH_IP_LIMITS": None,
    }


def send(otpauth: Any) -> None:
    otpauth.codes.send("email", "user@example.com", purpose="confirm")


def test_the_app_of_the_page_sends_by_a_task(config: dict[str, Any], outbox: Outbox) -> None:
    apps: list[Flask] = []

    def create_app(config: dict[str, Any]) -> Flask:
        apps.append(queued.create_app(config))
        return apps[0]

    scope: dict[str, Any] = {"config": config, "create_app": create_app}
    (module,) = blocks(PAGE, "python")
    exec(module.replace("from shop import create_app\n", ""), scope)
    celery_app = scope["celery_app"]
    with apps[0].app_context():
        queued.otpauth.create_all()
        send(queued.otpauth)
    assert outbox.messages == []

    with celery_app.connection_for_read() as connection:
        task = connection.default_channel.basic_get("celery", no_ack=True)
    celery_app.tasks[task.headers["task"]].apply(args=task.payload[0], throw=True)

    assert outbox.last.recipient == "user@example.com"
    assert outbox.last.id in task.headers["argsrepr"]


def test_the_example_names_a_task_that_there_is() -> None:
    config = {"SECRET_KEY": SECRET_KEY, "TESTING": True, "OTPAUTH_SENDERS": {"email": "memory"}}
    app = queued.create_app({**config, "OTPAUTH_DATABASE_URI": "sqlite://"})
    celery_app = app.extensions["celery"]

    scheduled = celery_app.conf.beat_schedule["otpauth"]["task"]

    assert scheduled in celery_app.tasks


def test_the_page_has_the_commands_of_a_worker() -> None:
    from celery.bin.celery import celery

    _, commands = blocks(PAGE, "sh")
    for command in commands.strip().splitlines():
        _, *options, name = command.split()
        assert options == ["-A", "worker:celery_app"]
        assert name in celery.commands
    assert "flask otpauth deliver --watch" in (DOCS / PAGE).read_text("utf-8")


@dataclass
class FakeQueue:
    """A queue like RQ's."""

    calls: list[tuple[Callable[..., None], str]] = field(default_factory=list)
    is_down: bool = False

    def enqueue(self, call: Callable[..., None], message_id: str) -> None:
        if self.is_down:
            raise ConnectionRefusedError
        self.calls.append((call, message_id))

    def enqueue_in(self, seconds: int, call: Callable[..., None], message_id: str) -> None:
        self.calls.append((call, message_id))

    def work(self) -> None:
        """Run what waits."""
        calls, self.calls = self.calls, []
        for call, message_id in calls:
            call(message_id)


def test_the_queue_of_the_page_sends_each_message_once(make_app: MakeApp, outbox: Outbox) -> None:
    queue = FakeQueue()
    app = make_app(delivery=own_queue.OwnQueue(queue))
    app.extensions["queue"] = queue
    with app.app_context():
        send(own_queue.otpauth)
        queue.calls *= 2

        queue.work()

    assert [message.recipient for message in outbox.messages] == ["user@example.com"]


def test_the_queue_of_the_page_comes_back_to_a_message_that_somebody_claimed(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    queue = FakeQueue()
    app = make_app(delivery=own_queue.OwnQueue(queue))
    app.extensions["queue"] = queue
    with app.app_context():
        send(own_queue.otpauth)
        store = app.extensions["otpauth"].services.storage.deliveries
        store.claim(queue.calls[0][1], int(clock().timestamp() * 1000), 10_000)

        queue.work()
        early = list(outbox.messages)
        clock.tick(seconds=10)
        queue.work()

    assert (early, len(outbox.messages)) == ([], 1)


def test_the_queue_of_the_page_can_be_down(make_app: MakeApp) -> None:
    app = make_app(delivery=own_queue.OwnQueue(FakeQueue(is_down=True)))

    with app.app_context(), pytest.raises(SendFailed):
        send(own_queue.otpauth)
