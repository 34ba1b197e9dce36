"""
Statements, commits and round trips, counted outside of the app that causes them.

A relay between an app and its database server reads what the app's driver sends, so it sees every
statement, whatever layer of the app made it. SQLite itself tells which statements it runs.
"""

from __future__ import annotations

import re
import selectors
import socket
import socketserver
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from unittest.mock import patch

from sqlalchemy import URL, make_url

WRITE = re.compile(r"\s*(INSERT|UPDATE|DELETE|WITH\b.*\b(INSERT|UPDATE|DELETE))\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Cost:
    """What some work costs a database."""

    #: All statements, with those that begin and end transactions.
    statements: int
    #: Transactions that wrote something, which the database has to make durable.
    commits: int
    #: How often the app waits for the server. SQLite has none.
    round_trips: int

    def __str__(self) -> str:
        return f"{self.statements} / {self.commits} / {self.round_trips}"


class Counter:
    """Counts what all connections do."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.commits = self.round_trips = 0

    def take(self) -> Cost:
        """Return what has been counted, and begin again."""
        cost = Cost(len(self.statements), self.commits, self.round_trips)
        self.statements, self.commits, self.round_trips = [], 0, 0
        return cost


class Transactions:
    """Follows the transactions of one connection."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._autocommit, self._wrote, self._open = True, False, False

    def run(self, statement: str) -> None:
        """Count a statement."""
        self._counter.statements.append(statement)
        words = statement.upper().rstrip(";").split()
        if words[:2] == ["SET", "AUTOCOMMIT"]:
            self._autocommit = words[-1] == "1"
        elif words[:1] in (["BEGIN"], ["START"]):
            self._open = True
        elif words in (["COMMIT"], ["ROLLBACK"]):
            self._counter.commits += self._wrote and words == ["COMMIT"]
            self._open = self._wrote = False
        elif WRITE.match(statement):
            self._wrote = self._open or not self._autocommit
            self._counter.commits += not self._wrote


class Driver(Protocol):
    """Reads what a driver sends."""

    def statements(self, sent: bytes) -> Iterator[str]:
        """Return the statements that are complete with these bytes."""


@contextmanager
def counted(url: str) -> Iterator[tuple[str, Counter]]:
    """Count what is done on a database until the end of the block, by the URL that this returns."""
    counter = Counter()
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        with _traced(counter):
            yield url, counter
    else:
        with _relayed(parsed, counter) as relay:
            yield relay.render_as_string(hide_password=False), counter


@contextmanager
def _traced(counter: Counter) -> Iterator[None]:
    connect = sqlite3.connect

    def traced(*arguments: object, **options: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)  # type: ignore[call-overload]
        connection.set_trace_callback(Transactions(counter).run)
        return connection

    # SQLAlchemy takes it from the second.
    with patch.object(sqlite3, "connect", traced), patch.object(sqlite3.dbapi2, "connect", traced):
        yield


@contextmanager
def _relayed(server: URL, counter: Counter) -> Iterator[URL]:
    is_postgresql = server.get_backend_name() == "postgresql"
    address = (server.host or "", server.port or (5432 if is_postgresql else 3306))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(address) as upstream:
                _relay(self.request, upstream, PostgreSql() if is_postgresql else MariaDb(), counter)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as relay:
        relay.daemon_threads = True
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        unencrypted = {"sslmode": "disable", "gssencmode": "disable"} if is_postgresql else {}
        try:
            yield server.set(host="127.0.0.1", port=relay.server_address[1]).update_query_dict(unencrypted)
        finally:
            relay.shutdown()


def _relay(client: socket.socket, server: socket.socket, driver: Driver, counter: Counter) -> None:
    transactions, waiting = Transactions(counter), False
    with selectors.DefaultSelector() as selector:
        for sender, receiver in ((client, server), (server, client)):
            selector.register(sender, selectors.EVENT_READ, (sender, receiver))
        while True:
            for key, _ in selector.select():
                sender, receiver = key.data
                sent = sender.recv(65536)
                if not sent:
                    return
                if sender is client:
                    counter.round_trips += not waiting
                    for statement in driver.statements(sent):
                        transactions.run(statement)
                waiting = sender is client
                receiver.sendall(sent)


class PostgreSql:
    """Messages of PostgreSQL's protocol, version 3."""

    def __init__(self) -> None:
        self._unread = b""
        self._begun = False
        self._prepared: dict[bytes, str] = {}
        self._bound = b""

    def statements(self, sent: bytes) -> Iterator[str]:
        """Return the statements that are complete with these bytes."""
        self._unread += sent
        # The first message has no letter for its kind.
        while len(self._unread) >= (head := 5 if self._begun else 4):
            length = int.from_bytes(self._unread[head - 4 : head]) + head - 4
            if len(self._unread) < length:
                return
            kind, body = self._unread[: head - 4], self._unread[head:length]
            self._unread, self._begun = self._unread[length:], True
            match kind, body.split(b"\0"):
                case b"Q", [text, *_]:
                    yield text.decode()
                case b"P", [name, text, *_]:
                    self._prepared[name] = text.decode()
                case b"B", [_portal, name, *_]:
                    self._bound = name
                case b"E", _:
                    yield self._prepared[self._bound]


class MariaDb:
    """Packets of MariaDB's protocol. PyMySQL sends every statement as text."""

    def __init__(self) -> None:
        self._unread = b""

    def statements(self, sent: bytes) -> Iterator[str]:
        """Return the statements that are complete with these bytes."""
        self._unread += sent
        while len(self._unread) >= 4:
            length = int.from_bytes(self._unread[:3], "little") + 4
            if len(self._unread) < length:
                return
            number, body = self._unread[3], self._unread[4:length]
            self._unread = self._unread[length:]
            # Packets with other numbers are parts of the handshake. 3 is the command to run a statement.
            if number == 0 and body[:1] == b"\3":
                yield body[1:].decode()
