"""Users in a table: the packaged one, or a host's model with :class:`UserMixin`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

from sqlalchemy import BigInteger, Boolean, Engine, MetaData, String, literal, select, true
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Mapped, Session, mapped_column, registry, validates

from flask_otpauth.adapters.addresses import CanonicalAddresses
from flask_otpauth.adapters.storage.sqlalchemy.database import begun, ours, outages
from flask_otpauth.adapters.storage.sqlalchemy.tables import exact
from flask_otpauth.ports.directory import IdentifierKind, User

_PACKAGED = "flask_otpauth.user"


class UserMixin:
    """
    The columns that a user needs, for the packaged table and for a host's own model.

    The host's model adds its primary key, an integer or a text. ``email`` and ``phone`` are
    checked when they are set: ``email`` is kept as given and ``email_key`` is its canonical
    form, ``phone`` is E.164. What is unique is an index with a name, so that a migration can
    add it to a table that exists, and drop it again.
    """

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

    @validates("email")
    def _keep_email_key(self, key: str, value: str | None) -> str | None:
        self.email_key = None if value is None else CanonicalAddresses().email(value)
        return value

    @validates("phone")
    def _check_phone(self, key: str, value: str | None) -> str | None:
        return None if value is None else CanonicalAddresses().phone(value, None)


def packaged_model(metadata: MetaData) -> type[Any]:
    """The packaged table ``otpauth_users`` in ``metadata``, as a model; one for each metadata."""
    if _PACKAGED not in metadata.info:
        base = registry(metadata=metadata).generate_base()
        columns = {"__tablename__": "otpauth_users", "id": mapped_column(primary_key=True)}
        hints = {"__annotations__": {"id": Mapped[int]}}
        metadata.info[_PACKAGED] = type("OtpAuthUser", (UserMixin, base), {**columns, **hints})
    found: type[Any] = metadata.info[_PACKAGED]
    return found


#: Opens a session for one short piece of work; it commits at the end if told so.
OpenSession = Callable[[bool], AbstractContextManager[Session]]


class ModelDirectory:
    """
    A :class:`~flask_otpauth.ports.directory.Directory` over a model with :class:`UserMixin`.

    ``open_session`` gives short sessions of our own (:func:`own_sessions`), never the host's:
    its pending rows are neither committed nor lost. ``who_holds`` tells which transaction of
    the host is open, for the message of a locked SQLite file.
    """

    def __init__(
        self, model: type[Any], open_session: OpenSession, who_holds: Callable[[], str] = lambda: ""
    ) -> None:
        self.model = model
        self._open = open_session
        self._who_holds = who_holds
        self._key = model.__mapper__.primary_key[0]

    def create_all(self) -> None:
        """Create the table, if it is missing."""
        try:
            self._create_table()
        except (IntegrityError, ProgrammingError):
            # PostgreSQL: another process was creating it at the same moment, and has done so by now.
            self._create_table()

    def get(self, user_id: str) -> User | None:
        """The user of that primary key."""
        return self.find("id", user_id)

    def find(self, kind: IdentifierKind, value: str, client_id: str | None = None) -> User | None:
        """The user known by that identifier. All clients see all users."""
        column, wanted = self._column(kind), self._typed(kind, value)
        if wanted is None:
            return None
        with outages(self._who_holds), self._open(False) as session:
            found: User | None = session.scalars(select(self.model).where(column == wanted)).one_or_none()
            return found

    def create(self, **fields: Any) -> User:
        """
        A new user; for an e-mail or phone that exists, that user.

        :raises ValueError: if the member id is taken, or a column of the host's demands more.
        """
        existing = self._existing(fields)
        if existing is not None:
            return existing
        try:
            with outages(self._who_holds), self._open(True) as session:
                user: User = self.model(**fields)
                session.add(user)
                session.flush()
                session.refresh(user)
                return user
        except IntegrityError:
            # Somebody else wrote the same address between the look and the leap.
            existing = self._existing(fields)
            if existing is None:
                # Without the database's own words, which hold the address.
                raise ValueError(self._refused(fields)) from None
            return existing

    def mark_verified(self, user_id: str, kind: Literal["email", "phone"]) -> None:
        """The user has proved that the address is theirs."""
        self._set(user_id, f"{kind}_verified", True)

    def set_enabled(self, user_id: str, enabled: bool) -> bool:
        """Disable or enable; whether there is such a user."""
        return self._set(user_id, "is_enabled", enabled)

    def _create_table(self) -> None:
        table = self.model.__table__
        with outages(self._who_holds), self._open(True) as session:
            # With its indexes, which are what makes an address unique.
            table.metadata.create_all(begun(session.connection()), [table])

    def _set(self, user_id: str, attribute: str, value: bool) -> bool:
        key = self._typed("id", user_id)
        if key is None:
            return False
        with outages(self._who_holds), self._open(True) as session:
            user = session.scalars(select(self.model).where(self._key == key)).one_or_none()
            if user is not None:
                setattr(user, attribute, value)
            return user is not None

    def _existing(self, fields: dict[str, Any]) -> User | None:
        email, phone = fields.get("email"), fields.get("phone")
        by_email = self.find("email", CanonicalAddresses().email(email)) if email else None
        return by_email or (self.find("phone", phone) if phone else None)

    def _refused(self, fields: dict[str, Any]) -> str:
        member_id = fields.get("member_id")
        if member_id is not None and self.find("member_id", member_id) is not None:
            return "another user has this member id"
        return f"a column of {self.model.__name__} demands a value that it was not given"

    def _column(self, kind: IdentifierKind) -> Any:
        return self._key if kind == "id" else getattr(self.model, "email_key" if kind == "email" else kind)

    def _typed(self, kind: IdentifierKind, value: str) -> Any:
        """``value`` to compare a column with; ``None`` where it cannot be one (a key beyond 63 bits)."""
        if kind != "id" or self._key.type.python_type is str:
            return value
        if not (value.isascii() and value.isdigit()) or len(value) > 18:
            return None
        # PostgreSQL would refuse a number beyond the column's own 32 bits, such as a mobile number.
        return literal(int(value), BigInteger)


def own_sessions(engine: Engine) -> OpenSession:
    """Sessions of our own on ``engine``: objects stay readable after they are closed."""
    engine = ours(engine)

    @contextmanager
    def open_session(writes: bool) -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session:
            yield session
            if writes:
                session.commit()

    return open_session


def shared_sessions(current: Callable[[], Session], model: type[Any]) -> OpenSession:
    """
    Sessions of our own on the host's connection for ``model``: an in-memory SQLite has only that one.

    A write is a savepoint: it becomes durable at once where the host has nothing open, and with
    the host's own commit otherwise. What the host has pending is not even flushed.
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
