"""The columns of a user, for the packaged table and for a host's model, and the key of the e-mail address."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    MetaData,
    SQLColumnExpression,
    String,
    and_,
    case,
    event,
    func,
    literal_column,
    true,
)
from sqlalchemy.orm import InstanceState, InstrumentedAttribute, Mapped, Mapper, mapped_column, registry

from flask_otpauth.adapters.addresses import CanonicalAddresses
from flask_otpauth.adapters.sqlalchemy.tables import DEFAULT_NAMES, USERS, PartialIndex, TableNames, exact
from flask_otpauth.core import member_ids

#: A column of texts, or an attribute of a model that is one.
TextColumn = SQLColumnExpression[str | None]

_PACKAGED = "flask_otpauth.users"
#: A model is made before there is an app, so it cannot get this from the app.
_ADDRESSES = CanonicalAddresses()


def new_person_key() -> str:
    """Return a new random ``person_key``."""
    return secrets.token_hex(16)


class UserMixin:
    """
    The columns that a user needs, for the packaged table and for a host's own model.

    The host's model adds its primary key: an integer, a text or a UUID. ``email``, ``phone`` and
    ``member_id`` are checked when they are set. ``phone`` is converted to E.164, and ``email`` is kept as
    it was given. ``email_key`` is its canonical form. It is written at each flush, so setting it by hand
    has no effect.

    ``person_key`` is a random text. What is kept for a user is bound to it, and is of no use to a later
    user with the same primary key. Unique columns have indexes with names, so that a migration can add
    them to an existing table and drop them again.
    """

    person_key: Mapped[str | None] = mapped_column(String(32), default=new_person_key)
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


def packaged_model(metadata: MetaData, names: TableNames = DEFAULT_NAMES) -> type[UserMixin]:
    """Return the model of the packaged table of users. For the same names, each metadata has one."""
    models: dict[TableNames, type[UserMixin]] = metadata.info.setdefault(_PACKAGED, {})
    if names not in models:
        base = registry(metadata=metadata).generate_base()
        columns = {
            "__tablename__": f"{names.prefix}{USERS}",
            # Otherwise SQLite may give the id of a deleted user to the next one.
            "__table_args__": {"sqlite_autoincrement": True, **names.options()},
            "id": mapped_column(primary_key=True),
        }
        hints = {"__annotations__": {"id": Mapped[int]}}
        models[names] = type("OtpAuthUser", (UserMixin, base), {**columns, **hints})
    return models[names]


def key_of(email: str | None) -> str | None:
    """Return the canonical form of ``email``, or ``None`` if it is not an address."""
    try:
        return None if email is None else _ADDRESSES.email(email)
    except ValueError:
        return None


def doubtful(email: TextColumn, key: TextColumn) -> ColumnElement[bool]:
    """
    Return the condition that the key is doubtful: missing or, as far as SQL can tell, of another address.

    Such a row is older than the column, or SQL or a bulk update wrote it. It is found by ``email``, with
    an index that has only these rows.
    """
    zero, one = literal_column("0", Integer), literal_column("1", Integer)
    # PostgreSQL expects few rows where two values are equal, and nearly all rows where they differ. With
    # ``!=`` it would read the whole table at each login, and not the index.
    return and_(email.is_not(None), case((key == func.lower(email), zero), else_=one) == one)


def keep_email_keys(mixin: type[UserMixin]) -> None:
    """
    Check the values that are set on models with ``mixin``, and write their keys.

    This uses events and not ``validates``, because the host's model may have its own validator,
    and SQLAlchemy allows only one for a column.
    """
    event.listen(mixin, "attribute_instrument", _check_what_is_set, propagate=True)
    event.listen(mixin, "before_insert", write_key, propagate=True, raw=True, retval=True)
    event.listen(mixin, "before_update", write_key, propagate=True, raw=True, retval=True)
    event.listen(mixin, "after_mapper_constructed", _add_index, propagate=True)


def write_key(mapper: Mapper[UserMixin], connection: object, state: InstanceState[UserMixin]) -> None:
    """Before a flush, write the key of the present ``email``, even if another one was set by hand."""
    user = state.obj()
    touched = any(name in state.committed_state for name in ("email", "email_key"))
    # A row without a key is left alone unless its email changes: another row may have the same address,
    # and then every write of the host to this row would fail.
    if user is not None and (touched or not state.has_identity):
        user.email_key = key_of(user.email)


def _check_what_is_set(
    model: type[UserMixin], name: str, attribute: InstrumentedAttribute[str | None]
) -> None:
    if name in _CHECKS:
        event.listen(attribute, "set", _CHECKS[name], retval=True, propagate=True)


def _check(parse: Callable[[str], str | None]) -> Callable[..., str | None]:
    return lambda user, value, *rest: None if value is None else parse(value)


def _email(value: str) -> str:
    _ADDRESSES.email(value)
    return value


def _phone(value: str) -> str:
    return _ADDRESSES.phone(value, None)


#: A form sends an empty text if there is no member id, and only one user could have an empty one.
_CHECKS = {
    "email": _check(_email),
    "phone": _check(_phone),
    "member_id": _check(lambda value: member_ids.member_id(value) if value else None),
}


def _add_index(mapper: Mapper[UserMixin], model: type[UserMixin]) -> None:
    email, key = mapper.columns.get("email"), mapper.columns.get("email_key")
    if email is None or key is None or email.table is not mapper.local_table or mapper.inherits is not None:
        return
    PartialIndex(f"ix_{mapper.local_table.name}_email_doubtful", email, where=doubtful(email, key))


keep_email_keys(UserMixin)
