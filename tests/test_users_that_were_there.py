"""Apps with existing users: rows without a key, and rows that SQL or other tools write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String, Table, func, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column, validates

from flask_otpauth import OtpAuth
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import has_email
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.users import UserMixin
from tests.adapters.databases import database_of
from tests.flows.email_caller import EmailCaller, outcome
from tests.hosts import SECRET_KEY

ADDRESS = "ann@example.com"


@dataclass
class Host:
    """A host whose model has its own e-mail column and validator."""

    app: Flask
    db: SQLAlchemy
    model: type[Any]
    caller: EmailCaller

    @property
    def users(self) -> Any:
        return self.app.extensions["test_otpauth"].users

    @property
    def table(self) -> Table:
        found: Table = self.model.__table__  # type: ignore[attr-defined]
        return found

    def write(self, statement: Any) -> None:
        """Write without the model."""
        with self.app.app_context():
            self.db.session.execute(statement)
            self.db.session.commit()

    def old_row(self, email: str) -> None:
        """Insert a row without a key."""
        self.write(self.table.insert().values(email=email, points=1))

    def count(self) -> int:
        with self.app.app_context():
            return self.db.session.scalar(select(func.count()).select_from(self.table)) or 0

    def keys(self) -> list[str | None]:
        with self.app.app_context():
            query = select(self.table.c.email_key).order_by(self.table.c.id)
            return list(self.db.session.scalars(query))


def model_of(db: SQLAlchemy) -> type[Any]:
    """Return the host's model."""

    class Customer(UserMixin, db.Model):  # type: ignore[name-defined, misc]
        id: Mapped[int] = mapped_column(primary_key=True)
        email: Mapped[str] = mapped_column(String(120), index=True)  # type: ignore[assignment]
        points: Mapped[int] = mapped_column(default=0)

        @validates("email")
        def _without_blanks(self, name: str, value: str) -> str:
            return value.strip()

    return Customer


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as uri:
        yield uri


@pytest.fixture
def host(uri: str, tmp_path: Path, outbox: Outbox, clock: MovableClock) -> Iterator[Host]:
    app, db = Flask("host"), SQLAlchemy()
    model = model_of(db)
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        SQLALCHEMY_DATABASE_URI=uri,
        OTPAUTH_DATABASE_URI=f"sqlite:///{tmp_path / 'codes.sqlite'}",
        OTPAUTH_USERS=model,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_CLOCK=clock,
        OTPAUTH_IP_LIMITS=None,
    )
    db.init_app(app)
    app.extensions["test_otpauth"] = otpauth = OtpAuth(app)
    with app.app_context():
        db.create_all()
        otpauth.create_all()
    yield Host(app, db, model, EmailCaller(app, outbox))
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


# -- rows without a key ----------------------------------------------------------------------


@pytest.mark.parametrize("email", ["Ann@Example.com", ADDRESS, "ANN@EXAMPLE.COM"])
def test_an_existing_user_logs_in_and_gets_no_second_account(host: Host, email: str) -> None:
    host.old_row(email)

    login = host.caller.login(ADDRESS)

    assert (login["userId"], login["email"]) == (1, email)
    assert host.count() == 1


def test_a_row_without_a_key_is_found_by_its_international_domain(host: Host) -> None:
    host.old_row("Ann@Bücher.example")

    assert host.caller.login("ann@xn--bcher-kva.example")["userId"] == 1


def test_no_second_user_is_created_with_the_address_of_a_row_without_a_key(host: Host) -> None:
    host.old_row("Ann@Example.com")

    with host.app.app_context(), pytest.raises(ValueError, match="e-mail"):
        host.users.create(email=ADDRESS)


def test_an_address_that_two_rows_have_in_different_case_finds_no_user(host: Host, outbox: Outbox) -> None:
    host.old_row("Ann@Example.com")
    host.old_row(ADDRESS)

    asked = host.caller.ask(ADDRESS)
    refused = host.caller.verify(outbox.last.code, ADDRESS)

    assert (outcome(asked), outcome(refused)) == (
        (0, "OTP sent successfully"),
        (-300, "User not found"),
    )
    assert host.count() == 2
    with host.app.app_context():
        assert host.users.find(ADDRESS) is None
        with pytest.raises(ValueError, match="e-mail"):
            host.users.create(email=ADDRESS)


def test_a_row_without_a_key_can_be_changed_even_if_another_row_has_its_address(host: Host) -> None:
    host.old_row("Ann@Example.com")
    with host.app.app_context():
        host.db.session.add(host.model(email=ADDRESS))
        host.db.session.commit()

        host.db.session.get_one(host.model, 1).points = 7
        host.db.session.commit()

    assert host.keys() == [None, ADDRESS]


# -- the key is derived ----------------------------------------------------------------------


def test_a_key_that_is_set_by_hand_is_replaced(host: Host) -> None:
    with host.app.app_context():
        ann = host.model(email=" Ann@Example.com ", email_key="eve@example.com")
        host.db.session.add(ann)
        host.db.session.commit()
        first = ann.email, ann.email_key
        ann.email_key = None
        host.db.session.commit()
        second = ann.email_key
        ann.email_key, ann.email = "eve@example.com", "Bob@example.com"
        host.db.session.commit()
        third = ann.email_key

    assert first == ("Ann@Example.com", ADDRESS)
    assert second == ADDRESS
    assert third == "bob@example.com"


def test_rows_that_flask_admin_writes_have_their_key(host: Host) -> None:
    Babel(host.app)
    admin = Admin(host.app)
    with host.app.app_context():
        admin.add_view(ModelView(host.model, host.db, endpoint="people"))
    fields = {"email": "Ann@Example.com", "email_key": "", "points": "3", "full_name": "Ann"}

    created = host.app.test_client().post("/admin/people/new/", data=fields)
    edited = host.app.test_client().post(
        "/admin/people/edit/?id=1", data={**fields, "email": "Bob@Example.com"}
    )

    assert (created.status_code, edited.status_code) == (302, 302)
    assert host.keys() == ["bob@example.com"]


def test_rows_that_sqlalchemy_core_inserts_are_found(host: Host) -> None:
    host.write(insert(host.table).values([{"email": "Ann@Example.com", "points": 1}]))

    assert host.caller.login(ADDRESS)["userId"] == 1


# -- the key of an earlier address -----------------------------------------------------------


@pytest.mark.parametrize("new", ["bob@example.com", "Bob@Example.com"])
def test_a_bulk_update_moves_the_account_to_the_new_address(host: Host, new: str) -> None:
    ann = host.caller.login(ADDRESS)["userId"]
    host.write(update(host.model).where(host.model.email == ADDRESS).values(email=new))

    by_new = host.caller.login("bob@example.com")["userId"]
    by_old = host.caller.login(ADDRESS)["userId"]
    again = host.caller.login("bob@example.com")["userId"]

    assert (by_new, again) == (ann, ann)
    assert by_old != ann
    assert host.count() == 2


def test_users_are_found_by_indexes(host: Host) -> None:
    with host.app.app_context():
        dialect, session = host.db.engine.dialect, host.db.session
        many = [{"email": f"u{n}@example.com", "email_key": f"u{n}@example.com"} for n in range(3000)]
        session.execute(insert(host.table), many)
        session.execute(text("ANALYZE TABLE customer" if dialect.name == "mysql" else "ANALYZE"))
        query = select(host.model.id).where(has_email(host.model, [ADDRESS], dialect.name))
        sql = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        prefix = "EXPLAIN QUERY PLAN" if dialect.name == "sqlite" else "EXPLAIN"
        plan = "\n".join(str(tuple(row)) for row in session.execute(text(f"{prefix} {sql}")))

    assert "ix_customer_email_key" in plan
    assert "ix_customer_email_doubtful" in plan


# -- spellings that a database takes for equal -------------------------------------------------


def test_an_address_with_another_letter_is_another_user_with_other_quotas(host: Host, outbox: Outbox) -> None:
    victim = host.caller.login("victim@example.com")["userId"]

    for spelling in ("víctim@example.com", "vıctim@example.com"):
        host.caller.ask(spelling)
        assert outbox.last.recipient == spelling
        assert host.caller.verify(outbox.last.code, spelling).json["data"]["userId"] != victim


def test_member_ids_are_compared_letter_by_letter(host: Host) -> None:
    with host.app.app_context():
        upper = host.users.create(email=ADDRESS, member_id="M-É")
        lower = host.users.create(email="bob@example.com", member_id="m-é")

        found = [host.users.find(each) for each in ("M-É", "m-é", "M-E", "m-e")]

    assert [user and user.id for user in found] == [upper.id, lower.id, None, None]
