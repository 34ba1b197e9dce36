"""A session and its user are found by one read if their tables are in one database, and else by two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import (
    Engine,
    String,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_otpauth.adapters.sqlalchemy.directory.model import packaged_model
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory
from flask_otpauth.adapters.sqlalchemy.storage import SqlAlchemyStorage
from flask_otpauth.adapters.tokens.jwt import JwtTokens, hmac_keys
from flask_otpauth.core.errors import CredentialsInvalid
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.engine.sessions import SessionPolicy, Sessions
from flask_otpauth.ports.directory import NewUser, User
from flask_otpauth.testing import MovableClock
from flask_otpauth.users import UserMixin
from tests.adapters.databases import database_of, emptied

KEYS = KeyRing((b"n" * 32,), b"s" * 32)


class Compact(TypeDecorator[UUID]):
    """A UUID that the host keeps as 32 digits."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: object, dialect: object) -> str | None:
        return None if value is None else UUID(str(value)).hex

    def process_result_value(self, value: str | None, dialect: object) -> UUID | None:
        return None if value is None else UUID(value)


#: The primary key of a host's model, and other attributes.
MODELS: dict[str, Callable[[], dict[str, Any]]] = {
    "a number": lambda: {"id": mapped_column(primary_key=True), "__annotations__": {"id": Mapped[int]}},
    "a text": lambda: {"id": mapped_column(String(32), primary_key=True, default=lambda: uuid4().hex)},
    "a UUID": lambda: {"id": mapped_column(Uuid, primary_key=True, default=uuid4)},
    "a UUID as text": lambda: {
        "id": mapped_column(Uuid(as_uuid=False), primary_key=True, default=lambda: str(uuid4()))
    },
    "a type of the host's": lambda: {"id": mapped_column(Compact, primary_key=True, default=uuid4)},
    "another name": lambda: {"user_id": mapped_column(Uuid, primary_key=True, default=uuid4)},
}


class Elsewhere:
    """A directory of the host's own."""

    def __init__(self, directory: ModelDirectory) -> None:
        self.get = directory.get


class Host:
    """Sessions, and users of a model in the same database."""

    def __init__(self, engine: Engine, clock: MovableClock, model: type[UserMixin] | None = None) -> None:
        self.engine = engine
        self.storage = SqlAlchemyStorage(engine)
        self.directory = ModelDirectory(model or packaged_model(self.storage.tables.metadata), engine)
        emptied(self.storage)
        self.directory.create_all()
        signer, policy = JwtTokens(hmac_keys(KEYS), "issuer", "audience"), SessionPolicy()
        self.sessions = Sessions(
            self.storage.sessions, signer, KEYS, policy, clock, lambda event, **facts: None, self.directory
        )

    def with_directory(self, directory: Any) -> Sessions:
        return replace(self.sessions, directory=directory)

    def user(self) -> User:
        return self.directory.create(NewUser(email="ann@example.com"))

    def login(self, user: User) -> str:
        """Return the access token of a new session."""
        return self.sessions.open(user).tokens.access_token

    def write(self, **values: object) -> None:
        """Change every user by SQL."""
        with self.engine.begin() as connection:
            connection.execute(update(self.directory.table).values(values))


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        statements.append(sql)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def is_refused(sessions: Sessions, token: str) -> bool:
    try:
        sessions.check(token)
    except CredentialsInvalid:
        return True
    return False


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with database_of(request.param, tmp_path) as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def host(engine: Engine, clock: MovableClock) -> Host:
    return Host(engine, clock)


def model_with(**attributes: Any) -> type[Any]:
    base = type("Base", (DeclarativeBase,), {})
    return type("Customer", (UserMixin, base), {"__tablename__": "customer", **attributes})


@pytest.mark.parametrize("attributes", MODELS.values(), ids=MODELS)
def test_a_token_is_checked_by_one_read_whatever_the_primary_key_is(
    engine: Engine, clock: MovableClock, attributes: Callable[[], dict[str, Any]]
) -> None:
    host = Host(engine, clock, model_with(**attributes()))
    user = host.user()
    token = host.login(user)

    with counted(host.engine) as statements:
        login = host.sessions.check(token)

    assert len(statements) == 1
    assert login.user == host.directory.get(str(user.id))
    assert login == host.with_directory(Elsewhere(host.directory)).check(token)


def test_a_packaged_user_is_found_with_the_session(host: Host) -> None:
    user = host.user()
    token = host.login(user)

    with counted(host.engine) as statements:
        login = host.sessions.check(token)

    assert (len(statements), login.user) == (1, user)


@pytest.fixture
def other_engine(engine: Engine) -> Iterator[Engine]:
    other = create_engine(engine.url)
    yield other
    other.dispose()


def test_a_directory_of_the_hosts_is_asked_after_the_session_was_read(host: Host) -> None:
    user = host.user()
    token = host.login(user)

    with counted(host.engine) as statements:
        login = host.with_directory(Elsewhere(host.directory)).check(token)

    assert (len(statements), login.user) == (2, user)


def test_a_user_of_another_engine_is_read_there(host: Host, other_engine: Engine) -> None:
    user = host.user()
    token = host.login(user)
    elsewhere = host.with_directory(ModelDirectory(host.directory.model, other_engine))

    with counted(host.engine) as here, counted(other_engine) as there:
        login = elsewhere.check(token)

    assert (len(here), len(there), login.user) == (1, 1, user)


def test_a_user_whose_model_computes_an_attribute_is_read_as_an_object(
    engine: Engine, clock: MovableClock
) -> None:
    full_name = property(lambda user: "Ann")
    host = Host(engine, clock, model_with(**MODELS["a number"](), full_name=full_name))
    token = host.login(host.user())

    with counted(host.engine) as statements:
        login = host.sessions.check(token)

    assert (len(statements), login.user.full_name) == (2, "Ann")


def test_a_listener_of_the_host_still_sees_how_each_user_is_loaded(host: Host) -> None:
    token = host.login(host.user())
    seen: list[object] = []

    event.listen(host.directory.model, "load", lambda user, context: seen.append(user))
    login = host.sessions.check(token)

    assert [user.email for user in seen if isinstance(user, UserMixin)] == ["ann@example.com"]
    assert login.user.email == "ann@example.com"


def test_the_token_of_a_disabled_user_is_refused(host: Host) -> None:
    user = host.user()
    token = host.login(user)

    host.directory.set_enabled(str(user.id), False)
    while_disabled = is_refused(host.sessions, token)
    host.directory.set_enabled(str(user.id), True)

    assert (while_disabled, is_refused(host.sessions, token)) == (True, False)


def test_the_token_of_a_deleted_user_is_refused(host: Host) -> None:
    user = host.user()
    token = host.login(user)

    host.directory.delete(str(user.id))

    assert is_refused(host.sessions, token)


def test_a_token_is_refused_for_another_person_with_the_same_id(host: Host) -> None:
    token = host.login(host.user())

    host.write(person_key="of another person")

    assert is_refused(host.sessions, token)


def test_a_token_is_refused_after_all_sessions_were_ended(host: Host) -> None:
    user = host.user()
    token = host.login(user)

    host.sessions.close_all(str(user.id))

    with counted(host.engine) as statements:
        assert is_refused(host.sessions, token)
    assert len(statements) == 1


def test_a_token_is_refused_if_its_session_is_of_another_user(host: Host, clock: MovableClock) -> None:
    ann, ben = host.user(), host.directory.create(NewUser(email="ben@example.com"))
    opening = host.sessions.open(ann)
    claims = {"sub": str(ben.id), "sid": opening.session.id}
    # Only the ids tell the two users apart now.
    host.write(person_key=opening.session.person_key)

    token = host.sessions.signer.sign("access", claims, clock(), opening.tokens.expires_at)

    assert is_refused(host.sessions, token)
    assert not is_refused(host.sessions, opening.tokens.access_token)


def test_a_row_without_a_person_key_gets_one_and_its_earlier_tokens_are_refused(host: Host) -> None:
    user = host.user()
    session = replace(host.sessions.prepare(), user_id=str(user.id), person_key="")
    host.storage.sessions.open(session, closing_others=False)

    host.write(person_key=None)

    assert is_refused(host.sessions, host.sessions.opening(session, 0).tokens.access_token)
    with host.engine.connect() as connection:
        assert connection.execute(select(host.directory.table.c.person_key)).scalar()


@pytest.mark.parametrize("sub", ["01", "+1", " 1", "1.0", "x", "9" * 30, "1\0"])
def test_a_token_must_have_the_exact_text_of_the_id(host: Host, clock: MovableClock, sub: str) -> None:
    host.user()
    session = replace(host.sessions.prepare(), user_id=sub.replace("\0", ""), person_key="mark")
    host.storage.sessions.open(session, closing_others=False)
    tokens = host.sessions.opening(replace(session, user_id=sub), 0).tokens

    assert is_refused(host.sessions, tokens.access_token)


def test_a_text_that_differs_in_case_is_another_id(engine: Engine, clock: MovableClock) -> None:
    # MariaDB ignores the case by default.
    collation = "NOCASE" if engine.dialect.name == "sqlite" else None
    key = mapped_column(String(32, collation=collation), primary_key=True, default="Ann")
    host = Host(engine, clock, model_with(id=key))
    user: Any = host.user()
    session = replace(host.sessions.prepare(), user_id="ANN", person_key=user.person_key)
    host.storage.sessions.open(session, closing_others=False)

    assert is_refused(host.sessions, host.sessions.opening(session, 0).tokens.access_token)
    assert not is_refused(host.sessions, host.login(user))


def test_an_id_that_the_hosts_type_refuses_is_nobodys(engine: Engine, clock: MovableClock) -> None:
    host = Host(engine, clock, model_with(**MODELS["a type of the host's"]()))
    session = replace(host.sessions.prepare(), user_id="7", person_key="mark")
    host.storage.sessions.open(session, closing_others=False)

    assert is_refused(host.sessions, host.sessions.opening(session, 0).tokens.access_token)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
def test_each_row_is_found_by_its_primary_key(host: Host) -> None:
    user: Any = host.user()
    opening = host.sessions.open(user)
    add_rows(host, 2_000)

    with counted(host.engine) as statements:
        host.sessions.check(opening.tokens.access_token)

    is_sqlite = host.engine.dialect.name == "sqlite"
    values: Any = (user.id, opening.session.id)
    if not is_sqlite:
        values = {"value": user.id, "session_id": opening.session.id}
    with host.engine.connect() as connection:
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = connection.exec_driver_sql(f"{explain} {statements[0]}", values).fetchall()
    steps = [str(step) for step in plan]
    assert sum("SEARCH" in step or "Index Scan" in step for step in steps) == 2
    assert not any("SCAN " in step or "Seq Scan" in step for step in steps)


def add_rows(host: Host, number: int) -> None:
    """Add users, each with a session."""
    rows = range(number)
    users = [{"email": f"user{n}@example.com", "person_key": f"key {n}"} for n in rows]
    sessions = [vars(replace(host.sessions.prepare(), user_id=f"other {n}")) for n in rows]
    with host.engine.begin() as connection:
        connection.execute(insert(host.directory.model), users)
        connection.execute(insert(host.storage.tables.sessions), sessions)
        connection.exec_driver_sql("ANALYZE")
