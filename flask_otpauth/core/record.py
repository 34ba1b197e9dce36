"""How the values are declared of which each request makes new ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

RecordT = TypeVar("RecordT")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(declared: type[RecordT]) -> type[RecordT]:
    """
    Declare a class whose fields never change.

    For type checkers it is a frozen dataclass. When the program runs, an assignment is not refused: a frozen
    dataclass sets each of its own fields by a function call, which takes ten times as long as an assignment.
    """
    return dataclass(unsafe_hash=True)(declared)
