"""Users in a table: the packaged one, or a host's model with :class:`UserMixin`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, Literal

from sqlalchemy import Boolean, MetaData, Select, String, Table, inspect, select, true, update
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError, StatementError
from sqlalchemy.orm import Mapped, Session, mapped_column, registry

from flask_otpauth.adapters.sqlalchemy.database import begun, translate_db_errors
from flask_otpauth.adapters.sqlalchemy.directory.columns import can_be_set
from flask_otpauth.adapters.sqlalchemy.directory.email_keys import (
    by_email,
    forms,
    free_key,
    keep_email_keys,
    key_of,
)
from flask_otpauth.adapters.sqlalchemy.directory.keys import PrimaryKey
from flask_otpauth.adapters.sqlalchemy.directory.sessions import OpenSession
from flask_otpauth.adapters.sqlalchemy.tables import exact
from flask_otpauth.ports.directory import IdentifierKind, User, UserExists

_PACKAGED = "flask_otpauth.user"
_VERIFIED = ("email_verified", "phone_verified")


def _new_person_key() -> str:
    return secrets.token_hex(16)


class UserMixin:
    """
    The columns that a user needs, for the packaged table and for a host's own model.

    The host's model adds its primary key: an integer, a text or a UUID. ``email``, ``phone`` and
    ``member_id`` are checked when they are set: ``phone`` is E.164, ``email`` is kept as given.
    ``email_key`` is its canonical form, written at each flush, whatever was set by hand.
    ``person_key`` is a random text: what is kept for a user is bound to it, and is of no use to a
    later user with the same primary key. Unique columns have indexes with names, so that a
    migration can add them to an existing table, and drop them again.
    """

    person_key: Mapped[str | None] = mapped_column(String(32), default=_new_person_key)
    email: Mapped[str | None] = mapped_column(String(254))
    email_key: Mapped[str | None] = mapped_column(exact(254), unique=True, index=True)
    phone: Mapped[str | None] = mapped_column(exact(16), unique=True, index=True)
    member_id: Mapped[str | None] = mapped_column(exact(64), unique=True, index=True)
    full_name: Mapped[str] = mapped_column(String(200), default="", server_default="")
    avatar_url: Mapped[str | None] = mapped_column(String(2000))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    email_verified: Mapped[bool] = mapped_column(Boolean, default=False, server_default=~true())
    phone_verified: Mapped[bool] = mapped_column(Boolean, default=False, server_default=~true())
    is_enabled: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())


keep_email_keys(UserMixin)


def packaged_model(metadata: MetaData) -> type[Any]:
    """The packaged table ``otpauth_users`` in ``metadata``, as a model; one for each metadata."""
    if _PACKAGED not in metadata.info:
        base = registry(metadata=metadata).generate_base()
        columns = {
            "__tablename__": "otpauth_users",
            # Otherwise SQLite may give the id of a deleted user to the next one.
            "__table_args__": {"sqlite_autoincrement": True},
            "id": mapped_column(primary_key=True),
        }
        hints = {"__annotations__": {"id": Mapped[int]}}
        metadata.info[_PACKAGED] = type("OtpAuthUser", (UserMixin, base), {**columns, **hints})
    found: type[Any] = metadata.info[_PACKAGED]
    return found


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

    def create(self, **fields: Any) -> User:
        """
        A new user.

        :raises UserExists: if somebody has the e-mail, the phone or the member id.
        :raises ValueError: if a value is too long, or a column of the host must have another value.
        """
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
            session.execute(without_one.values({column: _new_person_key()}))

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
