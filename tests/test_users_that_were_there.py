"""Apps that have users already: rows without a key, rows that others write, what is equal to a database."""

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
from tests.adapters.databases import mariadb_database, postgresql_schema
from tests.flows.email_caller import EmailCaller, outcome
from tests.hosts import SECRET_KEY

ADDRESS = "ann@example.com"


@dataclass
class Host:
    """A host whose customers have an e-mail column, and a validator, of the host's own."""

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
        """Write by other means than the model."""
        with self.app.app_context():
            self.db.session.execute(statement)
            self.db.session.commit()

    def old_row(self, email: str) -> None:
        """A row from before there was a key."""
        self.write(self.table.insert().values(email=email, points=1))

    def count(self) -> int:
        with self.app.app_context():
            return self.db.session.scalar(select(func.count()).select_from(self.table)) or 0

    def keys(self) -> list[str | None]:
        with self.app.app_context():
            query = select(self.table.c.email_key).order_by(self.table.c.id)
            return list(self.db.session.scalars(query))


def model_of(db: SQLAlchemy) -> type[Any]:
    """The host's customers."""

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
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'host.sqlite'}"
        return
    with (mariadb_database if request.param == "mariadb" else postgresql_schema)() as url:
        yield url


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
def test_who_was_there_before_logs_in_and_gets_no_second_account(host: Host, email: str) -> None:
    host.old_row(email)

    login = host.caller.login(ADDRESS)

    assert (login["userId"], login["email"]) == (1, email)
    assert host.count() == 1


def test_a_domain_in_its_own_letters_is_found_without_a_key(host: Host) -> None:
    host.old_row("Ann@Bücher.example")

    assert host.caller.login("ann@xn--bcher-kva.example")["userId"] == 1


def test_nobody_is_created_beside_a_row_without_a_key(host: Host) -> None:
    host.old_row("Ann@Example.com")

    with host.app.app_context(), pytest.raises(ValueError, match="e-mail"):
        host.users.create(email=ADDRESS)


def test_two_rows_that_differ_by_case_are_nobody(host: Host, outbox: Outbox) -> None:
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


def test_what_is_written_to_an_old_row_is_written_even_where_another_has_its_address(host: Host) -> None:
    host.old_row("Ann@Example.com")
    with host.app.app_context():
        host.db.session.add(host.model(email=ADDRESS))
        host.db.session.commit()

        host.db.session.get_one(host.model, 1).points = 7
        host.db.session.commit()

    assert host.keys() == [None, ADDRESS]


# -- the key is derived ----------------------------------------------------------------------


def test_the_key_is_what_the_email_says_whatever_is_set_by_hand(host: Host) -> None:
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


def test_what_flask_admin_writes_has_its_key(host: Host) -> None:
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


def test_what_core_inserts_is_found(host: Host) -> None:
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


def test_the_keys_index_is_used_and_so_is_that_of_the_doubtful(host: Host) -> None:
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


# -- what a database takes for equal ---------------------------------------------------------


def test_another_spelling_of_an_address_is_another_person_with_quotas_of_its_own(
    host: Host, outbox: Outbox
) -> None:
    victim = host.caller.login("victim@example.com")["userId"]

    for spelling in ("víctim@example.com", "vıctim@example.com"):
        host.caller.ask(spelling)
        assert outbox.last.recipient == spelling
        assert host.caller.verify(outbox.last.code, spelling).json["data"]["userId"] != victim


def test_member_ids_and_phones_are_compared_to_the_letter(host: Host) -> None:
    with host.app.app_context():
        upper = host.users.create(email=ADDRESS, member_id="M-É")
        lower = host.users.create(email="bob@example.com", member_id="m-é")

        found = [host.users.find(each) for each in ("M-É", "m-é", "M-E", "m-e")]

    assert [user and user.id for user in found] == [upper.id, lower.id, None, None]
