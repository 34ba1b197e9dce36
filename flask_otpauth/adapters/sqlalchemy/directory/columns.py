"""Which columns of a host's model need a value that a login cannot give, and which are computed."""

from __future__ import annotations

from inspect import getattr_static
from typing import Any

from sqlalchemy import Column

from flask_otpauth.adapters.sqlalchemy.directory.email_keys import write_key

#: What a login fills.
_FILLED = ("email", "email_key")


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


def can_be_set(model: type[Any], name: str) -> bool:
    """Whether the model keeps that attribute, and does not compute it by a property without a setter."""
    return getattr(getattr_static(model, name), "fset", True) is not None


def _demands_a_value(column: Column[Any]) -> bool:
    drawn = column.default is not None or column.server_default is not None
    counted = column.table.autoincrement_column is column
    inherited = column.primary_key and bool(column.foreign_keys)
    return not (column.nullable or drawn or counted or inherited)
