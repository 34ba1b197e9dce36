"""The extension neither commits nor rolls back pending rows of the host."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.pool import StaticPool

from flask_otpauth import OtpAuth, StorageUnavailable
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.users import UserMixin
from tests.adapters.databases import database_of
from tests.flows.email_caller import ADDRESS, EmailCaller, outcome
from tests.hosts import SECRET_KEY


@dataclass
class Shop:
    """A host with orders, and with views that redeem a code in the middle of a transaction."""

    app: Flask
    db: SQLAlchemy
    otpauth: OtpAuth
    order: type[Any]
    outbox: Outbox

    def post(self, path: str, **arguments: str) -> str:
        """Return the response of a view."""
        return self.app.test_client().post(path, query_string=arguments).text

    def orders(self) -> int:
        """Return how many orders another connection sees."""
        with self.app.app_context(), self.db.engine.connect() as connection:
            return connection.execute(
                self.db.select(self.db.func.count()).select_from(self.order)
            ).scalar_one()

    def redeemed(self, code: str) -> int:
        """Redeem a code. Return how many guesses are left."""
        with self.app.app_context():
            return self.otpauth.codes.redeem(ADDRESS, purpose="order", code=code).left


def shop_on(uri: str, outbox: Outbox, clock: MovableClock, own_users: bool = False) -> Shop:
    """Return a shop on the database ``uri``."""
    app, db = Flask("host"), SQLAlchemy()

    class Order(db.Model):  # type: ignore[name-defined]  # made by the host at run time
        id: Mapped[int] = mapped_column(primary_key=True)

    class Customer(UserMixin, db.Model):  # type: ignore[name-defined]
        id: Mapped[int] = mapped_column(primary_key=True)

    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        SQLALCHEMY_DATABASE_URI=uri,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_CLOCK=clock,
        OTPAUTH_IP_LIMITS=None,
        OTPAUTH_USERS=Customer if own_users else None,
    )
    if uri.startswith("sqlite:///"):
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"timeout": 0}}  # a test does not wait
    db.init_app(app)
    otpauth = OtpAuth(app)
    shop = Shop(app, db, otpauth, Order, outbox)

    @app.post("/order")
    def order() -> str:
        """Add an order, redeem a code in the same request, and end as the query says."""
        db.session.add(Order())
        if "flush" in request.args:
            db.session.flush()
        if "user" in request.args:
            otpauth.users.get_or_create(email=request.args["user"])
        outcome = otpauth.codes.redeem(ADDRESS, purpose="order", code=request.args.get("code", "000000"))
        otpauth.codes.send("email", ADDRESS, purpose="another")
        if "commit" in request.args:
            db.session.commit()
        return f"{outcome.accepted} {len(db.session.new)}"

    with app.app_context():
        db.create_all()
        otpauth.create_all()
        otpauth.codes.send("email", ADDRESS, purpose="order")
    return shop


@pytest.fixture(params=["sqlite", "memory", "postgresql", "mariadb"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as uri:
        yield uri


@pytest.fixture(params=[False, True], ids=["packaged users", "own users"])
def shop(request: pytest.FixtureRequest, uri: str, outbox: Outbox, clock: MovableClock) -> Iterator[Shop]:
    made = shop_on(uri, outbox, clock, own_users=request.param)
    yield made
    with made.app.app_context():
        made.db.session.remove()
        made.db.engine.dispose()


def test_a_pending_row_of_the_host_is_not_committed(shop: Shop) -> None:
    code = shop.outbox.last.code

    answer = shop.post("/order", code=code, user="new@example.com")

    assert answer.startswith("True 1")
    assert shop.orders() == 0


def test_a_pending_row_of_the_host_is_not_lost(shop: Shop) -> None:
    code = shop.outbox.last.code

    answer = shop.post("/order", code=code, user="new@example.com", commit="yes")

    assert answer.startswith("True 0")
    assert shop.orders() == 1


def test_a_rollback_of_the_host_does_not_undo_a_count(shop: Shop) -> None:
    wrong = "000000" if shop.outbox.last.code != "000000" else "111111"

    shop.post("/order", code=wrong)

    assert shop.orders() == 0
    assert shop.redeemed(wrong) == 3


def test_the_hosts_transaction_can_go_on_after_a_refusal(shop: Shop) -> None:
    wrong = "000000" if shop.outbox.last.code != "000000" else "111111"
    for _ in range(6):
        shop.redeemed(wrong)

    assert shop.post("/order", code=wrong, commit="yes").startswith("False")
    assert shop.orders() == 1


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_flushed_row_of_the_host_is_safe_if_the_database_locks_rows(
    kind: str, tmp_path: Path, outbox: Outbox, clock: MovableClock
) -> None:
    with database_of(kind, tmp_path) as uri:
        shop = shop_on(uri, outbox, clock)
        code = shop.outbox.last.code

        shop.post("/order", code=code, flush="yes", user="new@example.com")
        uncommitted = shop.orders()
        shop.post("/order", flush="yes", commit="yes")

        assert (uncommitted, shop.orders()) == (0, 1)
        with shop.app.app_context():
            shop.db.session.remove()
            shop.db.engine.dispose()


def test_a_flushed_row_of_the_host_is_safe_in_a_database_in_memory(
    outbox: Outbox, clock: MovableClock
) -> None:
    for own_users in (False, True):
        shop = shop_on("sqlite://", outbox, clock, own_users)
        code = shop.outbox.last.code

        shop.post("/order", code=code, flush="yes", user="new@example.com")
        uncommitted = shop.orders()
        shop.post("/order", flush="yes", user="new@example.com", commit="yes")

        assert (uncommitted, shop.orders()) == (0, 1)
        with shop.app.app_context():
            assert shop.otpauth.users.find("new@example.com") is not None


def test_a_flushed_row_of_the_host_is_safe_where_the_users_share_its_connection(tmp_path: Path) -> None:
    app, db = Flask("host"), SQLAlchemy()

    class Customer(UserMixin, db.Model):  # type: ignore[name-defined]
        id: Mapped[int] = mapped_column(primary_key=True)

    app.config.update(
        SECRET_KEY=SECRET_KEY,
        MAIL_DEFAULT_SENDER="shop@example.com",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path / 'shop.sqlite'}",
        SQLALCHEMY_ENGINE_OPTIONS={"poolclass": StaticPool},
        OTPAUTH_DATABASE_URI=f"sqlite:///{tmp_path / 'otpauth.sqlite'}",
        OTPAUTH_USERS=Customer,
    )
    db.init_app(app)
    otpauth = OtpAuth(app)
    with app.app_context():
        db.create_all()
        otpauth.create_all()
        customer = otpauth.users.create(email=ADDRESS)
        db.session.commit()
        db.session.add(Customer(email="other@example.com"))
        db.session.flush()
        otpauth.users.disable(customer.id)
        db.session.rollback()

        assert db.session.query(Customer).count() == 1


# -- a locked SQLite file --------------------------------------------------------------------


@pytest.fixture
def file_shop(tmp_path: Path, outbox: Outbox, clock: MovableClock) -> Shop:
    return shop_on(f"sqlite:///{tmp_path / 'host.sqlite'}", outbox, clock)


def test_the_error_for_a_locked_file_names_the_hosts_open_transaction(file_shop: Shop) -> None:
    with pytest.raises(
        StorageUnavailable, match="locked.*db.session has an open transaction in this request"
    ):
        file_shop.post("/order", flush="yes")


def test_the_error_for_writing_a_user_to_a_locked_file_names_it_too(file_shop: Shop) -> None:
    with pytest.raises(
        StorageUnavailable, match="locked.*db.session has an open transaction in this request"
    ):
        file_shop.post("/order", flush="yes", user="new@example.com")


def test_a_locked_file_is_503_and_the_log_names_the_hosts_open_transaction(
    file_shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    def hold() -> None:
        file_shop.db.session.add(file_shop.order())
        file_shop.db.session.flush()

    file_shop.app.before_request_funcs.setdefault(None, []).append(hold)
    answer = EmailCaller(file_shop.app, file_shop.outbox).ask()

    assert answer.status_code == 503
    assert outcome(answer) == (-6, "System error")
    assert answer.headers["Retry-After"] == "5"
    assert "db.session has an open transaction in this request: commit or roll it back first" in caplog.text
    assert "db.session" not in answer.text


def test_a_file_that_another_process_locks_is_503_and_names_no_transaction(
    file_shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = sqlite3.connect(tmp_path / "host.sqlite")
    other.execute("BEGIN IMMEDIATE")
    caller = EmailCaller(file_shop.app, file_shop.outbox)

    locked = caller.ask()
    other.rollback()
    other.close()

    assert locked.status_code == 503
    assert "the database is locked by another transaction." in caplog.text
    assert "db.session" not in caplog.text
    assert outcome(caller.ask()) == (0, "OTP sent successfully")


def test_missing_tables_are_503_and_the_log_says_what_to_run(
    tmp_path: Path, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    app = Flask("host")
    app.config.update(SECRET_KEY=SECRET_KEY, TESTING=True, OTPAUTH_SENDERS=outbox.senders)
    app.config["OTPAUTH_DATABASE_URI"] = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    OtpAuth(app)

    answer = EmailCaller(app, outbox).ask()

    assert answer.status_code == 503
    assert "flask otpauth init-db" in caplog.text


def test_a_database_that_is_not_there_is_503(outbox: Outbox) -> None:
    app = Flask("host")
    app.config.update(SECRET_KEY=SECRET_KEY, TESTING=True, OTPAUTH_SENDERS=outbox.senders)
    app.config["OTPAUTH_DATABASE_URI"] = "postgresql+psycopg://postgres:hunter2@127.0.0.1:1/none"
    OtpAuth(app)
    caller = EmailCaller(app, outbox)

    for answer in (caller.ask(), caller.verify("123456")):
        assert answer.status_code == 503
        assert outcome(answer) == (-6, "System error")
        assert "Retry-After" in answer.headers
    assert outbox.messages == []


# -- the tables ------------------------------------------------------------------------------


def test_the_tables_are_in_the_hosts_metadata(file_shop: Shop) -> None:
    names = {name for name in file_shop.db.metadata.tables if name.startswith("otpauth_")}

    assert {"otpauth_challenges", "otpauth_sessions", "otpauth_users"} <= names


def test_create_all_of_the_host_creates_the_tables_too(tmp_path: Path, outbox: Outbox) -> None:
    app, db = Flask("host"), SQLAlchemy()
    app.config.update(SECRET_KEY=SECRET_KEY, TESTING=True, OTPAUTH_SENDERS=outbox.senders)
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'host.sqlite'}"
    db.init_app(app)
    OtpAuth(app)
    with app.app_context():
        db.create_all()

    assert EmailCaller(app, outbox).login()["email"] == ADDRESS
