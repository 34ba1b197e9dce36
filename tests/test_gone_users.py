"""Deleted and disabled users cannot log in, and the next user with the same id gets none of their data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from flask_otpauth import OtpAuth
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.users import UserMixin
from tests.adapters.databases import database_of, read
from tests.flows.email_caller import ADDRESS, EmailCaller, bearer
from tests.hosts import SECRET_KEY, cheap_hashing, new_row

PIN, PASSWORD = "274951", "plum-Tractor 9 violet"
PHONE = "+84987888001"


@dataclass
class Host:
    """A host with users in its own database, which it also changes without the extension."""

    app: Flask
    otpauth: OtpAuth
    outbox: Outbox
    table: str

    def __post_init__(self) -> None:
        self.caller = EmailCaller(self.app, self.outbox)
        self.http = self.app.test_client()
        with self.app.app_context():
            merchant = self.otpauth.clients.create("a merchant", ("account",))
            mobile = self.otpauth.clients.create("an app", ("sms",))
        self.merchant = {"Authorization": f"Token {merchant.secret}"}
        body = {"grant_type": "client_credentials", "client_id": mobile.id, "client_secret": mobile.secret}
        self.mobile = bearer(self.http.post("/oauth/token", json=body).json["access_token"])

    def sql(self, statement: str) -> None:
        """Execute SQL of the host."""
        with self.app.app_context(), self.app.extensions["sqlalchemy"].engine.begin() as connection:
            connection.execute(text(statement.format(table=self.table)))

    def statuses(self, login: dict[str, Any]) -> list[int]:
        """Return the statuses of the host's routes for the access token of ``login``."""
        headers = bearer(login["accessToken"])
        return [self.http.get(path, headers=headers).status_code for path in ("/bare", "/me", "/fresh")]

    def merchants(self, path: str, **fields: Any) -> Any:
        """Return the response to the merchant."""
        return self.http.post(f"/api{path}", json=fields, headers=self.merchant).json

    def resend(self, account_token: str) -> int:
        """Return the status of a request with an account token."""
        body = {"account_token": account_token}
        return self.http.post("/api/auth/resend-otp", json=body, headers=self.mobile).json["status_code"]


def host_on(uri: str, outbox: Outbox, clock: MovableClock, *, own_users: bool) -> Host:
    """Return a host on ``uri``, with the packaged table or a model whose ids its database may reuse."""
    app, db, otpauth = Flask("host"), SQLAlchemy(), OtpAuth()

    class Customer(UserMixin, db.Model):  # type: ignore[name-defined]  # made by the host at run time
        id: Mapped[int] = mapped_column(primary_key=True)

    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        SQLALCHEMY_DATABASE_URI=uri,
        OTPAUTH_FLOWS=("email", "sms", "account"),
        OTPAUTH_USERS=Customer if own_users else None,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_CLOCK=clock,
        OTPAUTH_IP_LIMITS=None,
    )
    db.init_app(app)
    with cheap_hashing():
        otpauth.init_app(app)
    with app.app_context():
        db.create_all()
        otpauth.create_all()
    app.add_url_rule("/bare", "bare", otpauth.token_required(lambda: "ok"))
    app.add_url_rule("/me", "me", otpauth.token_required(lambda: {"email": otpauth.current_user.email}))
    app.add_url_rule("/fresh", "fresh", otpauth.fresh_otp_required(3600)(lambda: "ok"))
    return Host(app, otpauth, outbox, "customer" if own_users else "otpauth_users")


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as uri:
        yield uri


@pytest.fixture(params=[False, True], ids=["packaged users", "own users"])
def host(request: pytest.FixtureRequest, uri: str, outbox: Outbox, clock: MovableClock) -> Iterator[Host]:
    made = host_on(uri, outbox, clock, own_users=request.param)
    yield made
    with made.app.app_context():
        made.app.extensions["sqlalchemy"].engine.dispose()


# -- deleted or disabled -----------------------------------------------------------------------

LEAVING: dict[str, Callable[[Host, Any], object]] = {
    "deleted by the host": lambda host, user: host.sql("DELETE FROM {table}"),
    "disabled by the host": lambda host, user: host.sql("UPDATE {table} SET is_enabled = false"),
    "deleted by the extension": lambda host, user: host.otpauth.users.delete(user),
    "disabled by the extension": lambda host, user: host.otpauth.users.disable(user),
}


@pytest.mark.parametrize("leave", LEAVING.values(), ids=LEAVING)
def test_tokens_of_a_deleted_or_disabled_user_are_refused_everywhere(
    leave: Callable[[Host, Any], object], host: Host
) -> None:
    with host.app.app_context():
        user = host.otpauth.users.create(email=ADDRESS, phone=PHONE)
        account_token = host.otpauth.issue_account_token(user)
    login = host.caller.login()
    before = host.statuses(login), host.resend(account_token)

    with host.app.app_context():
        leave(host, user)

    assert before == ([200] * 3, 200)
    assert host.statuses(login) == [401] * 3
    assert host.caller.refresh(login["refreshToken"]).json["message"] == "Invalid refresh token"
    assert host.caller.logout(login["accessToken"]).json["message"] == "Unauthorized"
    assert host.resend(account_token) == 401
    ending = host.caller.post("/logout", {"refreshToken": login["refreshToken"]})
    assert ending.json["message"] == "Invalid refresh token"


def test_a_user_who_is_enabled_again_by_the_host_keeps_the_session(host: Host) -> None:
    login = host.caller.login()
    host.sql("UPDATE {table} SET is_enabled = false")
    host.sql("UPDATE {table} SET is_enabled = true")

    assert host.statuses(login) == [200] * 3


# -- the next owner of an id -------------------------------------------------------------------


def replaced(host: Host, **fields: Any) -> int:
    """Delete all users, and give the id of the first to a new user."""
    host.sql("DELETE FROM {table}")
    with host.app.app_context():
        return int(new_row(host.app, id=1, **fields).id)


def test_tokens_do_not_work_for_the_next_user_with_the_id(host: Host) -> None:
    with host.app.app_context():
        user = host.otpauth.users.create(email=ADDRESS, phone=PHONE)
        account_token = host.otpauth.issue_account_token(user)
    login = host.caller.login()

    assert replaced(host, email="second@example.com", phone="+84987888002") == user.id == login["userId"]

    assert host.statuses(login) == [401] * 3
    assert host.caller.refresh(login["refreshToken"]).json["message"] == "Invalid refresh token"
    assert host.resend(account_token) == 401
    second = host.caller.login("second@example.com")
    assert host.http.get("/me", headers=bearer(second["accessToken"])).json == {"email": "second@example.com"}


def test_the_next_user_with_the_id_gets_no_pin_no_password_and_no_code(host: Host) -> None:
    with host.app.app_context():
        host.otpauth.users.create(email=ADDRESS, password=PASSWORD)
    host.merchants("/pin/set", user=1, pin=PIN, confirm_pin=PIN)
    code = host.merchants("/pin/request-otp-for-reset", user=1)["otp"]
    host.merchants("/pin/validate", user=1, pin="999999")

    replaced(host, email="second@example.com")

    assert "not set" in host.merchants("/pin/validate", user=1, pin=PIN)["error_message"]
    assert host.merchants("/auth/validate-password", user=1, password=PASSWORD)["error_code"]
    reset = host.merchants("/pin/reset", user=1, otp=code, pin="837462", confirm_pin="837462")
    assert "Invalid OTP" in reset["error_message"]
    assert host.merchants("/pin/set", user=1, pin="837462", confirm_pin="837462") == {"status": "ok"}
    assert "2 attempt(s) left" in host.merchants("/pin/validate", user=1, pin=PIN)["error_message"]


def test_the_next_user_with_the_id_has_new_quotas_and_a_new_budget(host: Host) -> None:
    with host.app.app_context():
        host.otpauth.users.create(email=ADDRESS)
    for _ in range(6):
        first = host.merchants("/pin/request-otp-for-reset", user=1)

    replaced(host, email="second@example.com")

    assert "error_code" in first
    assert host.merchants("/pin/request-otp-for-reset", user=1)["status"] == "ok"


def test_the_packaged_table_does_not_reuse_ids(uri: str, outbox: Outbox, clock: MovableClock) -> None:
    host = host_on(uri, outbox, clock, own_users=False)
    with host.app.app_context():
        first = host.otpauth.users.create(email=ADDRESS).id
        host.otpauth.users.delete(first)
        second = host.otpauth.users.create(email=ADDRESS).id
        host.app.extensions["sqlalchemy"].engine.dispose()

    assert second == first + 1


def test_a_row_that_sql_inserted_gets_a_person_key_when_it_is_first_found(host: Host) -> None:
    for person in ("first", "second"):
        host.sql(
            "INSERT INTO {table} (id, email, email_key, email_verified, phone_verified, is_enabled)"
            f" VALUES (1, '{person}@example.com', '{person}@example.com', true, false, true)"
        )
        login = host.caller.login(f"{person}@example.com")
        assert host.statuses(login) == [200] * 3
        if person == "first":
            of_first = login
            host.sql("DELETE FROM {table}")

    assert host.statuses(of_first) == [401] * 3


@pytest.mark.parametrize("act", ["disable", "delete", "revoke_sessions", "issue_account_token"])
def test_an_object_that_was_read_before_the_row_had_a_person_key_is_that_user(act: str, host: Host) -> None:
    host.caller.login()
    host.sql("UPDATE {table} SET person_key = NULL")
    directory = host.app.extensions["otpauth"].services.directory

    with host.app.app_context():
        db = host.app.extensions["sqlalchemy"]
        user = db.session.get(directory.model, 1)
        db.session.expunge(user)
        db.session.rollback()
        # A session with another mark than its user's is not one of the user, so this is a new session.
        host.caller.login()
        does = getattr(host.otpauth, act, None) or getattr(host.otpauth.users, act)

        assert user.person_key is None
        assert does(user)


def test_simultaneous_logins_give_a_row_the_same_person_key(host: Host) -> None:
    host.caller.login()
    host.sql("UPDATE {table} SET person_key = NULL")
    directory = host.app.extensions["otpauth"].services.directory

    with ThreadPoolExecutor(8) as pool:
        marks = {user.person_key for user in pool.map(directory.get, ["1"] * 16)}

    assert len(marks) == 1
    assert None not in marks


# -- deleting ----------------------------------------------------------------------------------


def test_deleting_a_user_deletes_their_data_and_keeps_the_counts_of_the_address(host: Host) -> None:
    with host.app.app_context():
        user = host.otpauth.users.create(email=ADDRESS, password=PASSWORD)
    host.merchants("/pin/set", user=1, pin=PIN, confirm_pin=PIN)
    host.caller.login()
    for _ in range(4):
        host.caller.ask()
    storage = host.app.extensions["otpauth"].services.storage

    with host.app.app_context():
        assert host.otpauth.users.delete(user.id)
        assert host.otpauth.users.find(user.id) is None

    tables = storage.tables
    for table in (tables.sessions, tables.secrets):
        assert read(storage, table.select()) == []
    assert host.caller.ask().json["message"] == "Too many OTP requests"


def test_a_user_whose_row_is_already_deleted_can_be_deleted(host: Host) -> None:
    with host.app.app_context():
        user = host.otpauth.users.create(email=ADDRESS, password=PASSWORD)
    host.caller.login()
    host.sql("DELETE FROM {table}")
    storage = host.app.extensions["otpauth"].services.storage

    with host.app.app_context():
        assert not host.otpauth.users.delete(user)
        assert not host.otpauth.users.delete(user.id)

    for table in (storage.tables.sessions, storage.tables.secrets):
        assert read(storage, table.select()) == []


def test_an_object_of_a_deleted_user_does_not_mean_the_next_user_with_the_id(host: Host) -> None:
    with host.app.app_context():
        gone = host.otpauth.users.create(email=ADDRESS)
    replaced(host, email="second@example.com", phone=PHONE)
    login = host.caller.login("second@example.com")

    with host.app.app_context():
        assert not host.otpauth.users.disable(gone)
        assert not host.otpauth.users.delete(gone)
        assert host.otpauth.revoke_sessions(gone) == 0
        with pytest.raises(ValueError, match="no such user"):
            host.otpauth.issue_account_token(gone)

    assert host.statuses(login) == [200] * 3


# -- naming a user -----------------------------------------------------------------------------

NAMES: dict[str, Callable[[Any], Any]] = {
    "the user": lambda user: user,
    "the id": lambda user: user.id,
    "the id as text": lambda user: str(user.id),
    "the e-mail": lambda user: "User@Example.com",
    "the phone": lambda user: PHONE,
    "the member id": lambda user: "M-1",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_user_can_be_named_in_every_way(name: Callable[[Any], Any], host: Host) -> None:
    with host.app.app_context():
        users = host.otpauth.users
        user = users.create(email=ADDRESS, phone=PHONE, member_id="M-1")
        host.caller.login()
        account_token = host.otpauth.issue_account_token(name(user))

        assert host.resend(account_token) == 200
        assert host.otpauth.revoke_sessions(name(user)) == 1
        assert host.resend(account_token) == 401
        assert users.disable(name(user))
        assert not users.find(ADDRESS).is_enabled
        assert users.enable(name(user))
        assert users.find(ADDRESS).is_enabled
        assert users.delete(name(user))
        assert users.find(ADDRESS) is None


def test_naming_no_user_changes_nothing(host: Host) -> None:
    with host.app.app_context():
        host.otpauth.users.create(email=ADDRESS, member_id="None")
        for nobody in ("nobody@example.com", 999, "01", None, object()):
            assert not host.otpauth.users.disable(nobody)
            assert not host.otpauth.users.delete(nobody)
            assert host.otpauth.revoke_sessions(nobody) == 0
            with pytest.raises(ValueError, match="no such user"):
                host.otpauth.issue_account_token(nobody)

        assert host.otpauth.users.find(ADDRESS).is_enabled
