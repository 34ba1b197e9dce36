"""How services and stores are declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

ServiceT = TypeVar("ServiceT")


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def service(declared: type[ServiceT]) -> type[ServiceT]:
    """
    Declare a service or a store: a class whose fields are what it works with.

    For type checkers it is a frozen dataclass. It gets no method but ``__init__``: nobody compares or shows
    a service, and making the methods of so many classes takes time when the package is imported.
    """
    return dataclass(eq=False, repr=False)(declared)
