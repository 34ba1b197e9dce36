"""A worker process of an app with a workflow, which can be killed at any point of a step."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.ports.storage import DeliveryStore
from flask_otpauth.senders import Message, Receipt, Status
from tests.hosts import SECRET_KEY, cheap_hashing

WORKFLOW = ("sms 40s", "whatsapp 40s", "voice")

#: Where a worker is killed: around an operation of the storage, or when the provider has the message.
BEFORE_THE_PROVIDER = ("before claim", "after claim", "before begin")
WITH_THE_PROVIDER = ("provider", "before settle", "after settle")
#: Here nobody can know whether the provider has the message.
UNKNOWN = "after begin"


@dataclass(frozen=True)
class Provider:
    """A provider of all channels, which writes down what it gets."""

    journal: Path
    kills: bool = False

    def send(self, message: Message) -> Receipt:
        with self.journal.open("a") as journal:
            journal.write(f"{message.channel} {message.recipient} {message.id}\n")
        if self.kills:
            kill()
        return Receipt(Status.ACCEPTED)


def kill(*_: object) -> NoReturn:
    """End this process as ``kill -9`` does."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class Worker:
    """What a process needs to be a worker. It can be given to another process."""

    uri: str
    journal: Path
    now: datetime
    #: Where it is killed; empty: nowhere.
    point: str = ""

    def app(self, clock: Callable[[], datetime] | None = None) -> Flask:
        app = Flask("worker")
        provider = Provider(self.journal, kills=self.point == "provider")
        app.config.update(
            SECRET_KEY=SECRET_KEY,
            TESTING=True,
            OTPAUTH_FLOWS=("email",),
            OTPAUTH_SENDERS=dict.fromkeys(("email", "sms", "whatsapp", "voice"), provider),
            OTPAUTH_DATABASE_URI=self.uri,
            OTPAUTH_CLOCK=clock or (lambda: self.now),
            OTPAUTH_SMS_WORKFLOW=WORKFLOW,
            OTPAUTH_SMS_SEND_QUOTAS=(),
            OTPAUTH_SMS_COOLDOWN=0,
        )
        with cheap_hashing():
            app.extensions["test_otpauth"] = OtpAuth(app)
        return app

    def run(self, act: Callable[[OtpAuth], Any]) -> Any:
        """Do something as this worker, and be killed at the point."""
        app = self.app()
        with connected(app):
            when, _, operation = self.point.partition(" ")
            if operation:
                deadly(app.extensions["otpauth"].services.storage.deliveries, operation, when)
            return act(app.extensions["test_otpauth"])


@contextmanager
def connected(app: Flask) -> Iterator[None]:
    """Run in a context of the app, and close its connections."""
    with app.app_context():
        yield
    app.extensions["otpauth"].services.storage.database.engine.dispose()


def deadly(store: DeliveryStore, operation: str, when: str) -> None:
    """Have this process killed before or after an operation of the storage."""
    kind: Any = type(store)
    original = getattr(kind, operation)

    def replaced(*arguments: Any, **options: Any) -> Any:
        if when == "after":
            original(*arguments, **options)
        kill()

    setattr(kind, operation, replaced)


def send_codes(worker: Worker, *recipients: str) -> None:
    """Request a code for each recipient, as a view of the host does."""

    def send(otpauth: OtpAuth) -> None:
        for recipient in recipients:
            otpauth.codes.send("sms", recipient, purpose="pay")

    worker.run(send)


def deliver_due(worker: Worker) -> None:
    """Hand over what is due, as the timer of a process does."""
    worker.run(lambda otpauth: otpauth.deliveries.deliver_due())


def deliver_together(worker: Worker, barrier: Any) -> None:
    """Hand over what is due, at the same moment as others."""
    app = worker.app()
    with connected(app):
        barrier.wait(60)
        while app.extensions["test_otpauth"].deliveries.deliver_due():
            pass
