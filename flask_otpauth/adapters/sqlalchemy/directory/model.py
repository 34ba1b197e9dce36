"""The columns of a user, for the packaged table and for a host's model, and the key of the e-mail address."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Index, MetaData, String, and_, event, func, or_, true
from sqlalchemy.orm import Mapped, Mapper, mapped_column, registry

from flask_otpauth.adapters.addresses import CanonicalAddresses
from flask_otpauth.adapters.sqlalchemy.tables import exact
from flask_otpauth.core import member_ids

_PACKAGED = "flask_otpauth.user"


def new_person_key() -> str:
    """Return a new random ``person_key``."""
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


def key_of(email: str | None) -> str | None:
    """The canonical form of ``email``; ``None`` if it is not an address."""
    try:
        return None if email is None else CanonicalAddresses().email(email)
    except ValueError:
        return None


def doubtful(email: Any, key: Any) -> ColumnElement[bool]:
    """Whether the key is missing or, as far as SQL can tell, is the key of another address."""
    return and_(email.is_not(None), or_(key.is_(None), key != func.lower(email)))


def keep_email_keys(mixin: type[Any]) -> None:
    """
    Check the values that are set on models with ``mixin``, and write their keys.

    This uses events and not ``validates``, because the host's model may have its own validator,
    and SQLAlchemy allows only one for a column.
    """
    event.listen(mixin, "attribute_instrument", _check_what_is_set, propagate=True)
    event.listen(mixin, "before_insert", write_key, propagate=True, raw=True, retval=True)
    event.listen(mixin, "before_update", write_key, propagate=True, raw=True, retval=True)
    event.listen(mixin, "after_mapper_constructed", _add_index, propagate=True)


def write_key(mapper: Mapper[Any], connection: object, state: Any) -> None:
    """Before a flush, write the key of the present ``email``, whatever was set by hand."""
    user = state.obj()
    touched = any(name in state.committed_state for name in ("email", "email_key"))
    # A row without a key is left alone unless its email changes: another row may have the same address,
    # and then every write of the host to this row would fail.
    if touched or not state.has_identity:
        user.email_key = key_of(user.email)


def _check_what_is_set(model: type[Any], name: str, attribute: Any) -> None:
    if name in _CHECKS:
        event.listen(attribute, "set", _CHECKS[name], retval=True, propagate=True)


def _checked(check: Callable[[str], str | None]) -> Callable[..., str | None]:
    return lambda user, value, *rest: None if value is None else check(value)


def _email(value: str) -> str:
    CanonicalAddresses().email(value)
    return value


def _phone(value: str) -> str:
    return CanonicalAddresses().phone(value, None)


#: A form sends an empty text if there is no member id, and only one user could have an empty one.
_CHECKS = {
    "email": _checked(_email),
    "phone": _checked(_phone),
    "member_id": _checked(lambda value: member_ids.member_id(value) if value else None),
}


def _add_index(mapper: Mapper[Any], model: type[Any]) -> None:
    email, key = mapper.columns.get("email"), mapper.columns.get("email_key")
    if email is None or key is None or email.table is not mapper.local_table or mapper.inherits is not None:
        return
    where = doubtful(email, key)
    Index(f"ix_{email.table.name}_email_doubtful", email, sqlite_where=where, postgresql_where=where)


keep_email_keys(UserMixin)
