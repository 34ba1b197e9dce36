"""The primary key of a user's model: an integer, a text or a UUID, each with one spelling."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Enum, Uuid, literal
from sqlalchemy.types import TypeDecorator, TypeEngine

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,19}", re.ASCII)
#: What a token, a session's row and an answer in JSON can carry.
_CARRIED = (int, str, UUID)
#: The longest id that a session's row can hold, in characters.
_LONGEST = 255


class PrimaryKey:
    """
    The primary key of ``model``, under any attribute name.

    A model without an attribute ``id`` gets a read-only one, since users have an ``id``.
    """

    def __init__(self, model: type[Any]) -> None:
        self.column = model.__mapper__.primary_key[0]
        self._type = _python_type(self.column.type)
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


def key_problems(model: type[Any]) -> list[str]:
    """Why the primary key of ``model`` cannot be a user's id; empty if it can."""
    columns = model.__mapper__.primary_key
    if len(columns) != 1:
        names = ", ".join(column.name for column in columns)
        return [f"{model.__name__} must have a primary key of one column, not {len(columns)} ({names})"]
    kind, other = columns[0].type, model.__mapper__.column_attrs.get("id")
    if other is not None and columns[0] not in other.columns:
        return [f"{model.__name__}.id is not the primary key ({columns[0].name!r} is): rename one of them"]
    if _python_type(kind) not in _CARRIED or isinstance(kind, Enum):
        can_be = "use an integer, a text or a UUID (a custom column type says which by its python_type)"
        return [f"the primary key of {model.__name__} has the type {kind!r}: {can_be}"]
    if _python_type(kind) is str and (getattr(kind, "length", None) or 0) > _LONGEST:
        return [f"the primary key of {model.__name__} is a text longer than {_LONGEST} characters"]
    return []


def _python_type(kind: TypeEngine[Any]) -> type[Any] | None:
    """The type of the key's values. A host's column type without a ``python_type`` has that of its column."""
    try:
        declared = kind.python_type
    except NotImplementedError:  # SQLAlchemy 2.0 raises where 2.1 says ``object``
        declared = object
    if declared is object:
        return _python_type(kind.impl_instance) if isinstance(kind, TypeDecorator) else None
    return declared


def _uuid(text: str) -> UUID | None:
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value if str(value) == text else None
