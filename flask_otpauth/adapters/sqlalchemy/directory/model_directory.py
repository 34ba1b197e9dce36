"""Users in a table: the packaged one, or that of a host's model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, field, fields
from functools import cache, cached_property, partial
from inspect import getattr_static
from operator import attrgetter
from typing import Any, Literal, TypeVar, cast
from uuid import UUID

from sqlalchemy import (
    CHAR,
    CTE,
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Dialect,
    Engine,
    Integer,
    Select,
    String,
    Table,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError, StatementError
from sqlalchemy.orm import Mapper, Session, class_mapper, make_transient_to_detached
from sqlalchemy.types import TypeDecorator

from flask_otpauth.adapters.addresses import spellings
from flask_otpauth.adapters.sqlalchemy.database import (
    Database,
    ErrorTranslation,
    errors_of_sqlalchemy,
    with_isolation,
    with_write_lock,
)
from flask_otpauth.adapters.sqlalchemy.dialects import dialect_of
from flask_otpauth.adapters.sqlalchemy.directory.host_models import (
    attribute_of,
    can_be_set,
    columns_of,
    is_unique,
    python_type,
)
from flask_otpauth.adapters.sqlalchemy.directory.model import (
    TextColumn,
    UserMixin,
    doubtful,
    key_of,
    new_person_key,
)
from flask_otpauth.adapters.sqlalchemy.prepared import Prepared
from flask_otpauth.adapters.sqlalchemy.tables import is_packaged
from flask_otpauth.core.record import record
from flask_otpauth.ports.directory import IdentifierKind, NewUser, User, UserExists

T = TypeVar("T")

_ID = "id"
#: The module whose listeners only follow changes of a JSON column.
_MUTABLE = "sqlalchemy.ext.mutable"
_VERIFIED = ("email_verified", "phone_verified")
#: The sessions here do not hold the rows that are updated.
UNSEEN = {"synchronize_session": False}
#: The parameter for a canonical address.
_ADDRESS = bindparam("address", type_=String())
#: The parameters for the spellings of an address. It has at most so many.
_FORMS = ("form0", "form1", "form2", "form3")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,19}", re.ASCII)
_TEXTS = ("email", "email_key", "phone", "member_id")
_KINDS: tuple[IdentifierKind, ...] = ("id", "email", "phone", "member_id")
#: Opens a session for one short piece of work. It commits at the end if the argument is true.
OpenSession = Callable[[bool], AbstractContextManager[Session]]


@record
class StoredUser:
    """A user as it was read from the table."""

    id: object
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    member_id: str | None = field(repr=False)
    full_name: str = field(repr=False)
    avatar_url: str | None = field(repr=False)
    password_hash: str | None = field(repr=False)
    is_enabled: bool
    email_verified: bool
    phone_verified: bool
    person_key: str | None = field(repr=False)
    #: The object of the model, if the user was read or written by it.
    row: UserMixin | None = field(default=None, repr=False, compare=False)


#: What is read of each user, in this order.
_ATTRIBUTES = tuple(each.name for each in fields(StoredUser) if each.name != "row")
_values_of = attrgetter(*_ATTRIBUTES)


class ModelDirectory:
    """
    A :class:`~flask_otpauth.ports.directory.Directory` over a model with :class:`UserMixin`.

    A user is read by one prepared statement for the columns that a flow needs. The model's object is only
    made for the host. If the model computes one of these attributes, or if the host listens to
    SQLAlchemy's events ``load`` or ``do_orm_execute``, the object is read each time.

    Users are read and written in short sessions and never in the host's session, so the host's pending
    rows are neither committed nor lost.

    :param model: the model.
    :param engine: the engine of its table.
    :param describe_lock_holder: returns which transaction of the host is open, for the message about a
        locked SQLite file.
    :param host_session: returns the host's session. Only for an engine that has one connection for all,
        such as that of a database in memory.
    """

    def __init__(
        self,
        model: type[UserMixin],
        engine: Engine,
        describe_lock_holder: Callable[[], str] = lambda: "",
        host_session: Callable[[], Session] | None = None,
    ) -> None:
        self.model = model
        self.mapper = class_mapper(model)
        self.table = cast("Table", self.mapper.local_table)
        if is_packaged(self.table):
            dialect_of(engine.dialect.name).complete(self.table)
        self._open = own_sessions(engine) if host_session is None else shared_sessions(host_session, model)
        self._describe_lock_holder = describe_lock_holder
        self._dialect = engine.dialect
        self._key = PrimaryKey(self.mapper)
        #: The attributes of the model that are read. Those of _ATTRIBUTES may be synonyms.
        self._attributes = (self._key.name, *(attribute_of(self.mapper, each) for each in _ATTRIBUTES[1:]))
        columns = columns_of(self.mapper, (*self._attributes, "email_key")) if self._key.is_id else None
        self._columns = None if columns is None else columns[:-1]
        self._look_ups = {kind: self._look_up(kind) for kind in _KINDS} if self._columns else {}
        #: Executes single statements. ``None`` if the host's connection is the only one.
        self.database = None if host_session is not None else Database(engine, describe_lock_holder)
        self._email_query = (
            EmailQuery(self.mapper, self._columns, self._key, engine.dialect)
            if self._columns and is_unique(key_column(self.mapper))
            else None
        )
        self._id_query = IdQuery(self._columns, self._key) if self._columns else None
        #: Never opened. It has the listeners of all sessions of SQLAlchemy.
        self._any_session = Session()

    @property
    def email_query(self) -> EmailQuery | None:
        """The look-up by e-mail address, if it is unique and users are read without their objects."""
        return self._email_query if self._reads_columns() else None

    @property
    def id_query(self) -> IdQuery | None:
        """The look-up by primary key, if users are read without their objects."""
        return self._id_query if self._reads_columns() else None

    def query(self, kind: IdentifierKind) -> Select[*tuple[Any, ...]] | None:
        """Return the look-up by an identifier, if users are read without their objects. See :meth:`found`."""
        return self._look_ups[kind] if self._reads_columns() else None

    def found(
        self, kind: IdentifierKind, value: str, read: Callable[[Mapping[str, object]], list[StoredUser]]
    ) -> list[StoredUser]:
        """
        Return all users with exactly this identifier. The database's collation may find others too.

        ``read`` executes the look-up with these parameters.
        """
        given = self._parameters(kind, value)
        if given is None:
            return []
        users = rows_if_taken(lambda: read(given))
        return [user for user in users if _has(user, kind, value)]

    def is_in(self, database: Database) -> bool:
        """Return whether a statement of ``database`` can read the users."""
        return self.database is not None and self.database.engine is database.engine

    @contextmanager
    def session(self, writes: bool) -> Iterator[Session]:
        """Open a short session. It commits at the end if it ``writes``."""
        with ErrorTranslation(self._describe_lock_holder), self._open(writes) as session:
            yield session

    def create_all(self) -> None:
        """Create the table, if it is missing."""
        try:
            self._create_table()
        except (IntegrityError, OperationalError, ProgrammingError):
            # Another process was creating it at the same moment, and has done so by now.
            self._create_table()

    def get(self, user_id: str) -> StoredUser | None:
        """Return the user whose primary key has exactly this text form."""
        return self.find("id", user_id)

    def find(self, kind: IdentifierKind, value: str, client_id: str | None = None) -> StoredUser | None:
        """Return the user with this identifier, or ``None`` if two users have it. Clients see all users."""
        users = self._find_all(kind, value)
        if len(users) == 1 and users[0].person_key is None:
            # Not written by the model, but by SQL for instance.
            self._give_person_key(users[0])
            users = self._find_all(kind, value)
        return users[0] if len(users) == 1 else None

    def create(self, user: NewUser) -> StoredUser:
        """
        Create a user.

        :raises UserExists: if another user has the e-mail address, the phone number or the member id.
        :raises ValueError: if a value is too long, or a column of the host must have another value.
        """
        # A value that is not given is not set, since an __init__ of the host may know nothing of it.
        values = {name: value for name, value in asdict(user).items() if value}
        self._require_fitting(values)
        self._require_free(user)
        try:
            return self._insert(values)
        except IntegrityError:
            # Perhaps another request wrote the same address after the first check.
            self._require_free(user)
        try:
            # Or a row whose address has changed still has the key.
            self._free_key(user.email)
            return self._insert(values)
        except IntegrityError:
            # Without the database's message, which contains the address.
            required = f"a required column of {self.model.__name__} has no value"
            raise ValueError(required) from None

    def mark_verified(self, user_id: str, kind: Literal["email", "phone"]) -> None:
        """Note that the user has proved that the address is theirs, unless the model computes this."""
        if can_be_set(self.model, f"{kind}_verified"):
            self._set(user_id, f"{kind}_verified", True)

    def set_enabled(self, user_id: str, enabled: bool) -> bool:
        """
        Disable or enable a user. Return whether there is such a user.

        :raises ValueError: if the model computes who is enabled.
        """
        if not can_be_set(self.model, "is_enabled"):
            raise ValueError(
                f"{self.model.__name__}.is_enabled is computed and cannot be set: change the "
                "column that it depends on"
            )
        return self._set(user_id, "is_enabled", enabled)

    def delete(self, user_id: str) -> bool:
        """
        Delete the row, and those that the model's relationships delete with it. Return whether there was
        such a user.

        :raises ValueError: if another row of the host still refers to it.
        """
        try:
            return self._change(user_id, lambda session, user: session.delete(user))
        except IntegrityError:
            raise ValueError(f"another row still references this {self.model.__name__}") from None

    def object_of(self, user: User) -> User:
        """Return the model's object of a user, or ``user`` itself if the row is gone by now."""
        if not isinstance(user, StoredUser):
            return user
        row = user.row
        if row is None:
            with self.session(False) as session:
                found = session.scalars(select(self.model).where(self._key.condition), {"value": user.id})
                row = found.unique().one_or_none()
        return user if row is None else cast("User", row)

    def in_session(self, user: User, session: Session) -> User:
        """
        Return the user as an object of the host's session, so that its views can change and commit it.

        This needs neither a statement nor a connection. What was not read is loaded when it is used. If
        the session has the object already, that object is returned, with the host's changes.
        """
        if not isinstance(user, StoredUser):
            return user
        found = session.identity_map.get(self.mapper.identity_key_from_primary_key((user.id,)))
        if found is None and user.row is not None:
            found = session.merge(user.row, load=False)
        elif found is None:
            found = self._make_object(user)
            session.add(found)
        return cast("User", found)

    def _create_table(self) -> None:
        with self.session(True) as session:
            # With its indexes, which make an address unique.
            self.table.metadata.create_all(with_write_lock(session.connection()), [self.table])

    def _set(self, user_id: str, attribute: str, value: bool) -> bool:
        return self._change(user_id, lambda session, user: setattr(user, attribute, value))

    def _change(self, user_id: str, change: Callable[[Session, UserMixin], None]) -> bool:
        key = self._key.value(user_id)
        if key is None:
            return False
        with self.session(True) as session:
            found = session.scalars(select(self.model).where(self._key.condition), {"value": key})
            user = found.unique().one_or_none()
            if user is None or self._key.text(user) != user_id:
                return False
            change(session, user)
            session.flush()
            return True

    def _reads_columns(self) -> bool:
        """Return whether columns are enough. A listener of the host may change a query or an object."""
        if self._columns is None or self._any_session.dispatch.do_orm_execute:
            return False
        listeners = self.mapper.class_manager.dispatch.load
        return not listeners or all(each.__module__ == _MUTABLE for each in listeners)

    def _find_all(self, kind: IdentifierKind, value: str) -> list[StoredUser]:
        read = self._read if self._reads_columns() else self._read_objects
        return self.found(kind, value, partial(read, kind))

    def _parameters(self, kind: IdentifierKind, value: str) -> Mapping[str, object] | None:
        """Return the parameters of the condition, or ``None`` if no user can have the identifier."""
        if "\0" in value:
            return None
        if kind == "email":
            return email_parameters(value)
        wanted = self._key.value(value) if kind == "id" else value
        return None if wanted is None else {"value": wanted}

    @cached_property
    def _prepared(self) -> Callable[[IdentifierKind], Prepared]:
        database = cast("Database", self.database)
        return cache(lambda kind: database.prepare(self._look_ups[kind]))

    def _look_up(self, kind: IdentifierKind) -> Select[*tuple[Any, ...]]:
        """Return the statement that reads the columns of the users with an identifier."""
        wanted = [column.label(name) for name, column in zip(_ATTRIBUTES, self._columns or (), strict=True)]
        return select(*wanted).where(self._condition(kind, text_columns(self.mapper)))

    def _condition(self, kind: IdentifierKind, columns: Mapping[str, TextColumn]) -> ColumnElement[bool]:
        """Return the condition that a user may have an identifier, whose value is a parameter."""
        if kind == "id":
            return self._key.condition
        if kind == "email":
            return by_email(columns["email"], columns["email_key"], self._dialect.name)
        return columns[kind] == bindparam("value")

    def _read(self, kind: IdentifierKind, given: Mapping[str, object]) -> list[StoredUser]:
        if self.database is not None:
            return [StoredUser(*row) for row in self._prepared(kind).rows(**given)]
        with self.session(False) as session:
            return [StoredUser(*row) for row in session.execute(self._look_ups[kind], given)]

    def _read_objects(self, kind: IdentifierKind, given: Mapping[str, object]) -> list[StoredUser]:
        attributes = {name: getattr(self.model, name) for name in _TEXTS}
        with self.session(False) as session:
            found = session.scalars(select(self.model).where(self._condition(kind, attributes)), given)
            # Unique: the host's model may join a collection to each row, such as roles.
            return [_read_all(row) for row in found.unique()]

    def _make_object(self, user: StoredUser) -> UserMixin:
        """Return an object of the model with what was read of the user, as if a session had loaded it."""
        row = self.mapper.class_manager.new_instance()
        vars(row).update(zip(self._attributes, _values_of(user), strict=True))
        make_transient_to_detached(row)
        return row

    def _insert(self, values: dict[str, object]) -> StoredUser:
        # Not given to the model, whose own __init__ may know nothing of them.
        verified = [name for name in _VERIFIED if name in values and can_be_set(self.model, name)]
        make: Callable[..., UserMixin] = self.model
        row = make(**{name: value for name, value in values.items() if name not in _VERIFIED})
        for name in verified:
            setattr(row, name, True)
        with self.session(True) as session:
            session.add(row)
            session.flush()
            session.refresh(row)
            return _read_all(row)

    def _free_key(self, address: str | None) -> None:
        if address is not None:
            with self.session(True) as session:
                free_key(session, self.model, address)

    def _give_person_key(self, user: StoredUser) -> None:
        """Give a row its person key. If several callers race, the first one's stays."""
        column = self.mapper.columns[attribute_of(self.mapper, "person_key")]
        [own_key] = column.table.primary_key
        without_one = update(column.table).where(own_key == user.id, column.is_(None))
        with self.session(True) as session:
            session.execute(without_one.values({column: new_person_key()}))

    def _require_fitting(self, values: Mapping[str, object]) -> None:
        """:raises ValueError: if a value is too long for its column."""
        for name, value in values.items():
            # A property of the host is not a column, and has no type.
            longest = getattr(getattr(getattr(self.model, name), "type", None), "length", None)
            if isinstance(value, str) and (len(value) > (longest or len(value)) or "\0" in value):
                raise ValueError(f"{name} is longer than {longest} characters, or contains a NUL")

    def _require_free(self, user: NewUser) -> None:
        """:raises UserExists: if another user has one of the identifiers."""
        identifiers: dict[IdentifierKind, str | None] = {
            "email": user.email,
            "phone": user.phone,
            "member_id": user.member_id,
        }
        for kind, value in identifiers.items():
            if value and self._find_all(kind, value):
                raise UserExists(kind)


def _read_all(row: UserMixin) -> StoredUser:
    return StoredUser(*[*(getattr(row, name) for name in _ATTRIBUTES), row])


def _has(user: StoredUser, kind: IdentifierKind, value: str) -> bool:
    if kind == "email":
        # An address in canonical form is its own canonical form.
        return user.email == value or key_of(user.email) == value
    found: object = getattr(user, kind)
    return found is not None and str(found) == value


class _Id(property):
    """The ``id`` of a model whose primary key has another name."""


class PrimaryKey:
    """
    The primary key of a model: an integer, a text or a UUID, each with one text form.

    A model without an attribute ``id`` gets a read-only one, since users have an ``id``.
    """

    def __init__(self, mapper: Mapper[UserMixin]) -> None:
        self.column = mapper.primary_key[0]
        #: The name of the attribute.
        self.name = mapper.get_property_by_column(self.column).key
        self._type = python_type(self.column.type)
        is_own = isinstance(self.column.type, TypeDecorator)
        # PostgreSQL would refuse a number that does not fit a column of 32 bits, such as a phone number.
        kind = BigInteger() if self._type is int and not is_own else self.column.type
        #: The condition that a row has the key that is the parameter ``value``.
        self.condition = self.column == bindparam("value", type_=kind)
        model = mapper.class_
        if not hasattr(model, _ID):
            setattr(model, _ID, _Id(lambda user: getattr(user, self.name)))
        #: Whether the attribute ``id`` is the primary key, and not something else that the host computes.
        self.is_id = isinstance(getattr_static(model, _ID), _Id) or attribute_of(mapper, _ID) == self.name

    def text(self, user: UserMixin) -> str:
        """Return the text form of the key of a user."""
        return str(getattr(user, _ID))

    def value(self, text: str) -> int | str | UUID | None:
        """Return the key with this text form, or ``None`` if there is none."""
        if self._type is int:
            return self._integer(text)
        if self._type is UUID or isinstance(self.column.type, Uuid):
            value = _uuid(text)
            return value if self._type is UUID or value is None else str(value)
        return None if "\0" in text else text

    def sql_text(self, dialect: Dialect) -> ColumnElement[str | None]:
        """Return the text form in SQL, or NULL if only Python can tell it."""
        kind = self.column.type.dialect_impl(dialect)
        is_uuid = isinstance(kind, Uuid) and kind.native_uuid and dialect.name == "postgresql"
        is_plain = isinstance(kind, (Integer, String))
        # A CHAR is padded, and its text form in SQL is not.
        is_known = (is_uuid or is_plain) and not isinstance(self.column.type, (CHAR, TypeDecorator))
        return sql_cast(self.column if is_known else null(), String)

    def _integer(self, text: str) -> int | None:
        if not _INTEGER.fullmatch(text):
            return None
        number, bits = int(text), 64 if getattr(self.column.type, "unsigned", False) else 63
        return number if -(2**63) <= number < 2**bits else None


def _uuid(text: str) -> UUID | None:
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value if str(value) == text else None


class EmailQuery:
    """
    The look-up by e-mail address, to be a part of a larger statement on PostgreSQL.

    At most one row has the address as its key, because the column is unique. If SQL alone cannot tell that
    this row has the address, the directory must be asked.
    """

    def __init__(
        self, mapper: Mapper[UserMixin], columns: Sequence[Column[object]], key: PrimaryKey, dialect: Dialect
    ) -> None:
        self.table = cast("Table", key.column.table)
        by_name = dict(zip(_ATTRIBUTES, columns, strict=True))
        #: The columns of a user.
        self.columns = [column.label(name) for name, column in by_name.items()]
        self.id, self.email = by_name["id"], by_name["email"]
        self.is_enabled = cast("ColumnElement[bool]", by_name["is_enabled"])
        #: The text form of the id, or NULL if only Python can tell it.
        self.id_text = key.sql_text(dialect)
        self._key = key_column(mapper)
        #: The condition that a row has the address as its key.
        self.has_key = self._key == _ADDRESS
        # Only the letters of ASCII have a lower case in canonical form.
        has_address = func.lower(cast("TextColumn", self.email).collate("C")) == _ADDRESS
        #: The condition that such a row certainly has the address, and needs no person key first.
        self.is_certain = and_(has_address, by_name["person_key"].is_not(None))

    def may_be_in_another(self, names: Iterable[str]) -> ColumnElement[bool]:
        """
        Return the condition that a row with another key may have the address, because its key is doubtful.

        ``names`` are those of :meth:`parameters`.
        """
        other = self.table.alias("other").c
        email, key = (cast("TextColumn", other[each.key]) for each in (self.email, self._key))
        written = [bindparam(name, type_=String) for name in names if name != _ADDRESS.key]
        is_another = (key.is_distinct_from(_ADDRESS), _is_doubtful_and_written(email, key, written))
        return exists(select(other[self.id.key]).where(*is_another))

    def parameters(self, address: str) -> Mapping[str, str]:
        """Return the parameters of the conditions for a canonical address."""
        return {_ADDRESS.key: address, **dict(zip(_FORMS, spellings(address), strict=False))}

    def columns_in(self, found: CTE) -> list[ColumnElement[Any]]:
        """Return the columns of a user in a part of a statement that has selected ``columns``."""
        return [found.c[name] for name in _ATTRIBUTES]

    def user(self, row: Sequence[Any]) -> StoredUser:
        """Return the user of a row that begins with ``columns``."""
        return StoredUser(*row[: len(_ATTRIBUTES)])


class IdQuery:
    """
    The look-up by primary key, to be a part of a larger statement.

    It finds no user without a person key, since the directory must give the row one first.
    """

    def __init__(self, columns: Sequence[Column[object]], key: PrimaryKey) -> None:
        self.table = key.column.table
        #: The columns of a user.
        self.columns = [
            column.label(f"users_{name}") for name, column in zip(_ATTRIBUTES, columns, strict=True)
        ]
        #: The condition that a row has the key that is the parameter ``value``.
        self.condition = key.condition
        self._key = key

    def parameters(self, user_id: str) -> Mapping[str, object] | None:
        """Return the parameters of ``condition``, or ``None`` if no user can have the id."""
        value = self._key.value(user_id)
        return None if value is None else {"value": value}

    def user(self, columns: Sequence[Any], user_id: str) -> StoredUser | None:
        """Return the user of a row with these columns, if the text form of the id is exactly ``user_id``."""
        user = StoredUser(*columns)
        return user if user.person_key is not None and _has(user, "id", user_id) else None


def rows_if_taken(read: Callable[[], list[T]]) -> list[T]:
    """Return the rows that ``read`` returns, or none if the host's own type does not take a value."""
    try:
        return read()
    except DBAPIError:
        raise
    except StatementError:
        return []


def key_column(mapper: Mapper[UserMixin]) -> Column[object]:
    """Return the column of the canonical address."""
    return cast("Column[object]", text_columns(mapper)["email_key"])


def text_columns(mapper: Mapper[UserMixin]) -> dict[str, TextColumn]:
    """Return the columns by which a user is found."""
    return {name: mapper.columns[attribute_of(mapper, name)] for name in _TEXTS}


def own_sessions(engine: Engine) -> OpenSession:
    """Open sessions on ``engine``. Their objects stay readable after they are closed."""
    engine = with_isolation(engine)

    @contextmanager
    def open_session(writes: bool) -> Iterator[Session]:
        with errors_of_sqlalchemy(engine), Session(engine, expire_on_commit=False) as session:
            yield session
            if writes:
                session.commit()

    return open_session


def shared_sessions(current: Callable[[], Session], model: type[UserMixin]) -> OpenSession:
    """
    Open sessions on the connection that the host's session has for ``model``.

    A write is a savepoint. It is durable at once if the host has no open transaction, and with the
    host's commit otherwise. The host's pending rows are not flushed.
    """

    @contextmanager
    def open_session(writes: bool) -> Iterator[Session]:
        host = current()
        with (
            nullcontext() if host.in_transaction() else host.begin(),
            Session(
                host.connection({"mapper": class_mapper(model)}),
                expire_on_commit=False,
                join_transaction_mode="create_savepoint",
            ) as session,
        ):
            yield session
            if writes:
                session.commit()

    return open_session


def has_email(model: type[UserMixin], addresses: Sequence[str], dialect: str) -> ColumnElement[bool]:
    """
    Return the condition that a row may have one of these canonical addresses.

    The caller must still compare ``email``. ``dialect`` is SQLAlchemy's name of the database.
    """
    written = [form for address in addresses for form in spellings(address)]
    return _is_written(model.email, model.email_key, addresses, written, dialect)


def by_email(email: TextColumn, key: TextColumn, dialect: str) -> ColumnElement[bool]:
    """Return the condition of :func:`has_email` for the address in :func:`email_parameters`."""
    written = [bindparam(form, type_=String) for form in _FORMS]
    return _is_written(email, key, [_ADDRESS], written, dialect)


def email_parameters(address: str) -> dict[str, str]:
    """Return the parameters of :func:`by_email`: a canonical address, and how it may have been written."""
    first, *others = spellings(address)
    unused = [first] * (len(_FORMS) - 1 - len(others))
    return dict(zip((_ADDRESS.key, *_FORMS), (address, first, *others, *unused), strict=True))


def _is_written(
    email: TextColumn,
    key: TextColumn,
    addresses: Sequence[str | BindParameter[str]],
    written: Sequence[str | BindParameter[str]],
    dialect: str,
) -> ColumnElement[bool]:
    # MySQL and MariaDB have no partial indexes, so there ``email`` is compared by its collation, which
    # ignores case unless the host chose another.
    if dialect in ("mysql", "mariadb"):
        return or_(key.in_(addresses), email.in_(written))
    return or_(key.in_(addresses), _is_doubtful_and_written(email, key, written))


def _is_doubtful_and_written(
    email: TextColumn, key: TextColumn, written: Sequence[str | BindParameter[str]]
) -> ColumnElement[bool]:
    """Return the condition that a row has a doubtful key, and an address that is written like this."""
    lowered = func.lower(email).in_([func.lower(each) for each in written])
    # True for every text. SQLite uses an index for a part of an OR only if its column is compared. It is no
    # parameter: of that, PostgreSQL would expect another share of the rows without its value, and then plan
    # the statement anew for each value.
    compared = email >= literal_column("''", String)
    return and_(compared, doubtful(email, key), lowered)


def free_key(session: Session, model: type[UserMixin], address: str) -> None:
    """Remove the key ``address`` from rows whose e-mail has changed since."""
    for email in session.scalars(select(model.email).where(model.email_key == address)).all():
        if key_of(email) != address:
            stale = (model.email_key == address, model.email.is_not_distinct_from(email))
            session.execute(update(model).where(*stale).values(email_key=None), execution_options=UNSEEN)
