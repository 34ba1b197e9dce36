"""Whether a host's model has a column for who may log in that nothing reads."""

from __future__ import annotations

from typing import Any

#: Usual names of such a column.
_USUAL = ("is_active", "active", "enabled")


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
