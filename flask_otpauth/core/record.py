"""How the values are declared of which each request makes new ones, and how they are copied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, dataclass_transform

__all__ = ["record", "replace"]

RecordT = TypeVar("RecordT")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(declared: type[RecordT]) -> type[RecordT]:
    """
    Declare a class whose fields never change.

    For type checkers it is a frozen dataclass. When the program runs, an assignment is not refused: a frozen
    dataclass sets each of its own fields by a function call, which takes ten times as long as an assignment.
    """
    return dataclass(unsafe_hash=True)(declared)


if TYPE_CHECKING:
    from dataclasses import replace
else:

    def replace(original: RecordT, **changes: object) -> RecordT:
        """
        Return a copy of a record with other values of these fields.

        ``dataclasses.replace`` does the same for every dataclass, and asks each field how it was declared.
        Type checkers see that function, because they know which fields it takes.
        """
        copy = object.__new__(type(original))
        vars(copy).update(vars(original), **changes)
        return copy
