"""Which attribute of a host's model says that a user may log in."""

from __future__ import annotations

from typing import Any

#: What hosts call it.
_USUAL = ("is_active", "active", "enabled")


def unread_status(model: type[Any]) -> str | None:
    """
    What to tell of a column that looks as if it said who may log in, and that nothing reads.

    Whoever writes an ``is_enabled`` of their own, as a synonym or a property, has decided.
    """
    attributes = model.__mapper__.column_attrs
    if "is_enabled" not in attributes:
        return None
    decides = attributes["is_enabled"].columns
    name = next((each for each in _USUAL if each in attributes and attributes[each].columns != decides), None)
    if name is None:
        return None
    return (
        f"{model.__name__}.{name} is not looked at when somebody logs in, {model.__name__}.is_enabled is: "
        f"if {name} shall decide, write is_enabled = synonym({name!r}) in the model"
    )
