"""Two of the three ledgers: what the sender got, and what the database holds. The clients have the third."""

from __future__ import annotations

import base64
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from flask_otpauth import OtpAuth
from flask_otpauth.engine.clients import Credentials
from flask_otpauth.engine.services import Services
from tests.adapters.databases import read
from tests.faults.app import Place, make_app


@dataclass(frozen=True)
class Sent:
    """A message that the sender got."""

    recipient: str
    code: str
    reference: str


class Outbox:
    """The messages that the senders of all workers have appended."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._path = path
        self._read_until = 0
        self._by_recipient: dict[str, list[Sent]] = defaultdict(list)
        self._lock = threading.Lock()

    def messages(self, recipient: str) -> list[Sent]:
        """What was sent to a recipient, oldest first. The plus sign of a phone does not matter."""
        with self._lock, self._path.open("rb") as file:
            file.seek(self._read_until)
            whole, newline, _ = file.read().rpartition(b"\n")
            self._read_until += len(whole + newline)
            for line in whole.splitlines():
                sent = Sent(**json.loads(line))
                self._by_recipient[sent.recipient.removeprefix("+")].append(sent)
            return self._by_recipient[recipient.removeprefix("+")]


@dataclass(frozen=True)
class Book:
    """The rows of the database, read by an app that no fault is done to."""

    app: Flask
    otpauth: OtpAuth

    def new_applications(self, count: int) -> list[Credentials]:
        """Applications that may order calls."""
        with self.app.app_context():
            return [self.otpauth.clients.create("an application", ("flashcall",)) for _ in range(count)]

    def limits(self, flow: str, recipient: str) -> dict[str, Any]:
        """The row with the limits of a recipient."""
        subject = recipient if "@" in recipient else f"+{recipient}"
        return self._challenge(flow, "", subject)

    def code(self, flow: str, subject: str, client_id: str) -> dict[str, Any]:
        """The row with the code of a subject, or of an order."""
        return self._challenge(flow, client_id, subject)

    def counted_under_cap(self, client_id: str) -> int:
        """How many codes are counted under the cap of an application."""
        table = self._services.storage.tables.counters
        key = self._key("cap", "application", client_id)
        rows = read(self._services.storage, select(table.c.count).where(table.c.key == key))
        return sum(int(row["count"]) for row in rows)

    def has_session(self, access_token: str) -> bool:
        """Whether the session of an access token was opened."""
        claims = access_token.split(".")[1]
        session = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sid"]
        table = self._services.storage.tables.sessions
        count = select(func.count().label("n")).where(table.c.id == session)
        return bool(read(self._services.storage, count)[0]["n"])

    @property
    def _services(self) -> Any:
        services: Services = self.app.extensions["otpauth"].services
        return services

    def _key(self, *parts: str) -> bytes:
        key: bytes = self._services.codes.keys.row_key(*parts)
        return key

    def _challenge(self, *parts: str) -> dict[str, Any]:
        table = self._services.storage.tables.challenges
        rows = read(self._services.storage, table.select().where(table.c.key == self._key(*parts)))
        return rows[0] if rows else {}


@contextmanager
def book_of(place: Place, url: str) -> Iterator[Book]:
    """The rows of the app at ``place``, whose tables are made."""
    own = replace(place, database=url, engine_options={"pool_pre_ping": True}, planted="")
    app, otpauth = make_app(own)
    with app.app_context():
        otpauth.create_all()
    yield Book(app, otpauth)
    engine = app.extensions["otpauth"].services.storage.database.engine
    engine.dispose()
