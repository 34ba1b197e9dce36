"""The page on operations: its commands are run on an app, and its SQL and its table on PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text

from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.core.challenges import Act
from flask_otpauth.core.circuits import CircuitPolicy, Evidence, SendAttempt
from flask_otpauth.core.clients import Client, ClientToken
from flask_otpauth.core.deliveries import DeliveryReport, DeliveryRow, DeliveryStatus
from flask_otpauth.core.failures import FailurePolicy
from flask_otpauth.core.idempotency import RequestAttempt
from flask_otpauth.core.sessions import Refresh, Session
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.testing.storage_contract.samples import (
    DAY,
    NOON,
    QUOTA,
    Subject,
    cap_of,
    fresh_key,
    one_row,
    two_rows,
)
from tests.adapters.databases import postgresql_schema
from tests.docs.page_host import PageHost
from tests.docs.shell import DOCS, blocks
from tests.hosts import MakeApp

PAGE = "operations.md"
#: What the operations of the table are called with.
ONE_ROW, SUBJECT, CAP, SECRET = one_row(), two_rows(), cap_of(9), fresh_key()
SESSION = Session("a session", "a user", NOON, NOON, NOON + DAY)
CLIENT = Client("a client", "", (), "member", NOON, fresh_key())
TOKEN = ClientToken(fresh_key(), CLIENT.id, 0, NOON, NOON + DAY)
DELIVERY = DeliveryRow("a message", SUBJECT.challenge_key, "a nonce", "sms", NOON, NOON + DAY, NOON + DAY)
ATTEMPT = RequestAttempt(fresh_key(), fresh_key(), "a nonce", NOON)
REPORT = DeliveryReport(DeliveryStatus.DELIVERED)
POLICY = FailurePolicy(limit=3)
#: What each key is.
KEYS: dict[object, str] = {
    ONE_ROW.limits_key: "code",
    SUBJECT.limits_key: "limits",
    SUBJECT.challenge_key: "code",
    CAP.key: "cap",
    SECRET: "secret",
    SESSION.id: "session",
    SESSION.user_id: "user",
    CLIENT.id: "client",
    TOKEN.digest: "token",
    "a sender": "sender",
    DELIVERY.id: "message",
    ATTEMPT.key: "key",
}


@pytest.fixture
def engine() -> Iterator[Engine]:
    with postgresql_schema() as url:
        engine = create_engine(url)
        SqlAlchemyStorage(engine).create_all()
        yield engine
        engine.dispose()


def test_the_commands_of_the_page_print_what_it_shows(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    host = PageHost(make_app, {}, outbox, clock)

    host.replay(DOCS / PAGE)

    assert host.commands == len(blocks(PAGE, "console")) > 0


def test_the_sql_of_the_page_runs_on_postgresql(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        results = [
            connection.execute(text(statement))
            for block in blocks(PAGE, "sql")
            for statement in block.split(";")
            if statement.strip()
        ]

    assert len(results) >= 3
    assert {row.table for row in results[0]} >= {"otpauth_challenges", "otpauth_sessions"}


# -- the table of operations ------------------------------------------------------------------


@dataclass
class Touched:
    """The tables of some statements, and the keys among their values."""

    tables: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    @contextmanager
    def listening(self, engine: Engine) -> Iterator[None]:
        """Note what the engine executes meanwhile."""
        event.listen(engine, "before_cursor_execute", self._note)
        yield
        event.remove(engine, "before_cursor_execute", self._note)

    def _note(self, _connection: object, _cursor: object, sql: str, values: Any, *_: object) -> None:
        self.tables.update(re.findall(r"\botpauth_(\w+)", sql))
        for name, value in (values or {}).items():
            # psycopg has a wrapper around bytes. A column that is not a key finds no row.
            key = KEYS.get(getattr(value, "obj", value))
            if key and name not in ("new_user_id", "new_client_id", "new_challenge_key"):
                self.keys.add(key)


Operations = dict[str, list[Callable[[], object]]]


def of_codes(storage: SqlAlchemyStorage, subject: Subject, **more: Any) -> list[Callable[[], object]]:
    """Issue, redeem and withdraw."""
    issue, store = subject.issue(**more), storage.challenges
    return [
        lambda: store.issue(issue),
        lambda: store.redeem(subject.guess("222222")),
        lambda: store.withdraw(issue),
    ]


def of_challenges(storage: SqlAlchemyStorage) -> Operations:
    """Those that find one row of a subject."""
    store, issue = storage.challenges, SUBJECT.issue(now_ms=NOON + 1)
    act = Act(SUBJECT.limits_key, (QUOTA,), "a nonce of an act", NOON + 2)
    return {
        "`challenges.peek`, `count`, `clear`": [
            lambda: store.peek(issue),
            lambda: store.count(act),
            lambda: store.clear(SUBJECT.limits_key, "misses"),
        ],
        "`challenges.reference`, `handed_over`": [
            lambda: store.reference(SUBJECT.challenge_key),
            lambda: store.handed_over(issue),
        ],
    }


def of_secrets(storage: SqlAlchemyStorage) -> Operations:
    """All operations of secrets."""
    store = storage.secrets
    return {
        "`secrets.read`, `put`, `fail`, `passed`, `unblock`, `enable`, `delete`": [
            lambda: store.read(SECRET),
            lambda: store.put(SECRET, "h1", replacing="any"),
            lambda: store.fail(SECRET, "h1", POLICY, NOON),
            lambda: store.passed(SECRET, "h1", POLICY, NOON),
            lambda: store.unblock(SECRET),
            lambda: store.enable(SECRET),
            lambda: store.delete(SECRET),
        ]
    }


def of_sessions(storage: SqlAlchemyStorage) -> Operations:
    """All operations of sessions."""
    store, user = storage.sessions, SESSION.user_id
    return {
        "`sessions.open`": [lambda: store.open(SESSION, closing_others=False)],
        "`sessions.rotate`, `find`, `close`": [
            lambda: store.rotate(Refresh(SESSION.id, 0, NOON + 1, DAY, DAY)),
            lambda: store.find(SESSION.id),
            lambda: store.close(SESSION.id, NOON + 2),
        ],
        "`sessions.list_open`, `delete_all`": [
            lambda: store.list_open(user, NOON),
            lambda: store.delete_all(user),
        ],
        "`sessions.open` (as the only one of its user)": [lambda: store.open(SESSION, closing_others=True)],
        "`sessions.close_all`": [lambda: store.close_all(user, NOON)],
        "`sessions.generation`": [lambda: store.generation(user)],
    }


def of_clients(storage: SqlAlchemyStorage) -> Operations:
    """The operations of clients that find one."""
    store = storage.clients
    store.add(CLIENT)
    return {
        "`clients.get`, `set_blocked`, `rotate_secret`": [
            lambda: store.get(CLIENT.id),
            lambda: store.set_blocked(CLIENT.id, None),
            lambda: store.rotate_secret(CLIENT.id, fresh_key(), NOON, None),
        ],
        "`clients.add_token`": [lambda: store.add_token(TOKEN, 2)],
        "`clients.find_token`": [lambda: store.find_token([TOKEN.digest])],
    }


def of_deliveries(storage: SqlAlchemyStorage) -> Operations:
    """The operations on one message."""
    store = storage.deliveries
    return {
        "`deliveries.add`, `find`, `begin`, `settle`, `withdraw`, `hasten`, `report`": [
            lambda: store.add(DELIVERY),
            lambda: store.find(DELIVERY.id),
            lambda: store.begin(DELIVERY),
            lambda: store.settle(DELIVERY, REPORT, failed=False),
            lambda: store.hasten(DELIVERY.id, NOON - 1),
            lambda: store.report(DELIVERY.id, REPORT),
        ],
        "`deliveries.claim`": [lambda: store.claim(DELIVERY.id, NOON, DAY)],
    }


def of_circuits(storage: SqlAlchemyStorage) -> Operations:
    """The operations on one sender."""
    store, attempt = storage.circuits, SendAttempt("a sender", "a nonce", CircuitPolicy(limit=1), NOON)
    return {
        "`circuits.read`, `admit`, `note`": [
            lambda: store.note(attempt, Evidence.FAILS, NOON),
            lambda: store.admit(replace(attempt, now_ms=NOON + DAY)),
            lambda: store.read(attempt.name),
        ],
    }


def of_idempotency(storage: SqlAlchemyStorage) -> Operations:
    """All operations of idempotency keys."""
    store = storage.idempotency
    return {
        "`idempotency.begin`, `finish`, `free`": [
            lambda: store.begin(ATTEMPT),
            lambda: store.finish(ATTEMPT, "an answer"),
            lambda: store.begin(ATTEMPT),
            lambda: store.free(ATTEMPT),
        ]
    }


def test_the_operations_touch_what_the_table_says(engine: Engine) -> None:
    storage, verbs = SqlAlchemyStorage(engine), "`challenges.issue`, `redeem`, `withdraw`"
    issue, _, withdraw = of_codes(storage, SUBJECT, cap=CAP)
    operations = {
        f"{verbs} (limits and code in one row)": of_codes(storage, ONE_ROW),
        f"{verbs} (two rows)": of_codes(storage, SUBJECT),
        "`challenges.issue`, `withdraw` (with a daily cap)": [issue, withdraw],
        **of_challenges(storage),
        **of_secrets(storage),
        **of_sessions(storage),
        **of_clients(storage),
        **of_circuits(storage),
        **of_deliveries(storage),
        **of_idempotency(storage),
    }
    page = (DOCS / PAGE).read_text("utf-8")
    rows = re.findall(r"^\| (`\w+\..+?) \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    shown = {name: (set(tables.split(", ")), set(keys.split(", "))) for name, tables, keys in rows}

    found: dict[str, list[object]] = {}
    for name, calls in operations.items():
        for call in calls:
            touched = Touched()
            with touched.listening(engine):
                call()
            found.setdefault(name, []).append((touched.tables, touched.keys))

    assert found == {name: [shown.get(name)] * len(calls) for name, calls in operations.items()}
    assert shown.keys() == operations.keys()
