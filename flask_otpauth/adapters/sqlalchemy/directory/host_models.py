"""What is checked of a host's model at start-up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Column, Enum

from flask_otpauth.adapters.sqlalchemy.directory.model import write_key
from flask_otpauth.adapters.sqlalchemy.directory.model_directory import python_type

#: What a token, a session's row and an answer in JSON can carry.
_CARRIED = (int, str, UUID)
#: The longest id that a session's row can hold, in characters.
_LONGEST = 255
#: What a login fills.
_FILLED = ("email", "email_key")
#: Usual names of such a column.
_USUAL = ("is_active", "active", "enabled")


def key_problems(model: type[Any]) -> list[str]:
    """Why the primary key of ``model`` cannot be a user's id; empty if it can."""
    columns = model.__mapper__.primary_key
    if len(columns) != 1:
        names = ", ".join(column.name for column in columns)
        return [f"{model.__name__} must have a primary key of one column, not {len(columns)} ({names})"]
    kind, other = columns[0].type, model.__mapper__.column_attrs.get("id")
    if other is not None and columns[0] not in other.columns:
        return [f"{model.__name__}.id is not the primary key ({columns[0].name!r} is): rename one of them"]
    if python_type(kind) not in _CARRIED or isinstance(kind, Enum):
        can_be = "use an integer, a text or a UUID (a custom column type says which by its python_type)"
        return [f"the primary key of {model.__name__} has the type {kind!r}: {can_be}"]
    if python_type(kind) is str and (getattr(kind, "length", None) or 0) > _LONGEST:
        return [f"the primary key of {model.__name__} is a text longer than {_LONGEST} characters"]
    return []


def unfilled_columns(model: type[Any]) -> list[str]:
    """
    The columns that must have a value and would have none when a login creates a user.

    Empty if the model has its own ``__init__`` or an event before the insert, which may fill them.
    """
    mapper = model.__mapper__
    own_inserts = [each for each in mapper.dispatch.before_insert if each is not write_key]
    if mapper.class_manager.original_init is not model.registry.constructor or own_inserts:
        return []
    by_mapper = (mapper.polymorphic_on, mapper.version_id_col)
    return [
        column.name
        for table in mapper.tables
        for column in table.columns
        if _demands_a_value(column) and column.name not in _FILLED and all(column is not c for c in by_mapper)
    ]


def unread_status(model: type[Any]) -> str | None:
    """
    A warning about a column that seems to say who may log in, and that nothing reads.

    ``None`` if there is no such column, or if the model itself defines ``is_enabled`` as a synonym
    or a property.
    """
    attributes = model.__mapper__.column_attrs
    if "is_enabled" not in attributes:
        return None
    decides = attributes["is_enabled"].columns
    name = next((each for each in _USUAL if each in attributes and attributes[each].columns != decides), None)
    if name is None:
        return None
    return (
        f"{model.__name__}.{name} is ignored at login, only {model.__name__}.is_enabled is checked: "
        f"to use {name}, add is_enabled = synonym({name!r}) to the model"
    )


def _demands_a_value(column: Column[Any]) -> bool:
    drawn = column.default is not None or column.server_default is not None
    counted = column.table.autoincrement_column is column
    inherited = column.primary_key and bool(column.foreign_keys)
    return not (column.nullable or drawn or counted or inherited)
