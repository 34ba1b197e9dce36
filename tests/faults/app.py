"""
The host app under load, as each worker of gunicorn makes it.

A file in the folder of controls has an effect from the next request on: ``pool`` makes a worker take all
connections of its pool, ``read-only`` makes SQLite refuse writes, ``clock.<process id>`` steps the clock
of one worker, and ``other-settings`` gives other limits to workers that start.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from flask_otpauth import OtpAuth
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.storage import SqlAlchemyStorage
from tests.faults.limits import OTHER, USUAL
from tests.faults.planted import planted_in
from tests.hosts import SECRET_KEY

#: Names the file of the :class:`Place` in the environment of a worker.
PLACE = "OTPAUTH_FAULTS_PLACE"


@dataclass(frozen=True)
class Place:
    """What the workers share."""

    folder: str
    database: str
    engine_options: dict[str, Any] = field(default_factory=dict)
    #: The operation that reads and then writes; empty: none.
    planted: str = ""
    #: What is added to the time of the system. All of it is within one day, so that a cap of a day is one.
    ahead_seconds: float = 0.0

    @property
    def outbox(self) -> Path:
        """The file that every sender appends to."""
        return Path(self.folder, "outbox")

    def control(self, name: str) -> Path:
        """A file that has an effect while it is there."""
        return Path(self.folder, name)


class FileSender:
    """Appends a line for each message, whichever process sends it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)

    def send(self, message: Message) -> Receipt:
        """Append a line by one call of the system, so that lines are whole."""
        line = {"recipient": message.recipient, "code": message.code, "reference": message.reference}
        os.write(self._file, f"{json.dumps(line)}\n".encode())
        return Receipt(Status.ACCEPTED)


class Clock:
    """The time of the system, stepped in the worker whose control is there."""

    def __init__(self, place: Place) -> None:
        self._ahead = timedelta(seconds=place.ahead_seconds)
        self._place = place

    def __call__(self) -> datetime:
        """The time now."""
        step = self._place.control(f"clock.{os.getpid()}")
        try:
            # It is empty between its creation and its first byte.
            seconds = float(step.read_text() or 0)
        except FileNotFoundError:
            seconds = 0.0
        return datetime.now(UTC) + self._ahead + timedelta(seconds=seconds)


class Hoard:
    """Connections that views of the host never give back, while the control is there."""

    def __init__(self, place: Place, db: SQLAlchemy) -> None:
        self._control, self._db = place.control("pool"), db
        self._held: list[Any] = []
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Take all connections, or give them back. Flask calls it before each request."""
        if (self._control.exists() or self._held) and self._lock.acquire(blocking=False):
            try:
                self._take() if self._control.exists() else self._give_back()
            finally:
                self._lock.release()

    def _take(self) -> None:
        with suppress(SQLAlchemyError):
            while True:
                self._held.append(self._db.engine.raw_connection())

    def _give_back(self) -> None:
        while self._held:
            self._held.pop().close()


def make_app(place: Place) -> tuple[Flask, OtpAuth]:
    """The host app and its extension."""
    app = Flask("shop")
    limits = OTHER if place.control("other-settings").exists() else USUAL
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        SQLALCHEMY_DATABASE_URI=place.database,
        SQLALCHEMY_ENGINE_OPTIONS=place.engine_options,
        OTPAUTH_FLOWS=("email", "flashcall"),
        OTPAUTH_SENDERS=dict.fromkeys(("email", "flashcall"), FileSender(place.outbox)),
        OTPAUTH_CLOCK=Clock(place),
        OTPAUTH_IP_LIMITS=None,
        **{name: value for each in limits.values() for name, value in each.settings.items()},
    )
    db = SQLAlchemy(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            _let_sqlite_be_read_only(place, db)
        if place.planted:
            storage = SqlAlchemyStorage(db.engine, db.metadata)
            app.config["OTPAUTH_STORAGE"] = planted_in(storage, place.planted)
    app.before_request(Hoard(place, db))
    return app, OtpAuth(app)


def _let_sqlite_be_read_only(place: Place, db: SQLAlchemy) -> None:
    """The files of root cannot be made read-only for root, but a connection can be."""
    control = place.control("read-only")

    @event.listens_for(db.engine, "checkout")
    def on_checkout(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA query_only = {int(control.exists())}")


def create_app() -> Flask:
    """The app of a worker. Its file says which settings it started with."""
    place = Place(**json.loads(Path(os.environ[PLACE]).read_text()))
    settings = "other" if place.control("other-settings").exists() else "usual"
    app, _ = make_app(place)
    place.control(f"worker.{os.getpid()}").write_text(settings)
    return app
