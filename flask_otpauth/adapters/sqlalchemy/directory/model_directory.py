"""Users in a table: the packaged one, or that of a host's model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from functools import cache, partial
from inspect import getattr_static
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    Select,
    String,
    Table,
    Uuid,
    and_,
    bindparam,
    func,
    inspect,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError, StatementError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator, TypeEngine

from flask_otpauth.adapters.addresses import spellings
from flask_otpauth.adapters.sqlalchemy.database import begun, translate_db_errors, with_isolation
from flask_otpauth.adapters.sqlalchemy.directory.model import doubtful, key_of, new_person_key
from flask_otpauth.ports.directory import IdentifierKind, NewUser, User, UserExists

_VERIFIED = ("email_verified", "phone_verified")
#: The sessions here do not hold the rows that are updated.
UNSEEN = {"synchronize_session": False}
#: In how many ways ``spellings`` writes one address at most.
_FORMS = 4
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,19}", re.ASCII)
#: Opens a session for one short piece of work; it commits at the end if told so.
OpenSession = Callable[[bool], AbstractContextManager[Session]]


class ModelDirectory:
    """
    A :class:`~flask_otpauth.ports.directory.Directory` over a model with :class:`UserMixin`.

    ``open_session`` gives short sessions (``own_sessions``), never the host's, whose pending
    rows are neither committed nor lost. ``describe_lock_holder`` returns which transaction of the host is
    open, for the message about a locked SQLite file.
    """

    def __init__(
        self,
        model: type[Any],
        open_session: OpenSession,
        describe_lock_holder: Callable[[], str] = lambda: "",
    ) -> None:
        self.model = model
        self._open = open_session
        self._describe_lock_holder = describe_lock_holder
        self._key = PrimaryKey(model)
        self._by_email = cache(partial(by_email, model))

    @contextmanager
    def session(self, writes: bool) -> Iterator[Session]:
        """A short session, which commits at the end if it ``writes``."""
        with translate_db_errors(self._describe_lock_holder), self._open(writes) as session:
            yield session

    def create_all(self) -> None:
        """Create the table, if it is missing."""
        try:
            self._create_table()
        except (IntegrityError, ProgrammingError):
            # PostgreSQL: another process was creating it at the same moment, and has done so by now.
            self._create_table()

    def get(self, user_id: str) -> User | None:
        """The user with that primary key, in its one spelling."""
        return self.find("id", user_id)

    def find(self, kind: IdentifierKind, value: str, client_id: str | None = None) -> User | None:
        """The user with that identifier; ``None`` if two users have it. All clients see all users."""
        users = self._known(kind, value)
        if len(users) == 1 and users[0].person_key is None:
            # Not written by the model, but by SQL for instance.
            self._give_person_key(users[0].id)
            users = self._known(kind, value)
        return users[0] if len(users) == 1 else None

    def create(self, user: NewUser) -> User:
        """
        A new user.

        :raises UserExists: if somebody has the e-mail, the phone or the member id.
        :raises ValueError: if a value is too long, or a column of the host must have another value.
        """
        # A value that is not given is not set, since an __init__ of the host may know nothing of it.
        fields = {name: value for name, value in asdict(user).items() if value}
        self._demand_fitting(fields)
        self._demand_free(fields)
        try:
            return self._insert(fields)
        except IntegrityError:
            # Perhaps another request wrote the same address after the first check.
            self._demand_free(fields)
        try:
            # Or a row whose address has changed still has the key.
            self._free_key(fields.get("email"))
            return self._insert(fields)
        except IntegrityError:
            # Without the database's message, which contains the address.
            demand = f"a required column of {self.model.__name__} has no value"
            raise ValueError(demand) from None

    def mark_verified(self, user_id: str, kind: Literal["email", "phone"]) -> None:
        """Note that the user has proved to have the address, unless the model computes that."""
        if can_be_set(self.model, f"{kind}_verified"):
            self._set(user_id, f"{kind}_verified", True)

    def set_enabled(self, user_id: str, enabled: bool) -> bool:
        """
        Disable or enable; whether there is such a user.

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
        Delete the row, as the model's relationships say; whether there is such a user.

        :raises ValueError: if another row of the host still refers to it.
        """
        try:
            return self._changed(user_id, lambda session, user: session.delete(user))
        except IntegrityError:
            raise ValueError(f"another row still references this {self.model.__name__}") from None

    def _create_table(self) -> None:
        table = self.model.__table__
        with self.session(True) as session:
            # With its indexes, which make an address unique.
            table.metadata.create_all(begun(session.connection()), [table])

    def _set(self, user_id: str, attribute: str, value: bool) -> bool:
        return self._changed(user_id, lambda session, user: setattr(user, attribute, value))

    def _changed(self, user_id: str, change: Callable[[Session, Any], None]) -> bool:
        key = self._key.value(user_id)
        if key is None:
            return False
        with self.session(True) as session:
            found = session.scalars(select(self.model).where(self._key.column == key))
            user = found.unique().one_or_none()
            if user is None or str(user.id) != user_id:
                return False
            change(session, user)
            session.flush()
            return True

    def _known(self, kind: IdentifierKind, value: str) -> list[Any]:
        """All users with exactly that identifier; the database's collation may find others too."""
        wanted = self._key.value(value) if kind == "id" else value
        if wanted is None or "\0" in value:
            return []
        with self.session(False) as session:
            if kind == "email":
                users = self._read(session, self._by_email(session.get_bind().dialect.name), forms(value))
            else:
                column = self._key.column if kind == "id" else getattr(self.model, kind)
                users = self._read(session, select(self.model).where(column == wanted))
        return [user for user in users if _identifier(user, kind) == value]

    def _read(self, session: Session, query: Select[Any], *values: dict[str, str]) -> Sequence[Any]:
        try:
            # Unique: the host's model may join a collection to each row, such as roles.
            return session.scalars(query, *values).unique().all()
        except StatementError as error:
            if isinstance(error, DBAPIError):
                raise
            return ()  # The host's own type of the key does not take such a text.

    def _insert(self, fields: dict[str, Any]) -> User:
        # Not given to the model, whose own __init__ may know nothing of them.
        verified = [name for name in _VERIFIED if fields.get(name) and can_be_set(self.model, name)]
        user: User = self.model(**{name: value for name, value in fields.items() if name not in _VERIFIED})
        for name in verified:
            setattr(user, name, True)
        with self.session(True) as session:
            session.add(user)
            session.flush()
            session.refresh(user)
            return user

    def _free_key(self, address: str | None) -> None:
        if address is not None:
            with self.session(True) as session:
                free_key(session, self.model, address)

    def _give_person_key(self, key: Any) -> None:
        """Give a row its person key; if several callers race, the first one's stays."""
        column = inspect(self.model).column_attrs.person_key.columns[0]
        table: Table = column.table
        [own_key] = table.primary_key
        without_one = update(table).where(own_key == key, column.is_(None))
        with self.session(True) as session:
            session.execute(without_one.values({column: new_person_key()}))

    def _demand_fitting(self, fields: dict[str, Any]) -> None:
        """:raises ValueError: if a value is too long for its column."""
        for name, value in fields.items():
            # What is no column, but a property of the host's, has no type.
            longest = getattr(getattr(getattr(self.model, name), "type", None), "length", None)
            if isinstance(value, str) and (len(value) > (longest or len(value)) or "\0" in value):
                raise ValueError(f"{name} is longer than {longest} characters, or contains a NUL")

    def _demand_free(self, fields: dict[str, Any]) -> None:
        """:raises UserExists: if somebody has one of the identifiers."""
        kinds: tuple[IdentifierKind, ...] = ("email", "phone", "member_id")
        for kind in kinds:
            value = fields.get(kind)
            if value is not None and self._known(kind, value):
                raise UserExists(kind)


def _identifier(user: Any, kind: IdentifierKind) -> str | None:
    if kind == "email":
        return key_of(user.email)
    value = getattr(user, kind)
    return None if value is None else str(value)


class PrimaryKey:
    """
    The primary key of ``model``, under any attribute name.

    A model without an attribute ``id`` gets a read-only one, since users have an ``id``.
    """

    def __init__(self, model: type[Any]) -> None:
        self.column = model.__mapper__.primary_key[0]
        self._type = python_type(self.column.type)
        attribute = model.__mapper__.get_property_by_column(self.column).key
        if not hasattr(model, "id"):
            model.id = property(lambda user: getattr(user, attribute))

    def value(self, text: str) -> Any:
        """The value of the column for the id ``text``; ``None`` if ``text`` is not an id."""
        if self._type is int:
            return self._integer(text)
        if self._type is UUID or isinstance(self.column.type, Uuid):
            value = _uuid(text)
            return value if self._type is UUID or value is None else str(value)
        return None if "\0" in text else text

    def _integer(self, text: str) -> Any:
        kind = self.column.type
        bits = 64 if getattr(kind, "unsigned", False) else 63
        if not _INTEGER.fullmatch(text) or not -(2**63) <= int(text) < 2**bits:
            return None
        # PostgreSQL would refuse a number that does not fit a column of 32 bits, such as a phone number.
        return int(text) if isinstance(kind, TypeDecorator) else literal(int(text), BigInteger)


def python_type(kind: TypeEngine[Any]) -> type[Any] | None:
    """The type of the key's values. A host's column type without a ``python_type`` has that of its column."""
    try:
        declared = kind.python_type
    except NotImplementedError:  # SQLAlchemy 2.0 raises where 2.1 says ``object``
        declared = object
    if declared is object:
        return python_type(kind.impl_instance) if isinstance(kind, TypeDecorator) else None
    return declared


def _uuid(text: str) -> UUID | None:
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value if str(value) == text else None


def can_be_set(model: type[Any], name: str) -> bool:
    """Whether the model keeps that attribute, and does not compute it by a property without a setter."""
    return getattr(getattr_static(model, name), "fset", True) is not None


def own_sessions(engine: Engine) -> OpenSession:
    """Separate sessions on ``engine``: objects stay readable after they are closed."""
    engine = with_isolation(engine)

    @contextmanager
    def open_session(writes: bool) -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session:
            yield session
            if writes:
                session.commit()

    return open_session


def shared_sessions(current: Callable[[], Session], model: type[Any]) -> OpenSession:
    """
    Separate sessions on the host's connection for ``model``: an in-memory SQLite has only that one.

    A write is a savepoint. It is durable at once if the host has no open transaction, and with the
    host's commit otherwise. The host's pending rows are not flushed.
    """

    @contextmanager
    def open_session(writes: bool) -> Iterator[Session]:
        host = current()
        with (
            nullcontext() if host.in_transaction() else host.begin(),
            Session(
                host.connection({"mapper": model.__mapper__}),
                expire_on_commit=False,
                join_transaction_mode="create_savepoint",
            ) as session,
        ):
            yield session
            if writes:
                session.commit()

    return open_session


def in_session(current: Callable[[], Session]) -> Callable[[Any], Any]:
    """
    A function that adds a user, whom the directory has read, to the ``current`` session.

    It needs neither a statement nor a connection. If the session has the row already, that row is
    returned, with the host's changes.
    """

    def adopt(user: Any) -> Any:
        session = current()
        known = session.identity_map.get(inspect(user).key)
        return session.merge(user, load=False) if known is None else known

    return adopt


def has_email(model: type[Any], addresses: Sequence[Any], dialect: str) -> ColumnElement[bool]:
    """Rows that may have one of these canonical addresses; the caller must still compare ``email``."""
    return _has(model, addresses, [form for address in addresses for form in spellings(address)], dialect)


def by_email(model: type[Any], dialect: str) -> Select[Any]:
    """
    The users that :func:`has_email` means, of one address; :func:`forms` are the parameters.

    To build it takes longer than to run it, so it is kept for all logins.
    """
    forms = [bindparam(f"form{number}", type_=String) for number in range(_FORMS)]
    return select(model).where(_has(model, [bindparam("address", type_=String)], forms, dialect))


def forms(address: str) -> dict[str, str]:
    """A canonical address, and how it may have been written, as :func:`by_email` takes them."""
    written = spellings(address)
    padded = written + [address] * (_FORMS - len(written))
    return {"address": address, **{f"form{number}": form for number, form in enumerate(padded)}}


def _has(model: type[Any], addresses: Sequence[Any], said: list[Any], dialect: str) -> ColumnElement[bool]:
    """
    ``dialect`` is SQLAlchemy's name of the database. MySQL and MariaDB have no partial indexes, so
    there ``email`` is compared by its collation, which ignores case unless the host chose another.
    """
    if dialect in ("mysql", "mariadb"):
        return or_(model.email_key.in_(addresses), model.email.in_(said))
    lowered = func.lower(model.email).in_([func.lower(each) for each in said])
    # True for every text. SQLite uses an index for a part of an OR only if its column is compared.
    compared = model.email >= ""
    return or_(
        model.email_key.in_(addresses), and_(compared, doubtful(model.email, model.email_key), lowered)
    )


def free_key(session: Session, model: type[Any], address: str) -> None:
    """Remove the key ``address`` from rows whose e-mail has changed since."""
    for email in session.scalars(select(model.email).where(model.email_key == address)).all():
        if key_of(email) != address:
            stale = (model.email_key == address, model.email.is_not_distinct_from(email))
            session.execute(update(model).where(*stale).values(email_key=None), execution_options=UNSEEN)
