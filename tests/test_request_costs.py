"""
What a request costs. For the database it is counted outside of the app: on the wire, or by SQLite itself.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pytest

import flask_otpauth
from bench import costs, product
from bench.costs import Costs
from bench.databases import new_database
from bench.wire import WRITE, Cost, Counter, counted
from flask_otpauth.settings import FlowSettings
from flask_otpauth.testing import Outbox
from tests.codes import another
from tests.flows.email_caller import EmailCaller, bearer
from tests.hosts import MakeApp, otpauth_of
from tests.services import MARIADB_ADDRESS, POSTGRESQL_ADDRESS, listens, need

PACKAGE = Path(flask_otpauth.__file__).parent
VALUE = re.compile(r"(?:_binary|[xX])?'(?:[^'\\]|\\.)*'|\b\d+\b", re.DOTALL)
EXPECTED = {
    "postgresql": Costs(
        request_otp=Cost(statements=1, commits=1, round_trips=1),
        verify_otp=Cost(statements=1, commits=1, round_trips=1),
        protected=Cost(statements=1, commits=0, round_trips=1),
    ),
    # A ROLLBACK of SQLAlchemy whenever a connection goes back to its pool is counted too.
    "mariadb": Costs(
        request_otp=Cost(statements=5, commits=1, round_trips=5),
        verify_otp=Cost(statements=13, commits=1, round_trips=13),
        protected=Cost(statements=2, commits=0, round_trips=2),
    ),
    "sqlite": Costs(
        request_otp=Cost(statements=2, commits=1, round_trips=0),
        verify_otp=Cost(statements=6, commits=1, round_trips=0),
        protected=Cost(statements=1, commits=0, round_trips=0),
    ),
}


#: What a login and a wrong guess do to rows.
LOGIN = {
    "postgresql": ["WITH"],
    # The user before and after it. A row is read and locked before it is written.
    "mariadb": ["SELECT", *(["SELECT", "UPDATE"] * 2), "SELECT", "INSERT", "SELECT"],
    "sqlite": ["UPDATE", "SELECT", "UPDATE", "INSERT"],
}
WRONG_GUESS = {
    "postgresql": ["WITH", "UPDATE"],
    "mariadb": ["SELECT", "SELECT", "UPDATE"],
    "sqlite": ["UPDATE"],
}


@dataclass
class Stage:
    """A caller whose account exists and is verified, and what counts."""

    caller: EmailCaller
    counter: Counter

    def statements_of(self, work: Callable[[], object]) -> list[str]:
        """All statements, the beginnings and ends of transactions among them."""
        self.counter.take()
        work()
        return self.counter.statements

    def on_tables(self, work: Callable[[], object]) -> list[str]:
        """The statements that read or write rows."""
        return [" ".join(each.split()) for each in self.statements_of(work) if "otpauth_" in each]

    def cost_of(self, work: Callable[[], object]) -> tuple[int, int, int]:
        """Writes, reads and commits."""
        statements = self.on_tables(work)
        writes = sum(WRITE.match(statement) is not None for statement in statements)
        return writes, len(statements) - writes, self.counter.commits


@pytest.fixture(params=EXPECTED)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        need("PostgreSQL", listens(POSTGRESQL_ADDRESS))
    if request.param == "mariadb":
        need("MariaDB", listens(MARIADB_ADDRESS))
    return str(request.param)


@pytest.fixture
def stage(kind: str, make_app: MakeApp, outbox: Outbox) -> Iterator[Stage]:
    with new_database(kind) as direct, counted(direct) as (url, counter):
        app = make_app(database_uri=url)
        app.add_url_rule("/me", "me", otpauth_of(app).token_required(lambda: "ok"))
        caller = EmailCaller(app, outbox)
        caller.login()
        yield Stage(caller, counter)
        app.extensions["otpauth"].services.storage.database.engine.dispose()


def test_requests_of_a_user_who_exists_have_these_costs(kind: str) -> None:
    assert costs.count(product, kind) == EXPECTED[kind]


def test_a_login_is_one_transaction_with_these_statements(kind: str, stage: Stage) -> None:
    code = stage.caller.fresh_code()

    statements = stage.on_tables(lambda: stage.caller.verify(code))

    assert [each.split()[0] for each in statements] == LOGIN[kind]
    assert stage.counter.commits == 1


def test_a_wrong_guess_is_counted_by_these_statements(kind: str, stage: Stage) -> None:
    wrong = another(stage.caller.fresh_code())

    statements = stage.on_tables(lambda: stage.caller.verify(wrong))

    assert [each.split()[0] for each in statements] == WRONG_GUESS[kind]
    # On PostgreSQL, the first one looks for a right guess and writes nothing. Each is a transaction.
    assert stage.counter.commits == (2 if kind == "postgresql" else 1)


def test_the_row_of_a_new_user_is_written_once_and_as_verified(stage: Stage) -> None:
    code = stage.caller.fresh_code("new@example.com")

    statements = stage.on_tables(lambda: stage.caller.verify(code, "new@example.com"))

    writes = [each for each in statements if "INTO otpauth_users" in each or "UPDATE otpauth_users" in each]
    assert [write.split()[0] for write in writes] == ["INSERT"]
    with stage.caller.app.app_context():
        assert otpauth_of(stage.caller.app).users.find("new@example.com").email_verified


def test_a_protected_route_is_one_read_by_two_keys(stage: Stage) -> None:
    token = stage.caller.login()["accessToken"]
    http = stage.caller.app.test_client()

    [query] = stage.on_tables(lambda: http.get("/me", headers=bearer(token)))

    assert "WHERE otpauth_sessions.id =" in query
    assert "JOIN otpauth_users ON otpauth_users.id =" in query


def test_a_forged_token_is_no_read_at_all(stage: Stage) -> None:
    http = stage.caller.app.test_client()

    assert stage.statements_of(lambda: http.get("/me", headers=bearer("a.b.c"))) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/request-otp", {"email": "nobody"}),
        ("/verify-otp", {"email": "user@example.com", "otpCode": "12345"}),
        ("/refresh-token", {"refreshToken": "x"}),
        ("/request-otp", []),
    ],
)
def test_what_is_refused_at_the_door_never_reaches_the_database(
    stage: Stage, path: str, body: object
) -> None:
    assert stage.statements_of(lambda: stage.caller.post(path, body)) == []


def test_an_unknown_address_costs_what_a_known_one_does(stage: Stage) -> None:
    def ask_and_guess(email: str) -> None:
        stage.caller.ask(email)
        stage.caller.verify("000000", email)

    def shapes(email: str) -> list[str]:
        # SQLite shows the values of a statement.
        return [VALUE.sub("?", each) for each in stage.statements_of(lambda: ask_and_guess(email))]

    known, commits = shapes("user@example.com"), stage.counter.commits

    assert shapes("nobody@example.com") == known
    assert stage.counter.commits == commits


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"], indirect=True)
def test_a_login_passes_fewer_than_20_files_of_the_package(stage: Stage) -> None:
    code, files = stage.caller.fresh_code(), set[str]()

    def note(frame: FrameType, _event: str, _argument: object) -> None:
        files.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        stage.caller.verify(code)
    finally:
        sys.setprofile(None)

    passed = {
        Path(file).relative_to(PACKAGE).parts for file in files if file.startswith(f"{PACKAGE}{os.sep}")
    }
    assert len([parts for parts in passed if parts[0] not in ("testing", "templates")]) < 20


def test_a_request_makes_no_policy(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(settings: object, scope: str) -> None:
        raise AssertionError(f"the policy of {scope} is made again")

    monkeypatch.setattr(FlowSettings, "policy", fail)

    assert stage.caller.login()["accessToken"]
