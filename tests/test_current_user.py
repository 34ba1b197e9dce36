"""``otpauth.current_user`` is an object of the host's session. What a protected route costs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flask_otpauth import OtpAuth
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.users import UserMixin
from tests.adapters.databases import database_of
from tests.flows.email_caller import EmailCaller, bearer
from tests.hosts import SECRET_KEY


@dataclass
class Shop:
    """A host whose customers have points and orders."""

    app: Flask
    db: SQLAlchemy
    otpauth: OtpAuth
    outbox: Outbox
    statements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.token = EmailCaller(self.app, self.outbox).login()["accessToken"]
        with self.app.app_context():
            event.listen(self.db.engine, "before_cursor_execute", self._note)

    def _note(self, connection: object, cursor: object, statement: str, *rest: object) -> None:
        self.statements.append(statement.split(maxsplit=1)[0])

    def call(self, path: str) -> Any:
        """Return the response to the customer."""
        return self.app.test_client().post(path, headers=bearer(self.token)).json


def shop_on(uri: str, outbox: Outbox, clock: MovableClock, **options: Any) -> Shop:
    """Return a shop on ``uri``. The ``options`` are those of the engine."""
    app, db, otpauth = Flask("shop"), SQLAlchemy(), OtpAuth()

    class Order(db.Model):  # type: ignore[name-defined]  # made by the host at run time
        id: Mapped[int] = mapped_column(primary_key=True)
        customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))

    class Customer(UserMixin, db.Model):  # type: ignore[name-defined]
        id: Mapped[int] = mapped_column(primary_key=True)
        points: Mapped[int] = mapped_column(default=0)
        orders = relationship(Order)

    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        SQLALCHEMY_DATABASE_URI=uri,
        SQLALCHEMY_ENGINE_OPTIONS=options,
        OTPAUTH_USERS=Customer,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_CLOCK=clock,
        OTPAUTH_IP_LIMITS=None,
    )
    db.init_app(app)
    otpauth.init_app(app)

    @app.post("/earn")
    @otpauth.token_required
    def earn() -> dict[str, Any]:
        otpauth.current_user.points += 10
        if "rollback" in request.args:
            db.session.rollback()
        db.session.commit()
        return {"points": otpauth.current_user.points}

    @app.post("/order")
    @otpauth.token_required
    def order() -> dict[str, Any]:
        otpauth.current_user.orders.append(Order())
        db.session.commit()
        return {"orders": len(otpauth.current_user.orders)}

    @app.post("/loaded-before")
    @otpauth.token_required
    def loaded_before() -> dict[str, Any]:
        mine = db.session.get(Customer, 1)
        mine.points, mine.full_name = 77, "Changed"
        name, points = otpauth.current_user.full_name, otpauth.current_user.points
        return {"name": name, "points": points, "same": otpauth.current_user == mine}

    @app.post("/read")
    @otpauth.token_required
    def read() -> dict[str, Any]:
        user = otpauth.current_user
        known = {"id": user.id, "email": user.email, "full_name": user.full_name}
        has_session = db.session.registry.has()
        mine = user._get_current_object()
        return {
            **known,
            "has_session": has_session,
            "same": known == {name: getattr(mine, name) for name in known},
        }

    four = threading.Barrier(4, timeout=30)

    @app.post("/together")
    @otpauth.token_required
    def together() -> dict[str, Any]:
        db.session.execute(db.text("SELECT 1"))
        four.wait()  # each of the four has the connection of its session now
        return {"email": otpauth.current_user.email}

    app.add_url_rule("/bare", view_func=otpauth.token_required(dict), methods=["POST"], endpoint="bare")
    app.add_url_rule(
        "/email",
        view_func=otpauth.token_required(lambda: {"email": otpauth.current_user.email}),
        methods=["POST"],
        endpoint="email_of",
    )
    with app.app_context():
        db.create_all()
    return Shop(app, db, otpauth, outbox)


@pytest.fixture(params=["sqlite", "memory", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as uri:
        yield uri


@pytest.fixture
def shop(uri: str, outbox: Outbox, clock: MovableClock) -> Iterator[Shop]:
    made = shop_on(uri, outbox, clock)
    yield made
    with made.app.app_context():
        made.db.session.remove()
        made.db.engine.dispose()


def test_a_view_can_change_and_commit_the_current_user(shop: Shop) -> None:
    assert [shop.call("/earn"), shop.call("/earn")] == [{"points": 10}, {"points": 20}]
    assert shop.call("/earn?rollback=1") == {"points": 20}


def test_relationships_of_the_current_user_work(shop: Shop) -> None:
    assert [shop.call("/order"), shop.call("/order")] == [{"orders": 1}, {"orders": 2}]


def test_the_current_user_is_the_object_that_the_hosts_session_has_already(shop: Shop) -> None:
    assert shop.call("/loaded-before") == {"name": "Changed", "points": 77, "same": True}


def test_what_was_read_of_the_current_user_needs_no_session_of_the_host(
    tmp_path: Path, outbox: Outbox, clock: MovableClock
) -> None:
    shop = shop_on(f"sqlite:///{tmp_path / 'host.sqlite'}", outbox, clock)

    assert shop.call("/read") == {
        "id": 1,
        "email": "user@example.com",
        "full_name": "",
        "has_session": False,
        "same": True,
    }


@pytest.mark.parametrize("name", ["id", "email"])
def test_nobody_is_the_current_user_outside_of_a_protected_view_or_without_a_token(
    shop: Shop, name: str
) -> None:
    has_it = shop.otpauth.token_optional(lambda: {"has_it": hasattr(shop.otpauth.current_user, name)})

    with shop.app.test_request_context():
        with pytest.raises(RuntimeError, match="only available inside a view"):
            getattr(shop.otpauth.current_user, name)
        assert has_it() == {"has_it": False}


@pytest.mark.parametrize("path", ["/bare", "/email"])
def test_a_protected_route_costs_one_read_even_if_it_uses_the_user(
    path: str, tmp_path: Path, outbox: Outbox, clock: MovableClock
) -> None:
    shop = shop_on(f"sqlite:///{tmp_path / 'host.sqlite'}", outbox, clock)

    shop.call(path)

    assert shop.statements == ["SELECT"]


def test_as_many_requests_as_the_pool_has_connections_can_run_at_once(
    tmp_path: Path, outbox: Outbox, clock: MovableClock
) -> None:
    shop = shop_on(
        f"sqlite:///{tmp_path / 'host.sqlite'}", outbox, clock, pool_size=4, max_overflow=0, pool_timeout=5
    )
    told: list[Any] = []
    threads = [threading.Thread(target=lambda: told.append(shop.call("/together"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert told == [{"email": "user@example.com"}] * 4


def test_a_view_can_change_and_commit_a_packaged_user(
    tmp_path: Path, outbox: Outbox, clock: MovableClock
) -> None:
    app, db, otpauth = Flask("host"), SQLAlchemy(), OtpAuth()
    app.config.update(
        SECRET_KEY=SECRET_KEY, TESTING=True, OTPAUTH_SENDERS=outbox.senders, OTPAUTH_CLOCK=clock
    )
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'host.sqlite'}"
    db.init_app(app)
    otpauth.init_app(app)

    def rename() -> dict[str, Any]:
        otpauth.current_user.full_name += "x"
        db.session.commit()
        return {"name": otpauth.current_user.full_name}

    app.add_url_rule("/rename", view_func=otpauth.token_required(rename), methods=["POST"])
    with app.app_context():
        db.create_all()
    headers = bearer(EmailCaller(app, outbox).login()["accessToken"])

    assert [app.test_client().post("/rename", headers=headers).json for _ in "12"] == [
        {"name": "x"},
        {"name": "xx"},
    ]


def test_the_current_user_works_if_users_are_in_another_database(
    tmp_path: Path, outbox: Outbox, clock: MovableClock
) -> None:
    app, db, otpauth = Flask("host"), SQLAlchemy(), OtpAuth()
    app.config.update(
        SECRET_KEY=SECRET_KEY, TESTING=True, OTPAUTH_SENDERS=outbox.senders, OTPAUTH_CLOCK=clock
    )
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'host.sqlite'}"
    app.config["OTPAUTH_DATABASE_URI"] = f"sqlite:///{tmp_path / 'codes.sqlite'}"
    db.init_app(app)
    otpauth.init_app(app)
    app.add_url_rule("/me", view_func=otpauth.token_required(lambda: {"email": otpauth.current_user.email}))
    with app.app_context():
        otpauth.create_all()
    headers = bearer(EmailCaller(app, outbox).login()["accessToken"])

    assert app.test_client().get("/me", headers=headers).json == {"email": "user@example.com"}


def test_a_customer_whom_other_rows_reference_is_not_deleted(shop: Shop) -> None:
    shop.call("/order")
    with shop.app.app_context(), pytest.raises(ValueError, match="still references this Customer"):
        shop.otpauth.users.delete(1)

    assert shop.call("/email") == {"email": "user@example.com"}
