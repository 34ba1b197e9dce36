"""What is found out about a host's model at start-up."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import getattr_static
from uuid import UUID

from sqlalchemy import Column, Enum, Table, UniqueConstraint
from sqlalchemy.orm import Mapper, QueryableAttribute, class_mapper
from sqlalchemy.types import TypeDecorator, TypeEngine

from flask_otpauth.adapters.sqlalchemy.directory.model import UserMixin, write_key

#: The types that an id can have in a token, in a session's row and in JSON.
_ID_TYPES = (int, str, UUID)
#: The longest id that a session's row can hold, in characters.
_LONGEST_ID = 255
#: The columns that a login fills.
_FILLED = ("email", "email_key")
#: Usual names of a column that says who may log in.
_USUAL = ("is_active", "active", "enabled")


def key_problems(model: type[UserMixin]) -> list[str]:
    """Return why the primary key of ``model`` cannot be a user's id. The list is empty if it can."""
    mapper, name = class_mapper(model), model.__name__
    columns = mapper.primary_key
    if len(columns) != 1:
        names = ", ".join(column.name for column in columns)
        return [f"{name} must have a primary key of one column, not {len(columns)} ({names})"]
    kind, other = columns[0].type, mapper.column_attrs.get("id")
    if other is not None and columns[0] not in other.columns:
        return [f"{name}.id is not the primary key ({columns[0].name!r} is): rename one of them"]
    if python_type(kind) not in _ID_TYPES or isinstance(kind, Enum):
        can_be = "use an integer, a text or a UUID (a custom column type says which by its python_type)"
        return [f"the primary key of {name} has the type {kind!r}: {can_be}"]
    if python_type(kind) is str and (getattr(kind, "length", None) or 0) > _LONGEST_ID:
        return [f"the primary key of {name} is a text longer than {_LONGEST_ID} characters"]
    return []


def python_type(kind: TypeEngine[object]) -> type[object] | None:
    """
    Return the type of the values of a column. Return ``None`` if it is not known.

    The values of a host's column type without a ``python_type`` have the type of its column.
    """
    try:
        declared = kind.python_type
    except NotImplementedError:  # SQLAlchemy 2.0 raises this, and 2.1 returns ``object``
        declared = object
    if declared is object:
        return python_type(kind.impl_instance) if isinstance(kind, TypeDecorator) else None
    return declared


def is_unique(column: Column[object]) -> bool:
    """
    Return whether the table is defined with a unique index or constraint of this column alone.

    An index with options of one database does not count, because it may have only some of the rows.
    """
    table = column.table
    unique = [each.columns for each in table.indexes if each.unique and not each.dialect_kwargs]
    unique += [each.columns for each in table.constraints if isinstance(each, UniqueConstraint)]
    return any(columns.keys() == [column.key] for columns in unique)


def unfilled_columns(model: type[UserMixin]) -> list[str]:
    """
    Return the columns that must have a value and would have none when a login creates a user.

    The list is empty if the model has its own ``__init__`` or an event before the insert, because these
    may fill them.
    """
    mapper = class_mapper(model)
    own_inserts = [each for each in mapper.dispatch.before_insert if each is not write_key]
    if mapper.class_manager.original_init is not mapper.registry.constructor or own_inserts:
        return []
    by_mapper = (mapper.polymorphic_on, mapper.version_id_col)
    return [
        column.name
        for table in mapper.tables
        if isinstance(table, Table)
        for column in table.columns
        if _needs_a_value(column) and column.name not in _FILLED and all(column is not c for c in by_mapper)
    ]


def unread_status(model: type[UserMixin]) -> str | None:
    """
    Return a warning about a column that seems to say who may log in, and that nothing reads.

    Return ``None`` if there is no such column, or if the model itself defines ``is_enabled`` as a synonym
    or a property.
    """
    attributes = class_mapper(model).column_attrs
    if "is_enabled" not in attributes:
        return None
    read = attributes["is_enabled"].columns
    name = next((each for each in _USUAL if each in attributes and attributes[each].columns != read), None)
    if name is None:
        return None
    return (
        f"{model.__name__}.{name} is ignored at login, only {model.__name__}.is_enabled is checked: "
        f"to use {name}, add is_enabled = synonym({name!r}) to the model"
    )


def can_be_set(model: type[UserMixin], name: str) -> bool:
    """Return whether the attribute is kept, or has a setter. A property without one is computed."""
    return getattr(getattr_static(model, name), "fset", True) is not None


def columns_of(mapper: Mapper[UserMixin], names: Sequence[str]) -> list[Column[object]] | None:
    """
    Return the columns of these attributes, so that a user can be read without the model.

    Return ``None`` if the model computes one of them, or if its rows are not those of one table.
    """
    table = mapper.local_table
    if mapper.inherits is not None or mapper.polymorphic_on is not None or not isinstance(table, Table):
        return None
    columns = [_column_of(mapper, name) for name in names]
    found = [column for column in columns if column is not None and column.table is table]
    return found if len(found) == len(columns) else None


def attribute_of(mapper: Mapper[UserMixin], name: str) -> str:
    """Return the name of the attribute that ``name`` is, or is a synonym of."""
    while name in mapper.synonyms and _is_plain(mapper.synonyms[name].descriptor):
        name = mapper.synonyms[name].name
    return name


def _is_plain(descriptor: object) -> bool:
    """Return whether the descriptor of a synonym is SQLAlchemy's, and not one of the host that computes."""
    return getattr(descriptor, "fget", descriptor).__module__.startswith("sqlalchemy.")


def _column_of(mapper: Mapper[UserMixin], name: str) -> Column[object] | None:
    is_mapped = isinstance(getattr_static(mapper.class_, name, None), QueryableAttribute)
    attribute = mapper.column_attrs.get(attribute_of(mapper, name))
    if not is_mapped or attribute is None or len(attribute.columns) != 1:
        return None
    column = attribute.columns[0]
    return column if isinstance(column, Column) else None


def _needs_a_value(column: Column[object]) -> bool:
    has_default = column.default is not None or column.server_default is not None
    is_counted = column.table.autoincrement_column is column
    is_inherited = column.primary_key and bool(column.foreign_keys)
    return not (column.nullable or has_default or is_counted or is_inherited)
