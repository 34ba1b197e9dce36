"""The primary key of a host's model: which types and names it can have, and which ids find a user."""

from __future__ import annotations

import itertools
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Uuid,
    event,
)
from sqlalchemy import Enum as EnumType
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import TypeDecorator

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.users import NewUser, UserMixin
from tests.adapters.databases import database_of, mariadb_database
from tests.flows.email_caller import ADDRESS, EmailCaller, bearer
from tests.hosts import SECRET_KEY, MakeApp, cheap_hashing

PHONE = "+84987888001"
PIN = "274951"


class Packed(TypeDecorator[UUID]):
    """A UUID in sixteen bytes, with a ``python_type``."""

    impl = LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
    cache_ok = True
    python_type = UUID  # type: ignore[assignment]

    def process_bind_param(self, value: UUID | None, dialect: object) -> bytes | None:
        return None if value is None else value.bytes

    def process_result_value(self, value: bytes | None, dialect: object) -> UUID | None:
        return None if value is None else UUID(bytes=value)


class Guid(TypeDecorator[Any]):
    """SQLAlchemy's recipe of a UUID on any database, without a ``python_type``."""

    impl = CHAR(32)
    cache_ok = True

    def process_bind_param(self, value: UUID | str | None, dialect: object) -> str | None:
        if value is None:
            return None
        return value.hex if isinstance(value, UUID) else UUID(value).hex

    def process_result_value(self, value: str | None, dialect: object) -> UUID | None:
        return None if value is None else UUID(value)


class Shifted(TypeDecorator[int]):
    """A number that is stored as another number."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: object) -> int | None:
        return None if value is None else value + 1000

    def process_result_value(self, value: int | None, dialect: object) -> int | None:
        return None if value is None else value - 1000


def counting(first: int, step: int = 1) -> Callable[[], int]:
    """Return a function that returns one number after the other."""
    numbers = itertools.count(first, step)
    return lambda: next(numbers)


#: The name of the attribute, and the column that it is.
KEYS: dict[str, Callable[[], tuple[str, Any]]] = {
    "integer": lambda: ("id", mapped_column(Integer, primary_key=True)),
    "another name": lambda: ("customer_no", mapped_column(Integer, primary_key=True)),
    "a column of another name": lambda: ("id", mapped_column("customer_no", Integer, primary_key=True)),
    "a column id under another name": lambda: ("key", mapped_column("id", Integer, primary_key=True)),
    "snowflake": lambda: ("id", mapped_column(BigInteger, primary_key=True, default=counting(2**62 + 1))),
    "the last of 63 bits": lambda: ("id", mapped_column(BigInteger, primary_key=True, default=2**63 - 1)),
    "negative": lambda: ("id", mapped_column(BigInteger, primary_key=True, default=counting(-1, -1))),
    "zero": lambda: ("id", mapped_column(Integer, primary_key=True, autoincrement=False, default=0)),
    "text": lambda: ("id", mapped_column(String(40), primary_key=True, default=lambda: f"c-{uuid4().hex}")),
    "text of digits": lambda: ("id", mapped_column(String(40), primary_key=True, default="0070")),
    "UUID": lambda: ("id", mapped_column(Uuid, primary_key=True, default=uuid4)),
    "UUID as text": lambda: (
        "id",
        mapped_column(Uuid(as_uuid=False), primary_key=True, default=lambda: str(uuid4())),
    ),
    "a type of a UUID": lambda: ("uid", mapped_column(Packed, primary_key=True, default=uuid4)),
    "a type that says nothing": lambda: ("uid", mapped_column(Guid, primary_key=True, default=uuid4)),
    "a type of a number": lambda: ("id", mapped_column(Shifted, primary_key=True, default=counting(7))),
}


@dataclass
class Host:
    """A host whose model has a primary key of some type."""

    app: Flask
    otpauth: OtpAuth
    outbox: Outbox
    db: SQLAlchemy
    attribute: str = "id"

    def __post_init__(self) -> None:
        self.caller = EmailCaller(self.app, self.outbox)
        self.http = self.app.test_client()

    def merchants(self, path: str, **fields: Any) -> Any:
        """Return the response to a merchant."""
        with self.app.app_context():
            secret = self.otpauth.clients.create("a merchant", ("account",)).secret
        return self.http.post(f"/api{path}", json=fields, headers={"Authorization": f"Token {secret}"}).json

    def verify_sms(self, user_id: str, otp: str) -> Any:
        """Return the response of the flow ``sms`` to a code of the user with this id."""
        with self.app.app_context():
            client = self.otpauth.clients.create("an app", ("sms",))
        body = {"grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret}
        token = self.http.post("/oauth/token", json=body).json["access_token"]
        with self.app.app_context():
            account_token = self.otpauth.issue_account_token(ADDRESS)
        self.http.post("/api/auth/resend-otp", json={"account_token": account_token}, headers=bearer(token))
        otp = otp or str(self.outbox.last.code)
        body = {"user_id": user_id, "otp": otp}
        return self.http.post("/api/auth/verify-otp", json=body, headers=bearer(token)).json


def host_with(columns: dict[str, Any], uri: str, outbox: Outbox, clock: MovableClock, **config: Any) -> Host:
    """Return a host on ``uri`` whose model has these columns and those of the mixin."""
    app, db, otpauth = Flask("host"), SQLAlchemy(), OtpAuth()
    model = type("Customer", (UserMixin, db.Model), {"__tablename__": "customers", **columns})
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        SQLALCHEMY_DATABASE_URI=uri,
        OTPAUTH_FLOWS=("email", "sms", "account"),
        OTPAUTH_USERS=model,
        OTPAUTH_SENDERS=outbox.senders,
        OTPAUTH_CLOCK=clock,
        OTPAUTH_IP_LIMITS=None,
        **config,
    )
    if uri.startswith("mysql"):
        app.config["OTPAUTH_DATABASE_URI"] = "sqlite://"  # MariaDB keeps users alone
    db.init_app(app)
    with cheap_hashing():
        otpauth.init_app(app)
    app.add_url_rule("/me", "me", otpauth.token_required(lambda: {"email": otpauth.current_user.email}))
    with app.app_context():
        db.create_all()
    return Host(app, otpauth, outbox, db)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as uri:
        yield uri


@pytest.fixture(params=KEYS.values(), ids=KEYS)
def host(request: pytest.FixtureRequest, uri: str, outbox: Outbox, clock: MovableClock) -> Iterator[Host]:
    attribute, column = request.param()
    made = host_with({attribute: column}, uri, outbox, clock)
    made.attribute = attribute
    yield made
    with made.app.app_context():
        made.db.session.remove()
        made.db.engine.dispose()


def subject_of(token: str) -> Any:
    """Return the ``sub`` of an access token."""
    segment = token.split(".")[1]
    return json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))["sub"]


def test_a_user_with_any_type_of_key_can_use_every_flow(host: Host) -> None:
    login = host.caller.login()
    with host.app.app_context():
        user = host.otpauth.users.find(ADDRESS)
        value = getattr(user, host.attribute)
        words = ["otpauth", "users", "show", "--json", "--", str(value)]
        shown = json.loads(host.app.test_cli_runner().invoke(args=words).output)

    assert (login["userId"], login["userId"].__class__) == (
        (value, int) if isinstance(value, int) else (str(value), str)
    )
    assert subject_of(login["accessToken"]) == str(value)
    assert host.http.get("/me", headers=bearer(login["accessToken"])).json == {"email": ADDRESS}
    assert host.caller.refresh(login["refreshToken"]).json["data"]["userId"] == login["userId"]
    assert host.caller.login()["userId"] == login["userId"]
    assert shown[0]["id"] == login["userId"]
    for name in {login["userId"], str(value)}:
        assert (
            host.merchants("/auth/validate-password", user=name, password="x")["error_code"] != "invalid_user"
        )
    assert host.merchants("/pin/set", user=login["userId"], pin=PIN, confirm_pin=PIN) == {"status": "ok"}
    assert host.merchants("/pin/validate", user=ADDRESS, pin=PIN) == {"status": "ok"}


def test_a_user_with_any_type_of_key_is_found_by_it(host: Host) -> None:
    with host.app.app_context():
        user = host.otpauth.users.create(email=ADDRESS, phone=PHONE)
        value = getattr(user, host.attribute)
        verified = host.verify_sms(str(value), "")
        found = [host.otpauth.users.find(value), host.otpauth.users.find(str(value))]
        disabled = host.otpauth.users.disable(value)
        enabled = host.otpauth.users.enable(str(value))
        deleted = host.otpauth.users.delete(value)

    assert verified["data"]["user_id"] == str(value)
    assert [getattr(each, host.attribute) for each in found] == [value, value]
    assert (disabled, enabled, deleted) == (True, True, True)


def spellings(text: str) -> list[str]:
    """Return other texts that a parser might take for the id ``text``."""
    others = [
        f"0{text}",
        f"+{text}",
        f"{text}.0",
        f"{text}\0",
        text.upper(),
        text.replace("-", ""),
        f"{{{text}}}",
    ]
    arabic = text.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    return [each for each in (*others, f"-{text}", arabic, "-0") if each != text]


def test_only_one_spelling_of_an_id_finds_the_user(host: Host) -> None:
    with host.app.app_context():
        user = host.otpauth.users.create(email=ADDRESS)
        users = host.app.extensions["otpauth"].services.users
        text = str(getattr(user, host.attribute))

        assert users.get(text) is not None
        assert [each for each in spellings(text) if users.get(each) is not None] == []
        assert [each for each in spellings(text) if host.otpauth.users.find(each) is not None] == []


@pytest.mark.parametrize("number", [2**31, 2**63, -(2**63) - 1, 2**64, 10**40, "9" * 5000])
def test_a_number_out_of_the_range_of_the_key_finds_no_user(
    number: object, uri: str, outbox: Outbox, clock: MovableClock
) -> None:
    host = host_with({"id": mapped_column(Integer, primary_key=True)}, uri, outbox, clock)
    host.caller.login()

    with host.app.app_context():
        assert host.otpauth.users.find(number) is None
        host.db.engine.dispose()


def test_an_unsigned_number_can_have_64_bits(outbox: Outbox, clock: MovableClock) -> None:
    column = mapped_column(mysql.BIGINT(unsigned=True), primary_key=True, default=2**64 - 1)
    with mariadb_database() as uri:
        host = host_with({"id": column}, uri, outbox, clock)
        login = host.caller.login()
        seen = host.http.get("/me", headers=bearer(login["accessToken"])).json
        with host.app.app_context():
            host.db.engine.dispose()

    assert (login["userId"], seen) == (2**64 - 1, {"email": ADDRESS})


# -- keys that are refused ---------------------------------------------------------------------


class Color(Enum):
    """An enumeration."""

    RED = "red"


CANNOT: dict[str, Callable[[], dict[str, Any]]] = {
    "two columns": lambda: {
        "tenant": mapped_column(Integer, primary_key=True),
        "id": mapped_column(Integer, primary_key=True),
    },
    "a fraction": lambda: {"id": mapped_column(Float, primary_key=True, default=1.5)},
    "a decimal": lambda: {"id": mapped_column(Numeric(20, 4), primary_key=True, default=Decimal(1))},
    "bytes": lambda: {"id": mapped_column(LargeBinary(16), primary_key=True, default=b"1")},
    "a date and time": lambda: {"id": mapped_column(DateTime, primary_key=True, default=datetime.now)},
    "a boolean": lambda: {"id": mapped_column(Boolean, primary_key=True, default=True)},
    "an enumeration": lambda: {"id": mapped_column(EnumType(Color), primary_key=True, default=Color.RED)},
    "a long text": lambda: {"id": mapped_column(String(300), primary_key=True, default="x")},
    "an id that is not the key": lambda: {
        "number": mapped_column(Integer, primary_key=True),
        "id": mapped_column(Integer, nullable=True),
    },
}


@pytest.mark.parametrize("columns", CANNOT.values(), ids=CANNOT)
def test_a_key_that_cannot_be_an_id_is_an_error_at_start_up(
    columns: Callable[[], dict[str, Any]], outbox: Outbox, clock: MovableClock
) -> None:
    with pytest.raises(ConfigurationError, match="OTPAUTH_USERS: .*Customer"):
        host_with(columns(), "sqlite://", outbox, clock)


# -- columns that a login does not fill --------------------------------------------------------

UNFILLED: dict[str, Callable[[], dict[str, Any]]] = {
    "a name": lambda: {"username": mapped_column(String(50), nullable=False)},
    "a phone": lambda: {"phone": mapped_column(String(16), nullable=False)},
    "a key of text": lambda: {"id": mapped_column(String(50), primary_key=True)},
}


@pytest.mark.parametrize("columns", UNFILLED.values(), ids=UNFILLED)
def test_a_required_column_that_no_login_fills_is_an_error_at_start_up(
    columns: Callable[[], dict[str, Any]], outbox: Outbox, clock: MovableClock
) -> None:
    given = {"id": mapped_column(Integer, primary_key=True), **columns()}

    with pytest.raises(ConfigurationError, match="OTPAUTH_USERS: .*cannot fill .*EMAIL_CREATE_USER = False"):
        host_with(given, "sqlite://", outbox, clock)


@pytest.mark.parametrize("setting", [{"OTPAUTH_EMAIL_CREATE_USER": False, "OTPAUTH_DELIVERY": "thread"}])
def test_a_required_column_is_allowed_if_no_login_creates_users(
    setting: dict[str, Any], outbox: Outbox, clock: MovableClock
) -> None:
    columns = {
        "id": mapped_column(Integer, primary_key=True),
        "username": mapped_column(String(50), nullable=False),
    }

    assert host_with(columns, "sqlite://", outbox, clock, **setting)


def test_a_required_column_is_allowed_if_the_model_fills_it(outbox: Outbox, clock: MovableClock) -> None:
    def named(self: Any, **values: Any) -> None:
        for name, value in {"username": values.get("email"), **values}.items():
            setattr(self, name, value)

    for extra in (
        {"username": mapped_column(String(50), default="someone")},
        {"username": mapped_column(String(50), server_default="someone")},
        {"username": mapped_column(String(254), nullable=False), "__init__": named},
    ):
        columns = {"id": mapped_column(Integer, primary_key=True), **extra}
        assert host_with(columns, "sqlite://", outbox, clock).caller.login()["userId"] == 1


def test_a_required_column_is_allowed_if_it_is_filled_before_the_insert(
    outbox: Outbox, clock: MovableClock
) -> None:
    app, db = Flask("host"), SQLAlchemy()
    columns = {
        "id": mapped_column(Integer, primary_key=True),
        "username": mapped_column(String(254), nullable=False),
    }
    model = type("Customer", (UserMixin, db.Model), {"__tablename__": "customers", **columns})
    event.listen(
        model, "before_insert", lambda mapper, connection, user: setattr(user, "username", user.email)
    )
    app.config.update(SECRET_KEY=SECRET_KEY, SQLALCHEMY_DATABASE_URI="sqlite://", OTPAUTH_USERS=model)
    app.config.update(OTPAUTH_SENDERS=outbox.senders, OTPAUTH_CLOCK=clock, TESTING=True)
    db.init_app(app)
    OtpAuth(app)
    with app.app_context():
        db.create_all()

    assert EmailCaller(app, outbox).login()["userId"] == 1


# -- the host's directory ----------------------------------------------------------------------


@dataclass
class Somebody:
    """A user of the host's directory."""

    id: Any
    email: str | None
    phone: str | None = None
    member_id: str | None = None
    full_name: str = ""
    avatar_url: str | None = None
    password_hash: str | None = None
    is_enabled: bool = True
    email_verified: bool = True
    phone_verified: bool = True


@dataclass
class Careless:
    """A directory that finds a user by other spellings of the id too."""

    user: Somebody
    read: Callable[[str], Any]
    looked_up: list[str] = field(default_factory=list)

    def get(self, user_id: str) -> Somebody | None:
        self.looked_up.append(user_id)
        try:
            return self.user if self.read(user_id) == self.user.id else None
        except ValueError:
            return None

    def find(self, kind: str, value: str, client_id: str | None = None) -> Somebody | None:
        return self.get(value) if kind == "id" else self.user if getattr(self.user, kind) == value else None

    def create(self, user: NewUser) -> Somebody:
        raise AssertionError("nobody is new here")

    def mark_verified(self, user_id: str, kind: str) -> None: ...

    def set_enabled(self, user_id: str, enabled: bool) -> bool:
        self.user.is_enabled = enabled
        return True

    def delete(self, user_id: str) -> bool:
        return False


OWN: dict[str, tuple[Any, Callable[[str], Any]]] = {
    "integer": (7, int),
    "snowflake": (2**62 + 1, int),
    "UUID": (UUID("6f1c7a54-8a0e-4b7e-9d36-0c2f5d1c9b11"), UUID),
    "text": ("c-7", str.lower),
}


@pytest.mark.parametrize(("key", "read"), OWN.values(), ids=OWN)
def test_a_host_directory_can_have_any_type_of_id_and_find_users_by_other_spellings(
    key: Any, read: Callable[[str], Any], make_app: MakeApp, outbox: Outbox
) -> None:
    app = make_app(users=Careless(Somebody(key, ADDRESS), read))
    host = Host(app, app.extensions["test_otpauth"], outbox, SQLAlchemy())

    login = host.caller.login()
    with app.app_context():
        account_token = host.otpauth.issue_account_token(key)
        others = [each for each in spellings(str(key)) if host.otpauth.users.find(each) is not None]

    assert login["userId"] == (key if isinstance(key, int) else str(key))
    assert subject_of(login["accessToken"]) == str(key)
    assert host.caller.refresh(login["refreshToken"]).json["data"]["userId"] == login["userId"]
    assert host.merchants("/pin/set", user=login["userId"], pin=PIN, confirm_pin=PIN) == {"status": "ok"}
    assert account_token
    assert others == []
