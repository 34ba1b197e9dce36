"""
``email_key``: the canonical form of ``email``, by which a user is found.

A row gets it when it is flushed. A row that is older than the column, or that SQL or a bulk update
wrote, has no key or the key of an earlier address: its key is *doubtful*. Such rows are found by
``email``, with an index that holds only them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Index, Select, String, and_, bindparam, event, func, or_, select, update
from sqlalchemy.orm import Mapper, Session

from flask_otpauth.adapters.addresses import CanonicalAddresses, spellings
from flask_otpauth.core import member_ids

#: The sessions here do not hold the rows that are updated.
UNSEEN = {"synchronize_session": False}
#: In how many ways ``spellings`` writes one address at most.
_FORMS = 4


def key_of(email: str | None) -> str | None:
    """The canonical form of ``email``; ``None`` if it is not an address."""
    try:
        return None if email is None else CanonicalAddresses().email(email)
    except ValueError:
        return None


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
