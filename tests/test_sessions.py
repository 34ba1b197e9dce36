"""Sessions as a host opens, lists and revokes them: ``otpauth.login``, ``otpauth.sessions``, the commands."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import OtpAuth, errors, signals
from flask_otpauth.cli import otpauth as commands
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.email_caller import ADDRESS, EmailCaller, bearer
from tests.hosts import MakeApp


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """A host whose users may have several sessions, with a route that anybody may call."""
    app = make_app(email_single_session=False)
    otpauth: OtpAuth = app.extensions["test_otpauth"]

    @app.get("/me")
    @otpauth.token_required
    def me() -> dict[str, str | None]:
        return {"email": otpauth.current_user.email}

    @app.get("/shop")
    @otpauth.token_optional
    def shop() -> dict[str, str | None]:
        return {"email": otpauth.current_user.email if otpauth.current_user else None}

    return app


@pytest.fixture
def otpauth(app: Flask) -> OtpAuth:
    """The extension object of the host."""
    found: OtpAuth = app.extensions["test_otpauth"]
    return found


def test_a_host_opens_a_session_after_a_proof_of_its_own(app: Flask, otpauth: OtpAuth) -> None:
    opened: list[str] = []

    def listen(sender: Any, user_id: str, session_id: str) -> None:
        opened.append(user_id)

    with app.app_context(), signals.session_opened.connected_to(listen, sender=app):
        user = otpauth.users.create(email=ADDRESS)
        tokens = otpauth.login(user)

    answer = app.test_client().get("/me", headers=bearer(tokens.access_token))
    refreshed = app.test_client().post(
        "/apis/auth/refresh-token", json={"refreshToken": tokens.refresh_token}
    )
    assert (answer.json, refreshed.json["code"]) == ({"email": ADDRESS}, 0)
    assert opened == [str(user.id)]


def test_no_session_is_opened_for_a_user_who_is_disabled_or_not_there(app: Flask, otpauth: OtpAuth) -> None:
    with app.app_context():
        user = otpauth.users.create(email=ADDRESS)
        otpauth.users.disable(user)

        with pytest.raises(errors.UserNotFound):
            otpauth.login(user)
        with pytest.raises(ValueError, match="no such user"):
            otpauth.login("nobody@example.com")
        assert otpauth.sessions.list(user) == []


def test_open_sessions_are_listed_newest_first_and_revoked_one_by_one(
    app: Flask, otpauth: OtpAuth, clock: MovableClock
) -> None:
    with app.app_context():
        user = otpauth.users.create(email=ADDRESS)
        first = otpauth.login(user)
        first_at = clock()
        clock.tick(60)
        second = otpauth.login(ADDRESS)
        newest, oldest = otpauth.sessions.list(ADDRESS)

        assert (oldest.authenticated_at, newest.authenticated_at) == (first_at, clock())
        assert (oldest.user_id, oldest.ends_at) == (
            str(user.id),
            oldest.authenticated_at + timedelta(days=180),
        )
        assert [otpauth.sessions.revoke(oldest.id) for _ in range(2)] == [True, False]
        assert [each.id for each in otpauth.sessions.list(user)] == [newest.id]
        assert otpauth.sessions.revoke("no session") is False

    statuses = [
        app.test_client().get("/me", headers=bearer(each.access_token)).status_code
        for each in (first, second)
    ]
    assert statuses == [401, 200]


def test_a_session_that_is_over_is_not_listed(app: Flask, otpauth: OtpAuth, clock: MovableClock) -> None:
    with app.app_context():
        otpauth.users.create(email=ADDRESS)
        otpauth.login(ADDRESS)
        clock.tick(days=180)

        assert otpauth.sessions.list(ADDRESS) == []


def test_all_sessions_of_a_user_are_revoked_at_once(app: Flask, otpauth: OtpAuth) -> None:
    with app.app_context():
        otpauth.users.create(email=ADDRESS)
        for _ in range(3):
            otpauth.login(ADDRESS)

        assert otpauth.sessions.revoke_all(ADDRESS) == 3
        assert otpauth.sessions.list(ADDRESS) == []
        with pytest.raises(ValueError, match="no such user"):
            otpauth.sessions.list("nobody@example.com")


def test_the_commands_list_and_revoke_sessions(app: Flask, otpauth: OtpAuth) -> None:
    with app.app_context():
        otpauth.users.create(email=ADDRESS)
        for _ in range(2):
            otpauth.login(ADDRESS)
    runner = app.test_cli_runner()

    listed = json.loads(runner.invoke(commands, ["sessions", "list", ADDRESS, "--json"]).output)
    revoked = runner.invoke(commands, ["sessions", "revoke", listed[0]["id"]])
    again = runner.invoke(commands, ["sessions", "revoke", listed[0]["id"]])
    rest = runner.invoke(commands, ["sessions", "revoke-all", ADDRESS])
    nobody = runner.invoke(commands, ["sessions", "list", "nobody@example.com"])

    assert [set(each) for each in listed] == [{"id", "logged_in", "refreshed", "ends"}] * 2
    assert revoked.output == f"Session {listed[0]['id']} revoked.\n"
    assert (again.exit_code, rest.output) == (1, "1 sessions revoked.\n")
    assert (nobody.exit_code, nobody.output) == (1, "Error: there is no such user\n")


@pytest.mark.parametrize("first", [b"\xf9\xa0", b"\xfb\xe0"], ids=["-a", "--"])
def test_a_session_whose_id_begins_like_an_option_is_revoked(
    app: Flask, otpauth: OtpAuth, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    monkeypatch.setattr("os.urandom", lambda length: first.ljust(length, b"x"))
    with app.app_context():
        otpauth.users.create(email=ADDRESS)
        otpauth.login(ADDRESS)
        [session] = otpauth.sessions.list(ADDRESS)

    revoked = app.test_cli_runner().invoke(commands, ["sessions", "revoke", session.id])

    assert session.id.startswith("-")
    assert revoked.output == f"Session {session.id} revoked.\n"


def test_a_view_may_do_without_a_token_but_not_with_a_wrong_one(app: Flask, outbox: Outbox) -> None:
    client, login = app.test_client(), EmailCaller(app, outbox).login()

    without = client.get("/shop")
    with_one = client.get("/shop", headers=bearer(login["accessToken"]))
    with_a_wrong_one = client.get("/shop", headers=bearer("no token"))

    assert without.json == {"email": None}
    assert with_one.json == {"email": ADDRESS}
    assert with_a_wrong_one.status_code == 401
