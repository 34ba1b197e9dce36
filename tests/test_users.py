"""Users in the packaged table, in the table of a host's model, and in a host's directory."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String, create_engine
from sqlalchemy.orm import Mapped, mapped_column

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import own_sessions
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.users import NewUser, UserMixin
from tests.adapters.databases import database_of, postgresql_schema
from tests.flows.email_caller import ADDRESS, EmailCaller, bearer, outcome
from tests.hosts import SECRET_KEY, MakeApp

#: The error for a text that is not an address.
NO_ADDRESS = "not an? "


@pytest.fixture
def database_uri(database_file: str) -> str:
    return database_file


def users_of(app: Flask) -> Any:
    """Return ``otpauth.users``."""
    return app.extensions["test_otpauth"].users


# -- administration --------------------------------------------------------------------------


def test_a_user_is_found_by_id_address_and_member_id(app: Flask) -> None:
    with app.app_context():
        users = users_of(app)
        made = users.create(
            email="User@Example.com", phone="+6281234567890", member_id="M-1", full_name="Foo"
        )

        found = [
            users.find(identifier)
            for identifier in (
                made.id,
                str(made.id),
                "user@example.com",
                "USER@EXAMPLE.COM",
                "+6281234567890",
                "0062 812-3456-7890",
                "M-1",
            )
        ]

    assert [user.id for user in found] == [made.id] * 7
    assert isinstance(made.id, int)
    assert made.full_name == "Foo"


@pytest.mark.parametrize(
    "nobody",
    ["nobody@example.com", "+6280000000000", "M-2", "2", 2, 0, -1, "", " ", "01", "9" * 30, 10**30, "1\0"],
)
def test_an_identifier_that_no_user_has_finds_no_user(nobody: object, app: Flask) -> None:
    with app.app_context():
        users_of(app).create(email=ADDRESS)

        assert users_of(app).find(nobody) is None


def test_an_identifier_that_fits_two_users_finds_no_user(app: Flask) -> None:
    with app.app_context():
        first = users_of(app).create(email="first@example.com")
        users_of(app).create(email="second@example.com", member_id=str(first.id))

        assert users_of(app).find(str(first.id)) is None
        assert users_of(app).find(first.id).email == "first@example.com"


def test_the_same_address_is_the_same_user(app: Flask) -> None:
    with app.app_context():
        users = users_of(app)
        by_email = users.create(email="User@Example.com")
        by_phone = users.create(phone="+6281234567890")

        assert users.get_or_create(email="user@example.com").id == by_email.id
        assert users.get_or_create(phone="0062 812 3456 7890").id == by_phone.id


def test_a_member_id_that_is_taken_is_an_error(app: Flask) -> None:
    with app.app_context():
        users_of(app).create(email="first@example.com", member_id="M-1")

        with pytest.raises(ValueError, match="member id"):
            users_of(app).create(email="second@example.com", member_id="M-1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "nobody"},
        {"phone": "12"},
        {"phone": "user@example.com"},
        {"email": "a@b.example, c@d.example"},
    ],
)
def test_a_text_that_is_not_an_address_creates_no_user(wrong: dict[str, str], app: Flask) -> None:
    with app.app_context(), pytest.raises(ValueError, match=NO_ADDRESS):
        users_of(app).create(**wrong)


def test_national_numbers_belong_to_the_configured_region(make_app: MakeApp) -> None:
    app = make_app(phone_region="ID")
    with app.app_context():
        made = users_of(app).create(phone="0812 3456 7890")

        assert made.phone == "+6281234567890"
        assert users_of(app).find("081234567890").id == made.id


def test_disable_and_enable_return_whether_the_user_exists(app: Flask) -> None:
    with app.app_context():
        user = users_of(app).create(email=ADDRESS)

        assert users_of(app).disable(user.id)
        assert not users_of(app).find(ADDRESS).is_enabled
        assert users_of(app).enable(user.id)
        assert users_of(app).find(ADDRESS).is_enabled
        assert not users_of(app).disable(999)
        assert not users_of(app).enable("nobody")


def test_the_repr_of_a_user_shows_no_hash(app: Flask) -> None:
    with app.app_context():
        user = users_of(app).create(email=ADDRESS, password="correct horse battery")

    assert "argon2" not in repr(user)
    assert "correct horse" not in repr(user)


# -- the host's model ------------------------------------------------------------------------


@dataclass
class Host:
    """A host with Flask-SQLAlchemy and its own model."""

    app: Flask
    db: SQLAlchemy
    model: type[Any]
    caller: EmailCaller


def own_model(db: SQLAlchemy, key: str) -> type[Any]:
    """Return a host's model of customers, which has one more column."""

    class Customer(UserMixin, db.Model):  # type: ignore[name-defined]  # made by the host at run time
        if key == "text":
            id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: f"c-{uuid4().hex}")
        else:
            id: Mapped[int] = mapped_column(primary_key=True)  # type: ignore[no-redef]
        loyalty: Mapped[int] = mapped_column(default=7)

    return Customer


def host_on(uri: str, key: str, outbox: Outbox, clock: MovableClock) -> Host:
    """Return a host on ``uri`` whose model has a primary key of this kind."""
    app, db = Flask("host"), SQLAlchemy()
    model = own_model(db, key)
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        SQLALCHEMY_DATABASE_URI=uri,
        OTPAUTH_USERS=model,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_CLOCK=clock,
        OTPAUTH_IP_LIMITS=None,
    )
    db.init_app(app)
    otpauth = OtpAuth(app)
    app.extensions["test_otpauth"] = otpauth

    @app.get("/me")
    @otpauth.token_required
    def me() -> dict[str, Any]:
        return {"id": otpauth.current_user.id, "loyalty": otpauth.current_user.loyalty}

    with app.app_context():
        db.create_all()
    return Host(app, db, model, EmailCaller(app, outbox))


@pytest.fixture(params=["sqlite", "memory", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as uri:
        yield uri


@pytest.fixture(params=["integer", "text"])
def host(request: pytest.FixtureRequest, uri: str, outbox: Outbox, clock: MovableClock) -> Iterator[Host]:
    made = host_on(uri, request.param, outbox, clock)
    yield made
    with made.app.app_context():
        made.db.session.remove()
        made.db.engine.dispose()


def test_a_login_creates_a_row_of_the_hosts_model(host: Host) -> None:
    data = host.caller.login()

    with host.app.app_context():
        [row] = host.db.session.scalars(host.db.select(host.model)).all()
        assert (row.id, row.email, row.loyalty, row.email_verified) == (data["userId"], ADDRESS, 7, True)


def test_a_user_of_the_hosts_model_can_use_its_protected_routes(host: Host) -> None:
    with host.app.app_context():
        host.db.session.add(host.model(email="User@Example.com", full_name="Foo", loyalty=9))
        host.db.session.commit()

    data = host.caller.login()
    seen = host.app.test_client().get("/me", headers=bearer(data["accessToken"]))
    refreshed = host.caller.refresh(data["refreshToken"])

    assert (data["email"], data["fullName"]) == ("User@Example.com", "Foo")
    assert seen.json == {"id": data["userId"], "loyalty": 9}
    assert refreshed.json["data"]["userId"] == data["userId"]


def test_the_hosts_model_checks_addresses_when_they_are_set(host: Host) -> None:
    with pytest.raises(ValueError, match=NO_ADDRESS):
        host.model(email="nobody")
    with pytest.raises(ValueError, match=NO_ADDRESS):
        host.model(phone="12")

    assert host.model(email="User@Example.COM").email == "User@Example.COM"
    assert host.model(phone="+62 812 3456 7890").phone == "+6281234567890"
    assert host.model(email=None, phone=None).email is None


def test_disabling_a_user_of_the_hosts_model_ends_the_sessions(host: Host) -> None:
    data = host.caller.login()

    with host.app.app_context():
        assert users_of(host.app).disable(data["userId"])
    status = host.app.test_client().get("/me", headers=bearer(data["accessToken"])).status_code

    assert status == 401
    assert outcome(host.caller.ask()) == (0, "OTP sent successfully")
    assert len(host.caller.outbox.messages) == 1


@pytest.mark.parametrize("number", ["6281234567890", 2**31, 2**62])
def test_a_number_that_does_not_fit_the_key_finds_no_user(number: object, host: Host) -> None:
    with host.app.app_context():
        assert users_of(host.app).find(number) is None
        assert not users_of(host.app).disable(number)


@pytest.mark.parametrize("bind", ["file", "memory"])
def test_a_model_on_a_bind_is_read_from_that_database(
    bind: str, tmp_path: Path, outbox: Outbox, clock: MovableClock
) -> None:
    app, db = Flask("host"), SQLAlchemy()

    class Customer(UserMixin, db.Model):  # type: ignore[name-defined]
        __bind_key__ = "customers"
        id: Mapped[int] = mapped_column(primary_key=True)

    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path / 'host.sqlite'}",
        SQLALCHEMY_BINDS={
            "customers": "sqlite://" if bind == "memory" else f"sqlite:///{tmp_path / 'bind.sqlite'}"
        },
        OTPAUTH_USERS=Customer,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_CLOCK=clock,
        OTPAUTH_IP_LIMITS=None,
    )
    db.init_app(app)
    OtpAuth(app)
    with app.app_context():
        db.create_all()
    data = EmailCaller(app, outbox).login()

    with app.app_context():
        [row] = db.session.scalars(db.select(Customer)).all()
        assert (row.id, row.email) == (data["userId"], ADDRESS)


def test_binds_without_a_default_database_are_an_error_at_start_up(outbox: Outbox) -> None:
    app, db = Flask("host"), SQLAlchemy()
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        SQLALCHEMY_BINDS={"customers": "sqlite://"},
        OTPAUTH_SENDERS=outbox.senders,
    )
    db.init_app(app)

    with pytest.raises(ConfigurationError, match="SQLALCHEMY_DATABASE_URI: set it in addition to the binds"):
        OtpAuth(app)


def test_users_are_written_at_read_committed_even_if_the_hosts_level_is_another() -> None:
    with postgresql_schema() as url:
        engine = create_engine(url, isolation_level="SERIALIZABLE")
        with own_sessions(engine)(True) as session:
            level = session.connection().get_isolation_level()
        engine.dispose()

    assert level == "READ COMMITTED"


def test_creating_a_user_without_a_required_column_is_a_value_error(
    outbox: Outbox, clock: MovableClock
) -> None:
    app, db = Flask("host"), SQLAlchemy()

    class Strict(UserMixin, db.Model):  # type: ignore[name-defined]
        id: Mapped[int] = mapped_column(primary_key=True)
        tax_number: Mapped[str]

    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        SQLALCHEMY_DATABASE_URI="sqlite://",
        OTPAUTH_USERS=Strict,
        OTPAUTH_FLOWS=("account",),
        OTPAUTH_SENDERS=outbox.senders,
    )
    db.init_app(app)
    otpauth = OtpAuth(app)
    with app.app_context():
        db.create_all()

        with pytest.raises(ValueError, match="column"):
            otpauth.users.create(email=ADDRESS)


# -- the host's directory --------------------------------------------------------------------


@dataclass(frozen=True)
class Member:
    """A user of the host's directory."""

    id: str
    email: str | None = None
    phone: str | None = None
    member_id: str | None = None
    full_name: str = "From elsewhere"
    avatar_url: str | None = None
    password_hash: str | None = None
    is_enabled: bool = True
    email_verified: bool = False
    phone_verified: bool = False


@dataclass
class Elsewhere:
    """A :class:`flask_otpauth.users.Directory` over a dictionary."""

    members: dict[str, Member] = field(default_factory=dict)

    def get(self, user_id: str) -> Member | None:
        return self.members.get(user_id)

    def find(self, kind: str, value: str, client_id: str | None = None) -> Member | None:
        return next((each for each in self.members.values() if getattr(each, kind) == value), None)

    def create(self, user: NewUser) -> Member:
        existing = self.find("email", user.email or "")
        given = {name: value for name, value in asdict(user).items() if value}
        member = existing or Member(f"m{len(self.members)}", **given)
        self.members[member.id] = member
        return member

    def mark_verified(self, user_id: str, kind: str) -> None:
        self.members[user_id] = replace(self.members[user_id], **{f"{kind}_verified": True})

    def set_enabled(self, user_id: str, enabled: bool) -> bool:
        if user_id in self.members:
            self.members[user_id] = replace(self.members[user_id], is_enabled=enabled)
        return user_id in self.members


def test_users_of_a_host_directory_can_log_in(make_app: MakeApp, outbox: Outbox) -> None:
    directory = Elsewhere({"m-7": Member("m-7", ADDRESS)})
    caller = EmailCaller(make_app(users=directory), outbox)

    known, fresh = caller.login(), caller.login("new@example.com")

    assert (known["userId"], known["fullName"]) == ("m-7", "From elsewhere")
    assert directory.members["m-7"].email_verified
    assert directory.members[fresh["userId"]].email == "new@example.com"
    assert outcome(caller.refresh(known["refreshToken"]))[0] == 0


def test_deleting_from_a_directory_without_delete_is_an_error_and_changes_nothing(
    make_app: MakeApp, outbox: Outbox
) -> None:
    directory = Elsewhere({"m-7": Member("m-7", ADDRESS)})
    app = make_app(users=directory)
    tokens = EmailCaller(app, outbox).login()

    with app.app_context():
        with pytest.raises(ValueError, match="no delete"):
            users_of(app).delete("m-7")
        refreshed = EmailCaller(app, outbox).refresh(tokens["refreshToken"])
        gone = directory.members.pop("m-7")
        users_of(app).delete(gone)

    assert outcome(refreshed)[0] == 0
    assert outcome(EmailCaller(app, outbox).refresh(refreshed.json["data"]["refreshToken"]))[0] != 0


@dataclass
class Flaky(Elsewhere):
    """A directory that cannot always be reached."""

    is_down: bool = False

    def get(self, user_id: str) -> Member | None:
        if self.is_down:
            raise ConnectionError
        return super().get(user_id)


def test_sessions_survive_an_outage_of_the_directory(
    make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    directory = Flaky()
    caller = EmailCaller(make_app(users=directory), outbox)
    refresh_token = caller.login()["refreshToken"]

    directory.is_down = True
    during = outcome(caller.refresh(refresh_token))
    directory.is_down = False
    clock.tick(600)

    assert during == (-6, "System error")
    assert outcome(caller.refresh(refresh_token))[0] == 0


@pytest.mark.parametrize("named", [Elsewhere, "tests.test_users:Elsewhere"], ids=["class", "dotted path"])
def test_a_directory_can_be_given_as_a_class_or_a_dotted_path(
    named: object, make_app: MakeApp, outbox: Outbox
) -> None:
    caller = EmailCaller(make_app(users=named), outbox)

    assert caller.login()["fullName"] == "From elsewhere"


@pytest.mark.parametrize("wrong", ["nowhere:Users", "tests.test_users:Nobody", "nonsense"])
def test_a_dotted_path_without_a_directory_is_an_error_at_start_up(wrong: str, make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="OTPAUTH_USERS"):
        make_app(users=wrong)


def test_a_model_without_flask_sqlalchemy_is_an_error_at_start_up(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="OTPAUTH_USERS.*Flask-SQLAlchemy"):
        make_app(users=own_model(SQLAlchemy(), "integer"))


def test_several_processes_can_create_the_tables_at_once(uri: str, outbox: Outbox) -> None:
    def start(_: int) -> None:
        app = Flask("host")
        app.config.update(SECRET_KEY=SECRET_KEY, TESTING=True, OTPAUTH_DATABASE_URI=uri)
        app.config["OTPAUTH_SENDERS"] = outbox.senders
        otpauth = OtpAuth(app)
        with app.app_context():
            otpauth.create_all()
            assert otpauth.users.get_or_create(email=ADDRESS).email == ADDRESS
        app.extensions["otpauth"].services.storage.database.engine.dispose()

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(start, range(6))) == [None] * 6
