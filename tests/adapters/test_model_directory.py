"""Users of a model are read by their columns, without an object, unless the columns do not say all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import (
    CHAR,
    JSON,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    String,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
    literal,
    select,
    update,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    column_property,
    mapped_column,
    reconstructor,
    synonym,
    with_loader_criteria,
)

from flask_otpauth.adapters.sqlalchemy.directory.model_directory import ModelDirectory, StoredUser
from flask_otpauth.ports.directory import NewUser
from flask_otpauth.users import UserMixin
from tests.adapters.databases import database_of

ADDRESS = "ann@example.com"


@dataclass
class Users:
    """A directory of a model, and the statements that it executes."""

    directory: ModelDirectory
    statements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.directory.table.metadata.create_all(self.engine)
        event.listen(self.engine, "before_cursor_execute", self._note)

    @property
    def engine(self) -> Any:
        assert self.directory.database is not None
        return self.directory.database.engine

    def _note(self, connection: object, cursor: object, statement: str, *rest: object) -> None:
        self.statements.append(statement)

    def write(self, **values: object) -> None:
        """Change every row by SQL."""
        with self.engine.begin() as connection:
            connection.execute(update(self.directory.table).values(values))


@pytest.fixture(params=["sqlite", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database_of(request.param, tmp_path) as url:
        yield url


def model_with(**attributes: Any) -> type[Any]:
    """A model of a host with these attributes beside those of the mixin."""
    base = type("Base", (DeclarativeBase,), {})
    key = {} if "id" in attributes or "uid" in attributes else {"id": mapped_column(primary_key=True)}
    hints = {"__annotations__": {"id": Mapped[int]}} if key else {}
    return type("Customer", (UserMixin, base), {"__tablename__": "customer", **key, **attributes, **hints})


@pytest.fixture
def users_of(uri: str) -> Iterator[Callable[[type[Any]], Users]]:
    engine = create_engine(uri)
    yield lambda model: Users(ModelDirectory(model, engine))
    engine.dispose()


UsersOf = Callable[[type[Any]], Users]


def test_a_user_is_read_by_one_statement_for_the_columns_that_a_flow_needs(users_of: UsersOf) -> None:
    users = users_of(model_with(points=mapped_column(String(9), default="7")))
    made = users.directory.create(NewUser(email="Ann@Example.com", phone="+84987654321", member_id="M-1"))
    users.statements.clear()

    found = [
        users.directory.find("email", ADDRESS),
        users.directory.find("phone", "+84987654321"),
        users.directory.find("member_id", "M-1"),
        users.directory.get(str(made.id)),
    ]

    assert found == [made] * 4
    assert [user.row for user in found if user] == [None] * 4
    assert len(users.statements) == 4
    assert not any("points" in statement for statement in users.statements)


class Shouted(TypeDecorator[str]):
    """A text that the host keeps in another form."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: object) -> str | None:
        return value and value.upper()

    def process_result_value(self, value: str | None, dialect: object) -> str | None:
        return value and value.lower()


PLAIN: dict[str, Callable[[], dict[str, Any]]] = {
    "the mixin alone": dict,
    "a key of another name": lambda: {"uid": mapped_column(Uuid, primary_key=True, default=uuid4)},
    "a synonym": lambda: {
        "is_active": mapped_column(Boolean, default=True),
        "is_enabled": synonym("is_active"),
    },
    "a column of another name": lambda: {"full_name": mapped_column("title", String(9), default="Ann")},
    "a column that follows its changes": lambda: {"data": mapped_column(MutableDict.as_mutable(JSON))},
    "a type of the host's": lambda: {"full_name": mapped_column(Shouted, default="ann")},
}

COMPUTED: dict[str, Callable[[], dict[str, Any]]] = {
    "a property": lambda: {"is_enabled": property(lambda user: user.email is not None)},
    "a hybrid property": lambda: {"is_enabled": hybrid_property(lambda user: user.email is not None)},
    "an expression": lambda: {"avatar_url": column_property(literal("/ann.png"))},
    "a synonym that computes": lambda: {
        "is_active": mapped_column(Boolean, default=True),
        "is_enabled": synonym("is_active", descriptor=property(lambda user: user.is_active)),
    },
    "an id that is computed": lambda: {
        "uid": mapped_column(Uuid, primary_key=True, default=uuid4),
        "id": property(lambda user: str(user.uid)),
    },
    "an object that is prepared": lambda: {"prepare": reconstructor(lambda user: None)},
    "classes in one table": lambda: {
        "kind": mapped_column(String(9), default="customer"),
        "__mapper_args__": {"polymorphic_on": "kind", "polymorphic_identity": "customer"},
    },
}


@pytest.mark.parametrize("attributes", PLAIN.values(), ids=PLAIN)
def test_columns_are_read_and_the_object_is_made_for_the_host(
    attributes: Callable[[], dict[str, Any]], users_of: UsersOf
) -> None:
    users = users_of(model_with(points=mapped_column(String(9), default="7"), **attributes()))
    made = users.directory.create(NewUser(email="Ann@Example.com"))
    found = users.directory.find("email", ADDRESS)
    assert found is not None

    detached: Any = users.directory.object_of(found)
    users.statements.clear()
    with Session(users.engine) as session:
        mine: Any = users.directory.in_session(found, session)
        values = [getattr(mine, name) for name in ("id", "email", "full_name", "is_enabled", "person_key")]
        before = list(users.statements)
        points = mine.points
        mine.full_name = "bob"
        session.commit()
    again = users.directory.get(str(made.id))

    assert (found, found.row) == (made, None)
    assert (detached.id, detached.points) == (made.id, "7")
    assert values == [made.id, "Ann@Example.com", made.full_name, True, made.person_key]
    assert (before, points) == ([], "7")
    assert again is not None
    assert again.full_name == "bob"


@pytest.mark.parametrize("attributes", COMPUTED.values(), ids=COMPUTED)
def test_the_object_is_read_where_columns_do_not_say_all(
    attributes: Callable[[], dict[str, Any]], users_of: UsersOf
) -> None:
    users = users_of(model_with(**attributes()))
    made = users.directory.create(NewUser(email=ADDRESS))

    found = [users.directory.find("email", ADDRESS), users.directory.get(str(made.id))]

    assert found == [made, made]
    assert users.directory.email_query is None
    assert all(user is not None and user.row is not None for user in found)
    with Session(users.engine) as session:
        assert isinstance(users.directory.in_session(made, session), users.directory.model)


def test_a_user_in_two_tables_is_read_as_an_object(uri: str) -> None:
    engine = create_engine(uri)
    base = type("Base", (DeclarativeBase,), {})
    hints = {"__annotations__": {"id": Mapped[int]}}
    person = type(
        "Person",
        (UserMixin, base),
        {"__tablename__": "person", "id": mapped_column(primary_key=True), **hints},
    )
    columns = {
        "id": mapped_column(ForeignKey("person.id"), primary_key=True),
        "points": mapped_column(String(9)),
    }
    users = Users(
        ModelDirectory(type("Customer", (person,), {"__tablename__": "customer", **columns}), engine)
    )

    made = users.directory.create(NewUser(email=ADDRESS))

    assert users.directory.find("email", ADDRESS) == made
    assert users.directory.set_enabled(str(made.id), False)
    engine.dispose()


def test_what_the_host_adds_to_each_query_of_the_orm_holds_for_users_too(users_of: UsersOf) -> None:
    model = model_with(is_deleted=mapped_column(default=False, type_=Boolean))
    users = users_of(model)
    users.directory.create(NewUser(email=ADDRESS))

    def hide(state: Any) -> None:
        state.statement = state.statement.options(with_loader_criteria(model, model.is_deleted.is_(False)))

    event.listen(Session, "do_orm_execute", hide)
    try:
        before = users.directory.find("email", ADDRESS)
        users.write(is_deleted=True)
        after = users.directory.find("email", ADDRESS), users.directory.email_query
    finally:
        event.remove(Session, "do_orm_execute", hide)

    assert before is not None
    assert after == (None, None)


def test_a_user_whose_row_is_gone_by_now_stays_as_it_was_read(users_of: UsersOf) -> None:
    users = users_of(model_with())
    made = users.directory.create(NewUser(email=ADDRESS))
    found = users.directory.get(str(made.id))
    assert found is not None

    users.directory.delete(str(made.id))

    assert users.directory.object_of(found) is found


# -- as a part of a larger statement -----------------------------------------------------------


#: Only there is a login one statement.
on_postgresql = pytest.mark.parametrize("uri", ["postgresql"], indirect=True)


def rows_of(users: Users, address: str) -> list[tuple[StoredUser, bool, str | None]]:
    """What a statement can find out: the user, whether that is certain, and the text of the id."""
    query = users.directory.email_query
    assert query is not None
    given = query.parameters(address)
    may_be_in_another = query.may_be_in_another(given).label("in_another")
    statement = select(*query.columns, query.is_certain.label("is_certain"), may_be_in_another, query.id_text)
    with users.engine.connect() as connection:
        rows = connection.execute(statement.where(query.has_key), given).all()
    return [(query.user(row), row.is_certain and not row.in_another, row[-1]) for row in rows]


@on_postgresql
@pytest.mark.parametrize(
    ("written", "address"),
    [
        (ADDRESS, ADDRESS),
        ("Ann@Example.COM", ADDRESS),
        ("É@example.com", "É@example.com"),
        ("Ann@bücher.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_the_look_up_in_another_statement_says_what_is_certain(
    written: str, address: str, users_of: UsersOf
) -> None:
    users = users_of(model_with())
    made = users.directory.create(NewUser(email=written))

    assert rows_of(users, address) == [(made, "ü" not in written, str(made.id))]


@on_postgresql
@pytest.mark.parametrize("written", ["é@example.com", "É@example.com", "bob@example.com"])
def test_an_address_that_was_changed_by_sql_is_never_certain(written: str, users_of: UsersOf) -> None:
    users = users_of(model_with())
    users.directory.create(NewUser(email=ADDRESS))
    users.write(email=written)

    for address in (ADDRESS, written, "é@example.com"):
        assert [certain for _, certain, _ in rows_of(users, address)] in ([], [False])


@on_postgresql
def test_nobody_certainly_has_an_address_that_a_row_of_sql_has_too(users_of: UsersOf) -> None:
    users = users_of(model_with())
    users.directory.create(NewUser(email="bob@example.com"))
    users.write(email_key=None, email=ADDRESS.upper())
    ann = users.directory.create(NewUser(email="Ann@example.com"))

    assert rows_of(users, ADDRESS) == [(ann, False, str(ann.id))]


def keyed(*further: Index, **options: Any) -> dict[str, Any]:
    """The attributes of a model whose key has these options and indexes."""
    return {"email_key": mapped_column(String(254), **options), "__table_args__": further}


@pytest.mark.parametrize(
    ("attributes", "is_unique"),
    [
        ({}, True),
        (keyed(unique=True), True),
        (keyed(index=True), False),
        (keyed(Index("both", "email_key", "phone", unique=True)), False),
        (keyed(Index("some", "email_key", unique=True, postgresql_where=literal(True))), False),
    ],
)
def test_an_address_is_only_looked_up_in_another_statement_if_its_key_is_unique(
    attributes: dict[str, Any], is_unique: bool
) -> None:
    engine = create_engine("postgresql+psycopg://")

    assert (ModelDirectory(model_with(**attributes), engine).email_query is not None) == is_unique


@on_postgresql
@pytest.mark.parametrize(
    ("kind", "default", "is_known"),
    [(Integer, 7, True), (String(36), "c-1", True), (CHAR(9), "c-1", False), (Shouted(9), "c-1", False)],
)
def test_the_look_up_in_another_statement_has_the_text_of_the_id_where_sql_knows_it(
    kind: Any, default: object, is_known: bool, users_of: UsersOf
) -> None:
    users = users_of(model_with(id=mapped_column(kind, primary_key=True, default=default)))
    made = users.directory.create(NewUser(email=ADDRESS))

    [(_, _, id_text)] = rows_of(users, ADDRESS)

    assert id_text == (str(made.id) if is_known else None)


@on_postgresql
def test_the_look_up_in_another_statement_has_the_text_of_a_uuid(users_of: UsersOf) -> None:
    users = users_of(model_with(id=mapped_column(Uuid, primary_key=True, default=uuid4)))
    made = users.directory.create(NewUser(email=ADDRESS))

    [(found, _, id_text)] = rows_of(users, ADDRESS)

    assert found.id == made.id == UUID(id_text or "")


@pytest.mark.parametrize("other", ["ANN", "ann\0"])
def test_only_its_own_text_is_the_id_of_a_user_even_if_the_column_ignores_case(
    other: str, users_of: UsersOf
) -> None:
    key = String(36).with_variant(String(36, collation="NOCASE"), "sqlite")
    users = users_of(model_with(id=mapped_column(key, primary_key=True, default="ann")))
    users.directory.create(NewUser(email=ADDRESS))

    assert users.directory.get(other) is None
    assert not users.directory.set_enabled(other, False)
    assert users.directory.get("ann") is not None
    assert users.directory.set_enabled("ann", False)
