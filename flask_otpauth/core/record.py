"""
How values are declared: classes whose fields never change, and how they are copied.

They are dataclasses. Their ``__eq__``, ``__hash__`` and ``__repr__`` are functions of this module, and not
made for each class: to compile them took a third of the time in which the package is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, dataclass_transform

__all__ = ["frozen", "record", "replace"]

RecordT = TypeVar("RecordT")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(declared: type[RecordT]) -> type[RecordT]:
    """Declare a class of values. An assignment to a field is refused."""
    return _with_methods(record(declared), {"__setattr__": _set_once, "__delattr__": _refuse})


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(declared: type[RecordT]) -> type[RecordT]:
    """
    Declare a class of values of which each request makes new ones.

    Type checkers refuse an assignment to a field. When the program runs, nothing does: to set each field of a
    new value by a function call would take ten times as long.
    """
    made = dataclass(eq=False, repr=False)(declared)
    methods: dict[str, Callable[..., object]] = {
        "__eq__": _equal_by(made),
        "__hash__": _hash_by(made),
        "__repr__": _shown,
    }
    return _with_methods(made, {name: methods[name] for name in methods if name not in vars(declared)})


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


def _with_methods(made: type[RecordT], methods: Mapping[str, Callable[..., object]]) -> type[RecordT]:
    for name, method in methods.items():
        setattr(made, name, method)
    return made


def _compared(made: Any) -> Callable[[object], object]:
    """Return a function that returns what is compared of a value."""
    names = [each.name for each in fields(made) if each.compare]
    return attrgetter(*names) if names else lambda _: ()


def _equal_by(made: type[object]) -> Callable[[object, object], bool]:
    compared = _compared(made)

    def is_equal(self: object, other: object) -> bool:
        return compared(self) == compared(other) if type(self) is type(other) else NotImplemented

    return is_equal


def _hash_by(made: type[object]) -> Callable[[object], int]:
    compared = _compared(made)
    return lambda self: hash(compared(self))


@recursive_repr()
def _shown(self: Any) -> str:
    shown = [each.name for each in fields(self) if each.repr]
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _set_once(self: Any, name: str, value: object) -> None:
    """Set a field that is not set yet, as ``__init__`` does."""
    if name in vars(self) or name not in self.__dataclass_fields__:
        _refuse(self, name)
    object.__setattr__(self, name, value)


def _refuse(self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot change {name!r} of a {type(self).__name__}")
