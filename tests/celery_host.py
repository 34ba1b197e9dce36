"""
A host app whose messages are sent by a Celery worker. The worker runs ``-A tests.celery_host:worker_app``.

The settings are in the environment, because the worker is another process. It kills itself, as a machine that
loses power would, at the moment that a file names: before a message is handed over, during that, or after it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask

from docs.examples.queued import celery_init_app
from flask_otpauth import OtpAuth
from flask_otpauth.senders import Message, Receipt, Status
from tests.hosts import SECRET_KEY

ENVIRONMENT = "OTPAUTH_TEST_CELERY"
#: A worker whose app has newer secrets must send what was encrypted with an older one.
NEWER_SECRET = "a newer secret that is long enough for a test"


@dataclass(frozen=True)
class Place:
    """Where the parts are: the broker, the database, the provider, and a folder for files."""

    broker_url: str
    queue: str
    database_uri: str
    provider_port: int
    folder: str

    @property
    def plan(self) -> Path:
        """The file that names the moment at which a worker dies."""
        return Path(self.folder, "plan")

    @property
    def ahead(self) -> Path:
        """The file that says by how many seconds the clock of the app is ahead."""
        return Path(self.folder, "ahead")

    def environment(self) -> dict[str, str]:
        """Return the environment of a worker."""
        return {**os.environ, ENVIRONMENT: json.dumps(asdict(self))}

    def now(self) -> datetime:
        """Return the time of the app."""
        ahead = float(self.ahead.read_text()) if self.ahead.exists() else 0.0
        return datetime.now(UTC) + timedelta(seconds=ahead)

    def die_if(self, moment: str) -> None:
        """End this process as ``kill -9`` does, if the plan says so. The lease of its claim is over then."""
        if self.plan.exists() and self.plan.read_text() == moment:
            self.plan.unlink()
            # The test may be reading the file.
            Path(self.folder, "ahead.new").write_text("30")
            Path(self.folder, "ahead.new").replace(self.ahead)
            os.kill(os.getpid(), signal.SIGKILL)


class ProviderSender:
    """Sends to a provider, which is the test."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def send(self, message: Message) -> Receipt:
        with socket.create_connection(("127.0.0.1", self.place.provider_port), timeout=10) as connection:
            sent = {name: getattr(message, name) for name in ("id", "channel", "recipient", "code")}
            connection.sendall(json.dumps(sent).encode() + b"\n")
            connection.recv(16)
        self.place.die_if("during")  # The provider has the message, and nobody notes that.
        return Receipt(Status.ACCEPTED, provider_id=f"P-{message.id}")


def make_app(place: Place, **settings: Any) -> Flask:
    """Return the app, in the process of the test or in that of a worker."""
    app = Flask("celery_host")
    app.config.from_mapping(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        CELERY={
            "broker_url": place.broker_url,
            "broker_connection_retry_on_startup": True,
            "task_default_queue": place.queue,
            "worker_prefetch_multiplier": 1,
            "worker_lost_wait": 0.1,  # seconds, until the task of a killed process goes back to the broker
        },
        OTPAUTH_DELIVERY="celery",
        OTPAUTH_DATABASE_URI=place.database_uri,
        OTPAUTH_SENDERS=dict.fromkeys(("email", "sms", "voice"), ProviderSender(place)),
        OTPAUTH_SMS_WORKFLOW=("sms 1s", "voice"),
        OTPAUTH_CLOCK=place.now,
        OTPAUTH_IP_LIMITS=None,
    )
    app.config.from_mapping(settings)
    celery_init_app(app)
    app.extensions["test_otpauth"] = OtpAuth(app)
    return app


def _worker_app(place: Place) -> Any:
    app = make_app(place, OTPAUTH_SECRET_KEYS=[NEWER_SECRET, SECRET_KEY], OTPAUTH_SUBJECT_KEY=SECRET_KEY)
    store = app.extensions["otpauth"].services.storage.deliveries
    begin, settle = store.begin, store.settle

    def planned_begin(claim: Any) -> bool:
        place.die_if("before")
        begun: bool = begin(claim)
        return begun

    def planned_settle(*args: Any, **options: Any) -> bool:
        place.die_if("after")
        settled: bool = settle(*args, **options)
        return settled

    store.begin, store.settle = planned_begin, planned_settle
    return app.extensions["celery"]


if ENVIRONMENT in os.environ:
    worker_app = _worker_app(Place(**json.loads(os.environ[ENVIRONMENT])))
