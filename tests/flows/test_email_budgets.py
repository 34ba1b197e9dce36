"""What a request costs the database, through the real flow (design, "Budget per request")."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from flask_otpauth.testing import Outbox
from tests.adapters.databases import postgresql_schema
from tests.codes import another
from tests.flows.email_caller import EmailCaller, bearer, outcome
from tests.hosts import MakeApp

WRITES = ("INSERT", "UPDATE", "DELETE")


@dataclass
class Cost:
    """What an engine was asked to do."""

    statements: list[str] = field(default_factory=list)
    commits: int = 0

    @property
    def writes(self) -> int:
        """Statements that write."""
        return sum(sql.startswith(WRITES) for sql in self.statements)

    @property
    def reads(self) -> list[str]:
        """Statements that read."""
        return [sql for sql in self.statements if sql.startswith("SELECT")]


@contextmanager
def metered() -> Iterator[Cost]:
    """Count what is asked of any engine meanwhile."""
    cost = Cost()

    def asked(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        cost.statements.append(sql.lstrip())

    def committed(_connection: object) -> None:
        cost.commits += 1

    event.listen(Engine, "before_cursor_execute", asked)
    event.listen(Engine, "commit", committed)
    try:
        yield cost
    finally:
        event.remove(Engine, "before_cursor_execute", asked)
        event.remove(Engine, "commit", committed)


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, make_app: MakeApp, tmp_path: Path) -> Iterator[Flask]:
    if request.param == "sqlite":
        yield make_app(database_uri=f"sqlite:///{tmp_path / 'own.sqlite'}")
        return
    with postgresql_schema() as url:
        app = make_app(database_uri=url)
        yield app
        app.extensions["otpauth"].services.storage.database.engine.dispose()


@pytest.fixture
def caller(app: Flask, outbox: Outbox) -> EmailCaller:
    """A caller whose account exists and is verified, and a route of the host's that is protected."""
    app.add_url_rule("/me", "me", app.extensions["test_otpauth"].token_required(lambda: "ok"))
    caller = EmailCaller(app, outbox)
    caller.login()
    return caller


def test_a_request_for_a_code_is_one_write_and_one_commit(caller: EmailCaller) -> None:
    with metered() as cost:
        answer = caller.ask()

    assert outcome(answer)[0] == 0
    assert (cost.writes, len(cost.reads), cost.commits) == (1, 1, 1)


def test_a_login_is_three_writes_one_commit_and_a_read_of_the_user_before_and_after(
    caller: EmailCaller,
) -> None:
    code = caller.fresh_code()

    with metered() as cost:
        answer = caller.verify(code)

    assert outcome(answer)[0] == 0
    assert (cost.writes, len(cost.reads), cost.commits) == (3, 2, 1)
    assert all("otpauth_users" in read for read in cost.reads)
    assert [cost.statements[0], cost.statements[-1]] == cost.reads


def test_a_wrong_guess_is_one_write_and_one_commit(caller: EmailCaller) -> None:
    wrong = another(caller.fresh_code())

    with metered() as cost:
        caller.verify(wrong)

    assert (cost.writes, len(cost.reads), cost.commits) == (1, 1, 1)


def test_the_row_of_a_new_user_is_written_once_and_as_verified(caller: EmailCaller) -> None:
    code = caller.fresh_code("new@example.com")

    with metered() as cost:
        caller.verify(code, "new@example.com")

    of_users = [sql.split()[0] for sql in cost.statements if "otpauth_users" in sql]
    assert [word for word in of_users if word != "SELECT"] == ["INSERT"]
    with caller.app.app_context():
        assert caller.app.extensions["test_otpauth"].users.find("new@example.com").email_verified


def test_a_protected_route_is_two_indexed_reads(caller: EmailCaller) -> None:
    token = caller.login()["accessToken"]

    with metered() as cost:
        answer = caller.app.test_client().get("/me", headers=bearer(token))

    assert answer.text == "ok"
    assert (cost.writes, len(cost.reads), cost.commits) == (0, 2, 0)
    session, user = (" ".join(read.split()) for read in cost.reads)
    assert "WHERE otpauth_sessions.id =" in session
    assert "WHERE otpauth_users.id =" in user


def test_a_forged_token_is_no_read_at_all(caller: EmailCaller) -> None:
    with metered() as cost:
        caller.app.test_client().get("/me", headers=bearer("a.b.c"))

    assert cost.statements == []


def test_what_is_refused_at_the_door_never_reaches_the_database(caller: EmailCaller) -> None:
    with metered() as cost:
        caller.ask("nobody")
        caller.verify("12345")
        caller.post("/refresh-token", {"refreshToken": "x"})
        caller.post("/request-otp", [])

    assert cost.statements == []


def test_an_unknown_address_costs_what_a_known_one_does(caller: EmailCaller) -> None:
    with metered() as known:
        caller.ask()
        caller.verify("000000")
    with metered() as unknown:
        caller.ask("nobody@example.com")
        caller.verify("000000", "nobody@example.com")

    assert unknown.statements == known.statements
    assert unknown.commits == known.commits
