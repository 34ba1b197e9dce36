"""How a setting is shown in the documentation and by ``flask otpauth config``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic.fields import FieldInfo

from flask_otpauth.core.policies import Quota
from flask_otpauth.core.record import frozen
from flask_otpauth.core.workflows import Step
from flask_otpauth.settings.declared import PREFIX, Settings
from flask_otpauth.settings.values import Accepts, Declaration

#: The words for a value of a plain type.
_PLAIN: Mapping[object, str] = {
    type(None): "None",
    bool: "True or False",
    int: "a whole number",
    str: "a string",
    dict: "a dict",
    tuple: "a list",
    ZoneInfo: "the name of a time zone such as 'Asia/Jakarta'",
}


@frozen
class Described:
    """What people need to know about a key. Values are written as in a configuration."""

    #: The key itself, such as ``OTPAUTH_SMS_COOLDOWN``, and its field.
    key: str
    name: str
    #: Which values the key accepts, in words.
    accepts: str
    default: str
    #: The default of the profile ``hardened``, if it is another one.
    hardened: str | None
    meaning: str
    #: Whether the value must not be shown.
    is_secret: bool


def describe(settings: type[Settings], prefix: str) -> Iterator[Described]:
    """Yield each key of ``settings`` in the order of declaration. A flow's ``prefix`` is like ``SMS_``."""
    for key, name in settings.fields_by_key().items():
        field = settings.model_fields[name]
        yield Described(
            key=f"{PREFIX}{prefix}{key}",
            name=name,
            accepts=describe_values(field),
            default=format_value(field.default),
            hardened=format_value(settings.hardened[name]) if name in settings.hardened else None,
            meaning=field.description or "",
            is_secret=not field.repr,
        )


def describe_values(field: FieldInfo) -> str:
    """Return in words which values a field accepts. Empty: the meaning of the field says it."""
    words = next((each.words for each in field.metadata if isinstance(each, Accepts)), None)
    return words if words is not None else _describe_type(field.annotation)


def _describe_type(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return next((each.words for each in arguments if isinstance(each, Accepts)), "")
    if origin is Literal:
        return " or ".join(repr(each) for each in arguments)
    if origin in (Union, UnionType):
        return ", or ".join(_describe_type(each) for each in arguments)
    return _PLAIN.get(origin or annotation, "")


def format_value(value: object) -> str:
    """Return ``value`` as written in a configuration. For an object, only its type is shown."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.10g}"
    if isinstance(value, (Quota, Step, ZoneInfo)):
        return repr(str(value))
    if isinstance(value, (list, tuple)):
        return f"({', '.join(format_value(each) for each in value)}{',' * (len(value) == 1)})"
    if isinstance(value, Declaration):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {format_value(each)}" for key, each in value.items()) + "}"
    if value is None or isinstance(value, (bool, int, str)):
        return repr(value)
    kind = value if isinstance(value, type) else type(value)
    return f"<{kind.__module__}.{kind.__qualname__}>"
