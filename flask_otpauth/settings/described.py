"""A setting as people see it: on the page of the documentation, and by ``flask otpauth config``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic.fields import FieldInfo

from flask_otpauth.core.policies import Quota
from flask_otpauth.settings.declared import PREFIX, Settings
from flask_otpauth.settings.values import Accepts

#: What a value of a plain type is called.
_PLAIN: Mapping[Any, str] = {
    type(None): "None",
    bool: "True or False",
    int: "a whole number",
    str: "a string",
    dict: "a dict",
    tuple: "a list",
    ZoneInfo: "the name of a time zone such as 'Asia/Jakarta'",
}


@dataclass(frozen=True)
class Described:
    """
    One key: what it accepts, its default (and the hardened one, if that differs), its meaning.

    Values are written as a configuration has them. ``is_secret``: its value is never shown.
    """

    key: str
    name: str
    accepts: str
    default: str
    hardened: str | None
    meaning: str
    is_secret: bool


def described(settings: type[Settings], prefix: str) -> Iterator[Described]:
    """Each key of ``settings``, in the order of declaration; ``prefix`` is the flow's (``SMS_``)."""
    for name, field in settings.model_fields.items():
        yield Described(
            key=f"{PREFIX}{prefix}{name.upper()}",
            name=name,
            accepts=accepted(field),
            default=written(field.default),
            hardened=written(settings.hardened[name]) if name in settings.hardened else None,
            meaning=field.description or "",
            is_secret=not field.repr,
        )


def accepted(field: FieldInfo) -> str:
    """What a value of this field may be, in words; empty where its meaning says it."""
    words = next((each.words for each in field.metadata if isinstance(each, Accepts)), None)
    return words if words is not None else _accepted(field.annotation)


def _accepted(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return next((each.words for each in arguments if isinstance(each, Accepts)), "")
    if origin is Literal:
        return " or ".join(repr(each) for each in arguments)
    if origin in (Union, UnionType):
        return ", or ".join(_accepted(each) for each in arguments)
    return _PLAIN.get(origin or annotation, "")


def written(value: Any) -> str:
    """``value`` as a configuration has it; of an object, only its type is told."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.10g}"
    if isinstance(value, (Quota, ZoneInfo)):
        return repr(str(value))
    if isinstance(value, (list, tuple)):
        return f"({', '.join(written(each) for each in value)}{',' * (len(value) == 1)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {written(each)}" for key, each in value.items()) + "}"
    if value is None or isinstance(value, (bool, int, str)):
        return repr(value)
    kind = value if isinstance(value, type) else type(value)
    return f"<{kind.__module__}.{kind.__qualname__}>"
