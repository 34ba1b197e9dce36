"""
The values that a setting can have.

Each type has words for the values that it accepts (:class:`Accepts`). The documentation shows them,
and so does the start-up error for a wrong value, unless the validator raises a ``ValueError`` with
a sentence of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ImportString

from flask_otpauth.core.instants import MAX_LOG_ENTRIES
from flask_otpauth.core.locales import preferences
from flask_otpauth.core.policies import Quota
from flask_otpauth.core.record import frozen
from flask_otpauth.core.sessions import LONGEST_TOKEN_LIFE
from flask_otpauth.core.workflows import Step, parse_steps

_LONGEST_BRAND = 64
#: A hundred years. A longer time could not be added to a date.
_LONGEST_SECONDS = 100 * 365 * 86_400
_SECOND = timedelta(seconds=1)


@frozen
class Accepts:
    """Which values a setting of this type accepts, in words that can follow "expected"."""

    words: str


class Declaration(dict[str, object]):
    """What declares a sender. It may hold secrets, so its ``repr`` only shows the profile."""

    __slots__ = ()

    def __repr__(self) -> str:
        profile = self.get("profile")
        shown = f"'profile': {profile!r}, " if isinstance(profile, str) else ""
        return f"{{{shown}...}}"


def _senders(value: dict[str, object]) -> dict[str, object]:
    return {name: _sender(each) for name, each in value.items()}


def _sender(value: object) -> object:
    if isinstance(value, dict):
        return Declaration(value)
    return tuple(map(_sender, value)) if isinstance(value, (list, tuple)) else value


class TestIdentity(BaseModel):
    """One entry of ``OTPAUTH_TEST_IDENTITIES``."""

    #: For pytest: it is no test, whatever its name says.
    __test__: ClassVar = False
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    code: str = Field(repr=False)
    #: The last day, in UTC.
    until: date


def _duration(value: object) -> timedelta:
    if isinstance(value, int) and not isinstance(value, bool):
        value = timedelta(seconds=min(value, _LONGEST_SECONDS + 1))
    if not isinstance(value, timedelta) or not timedelta(0) <= value <= timedelta(seconds=_LONGEST_SECONDS):
        raise ValueError
    return value


def _period(value: object) -> timedelta:
    if (period := _duration(value)) < _SECOND:
        raise ValueError
    return period


def _lifetime(value: object) -> timedelta:
    if (lifetime := _period(value)) > LONGEST_TOKEN_LIFE:
        raise ValueError
    return lifetime


def _quota(value: object) -> Quota:
    quota = Quota.parse(value) if isinstance(value, str) else value
    if not isinstance(quota, Quota):
        raise ValueError
    if quota.count > MAX_LOG_ENTRIES:
        raise ValueError(f"{quota.count} is too many: at most {MAX_LOG_ENTRIES} can be counted exactly")
    return quota


def _quotas(value: object) -> tuple[Quota, ...]:
    given = [value] if isinstance(value, (str, Quota)) else _as_tuple(value)
    return tuple(_quota(each) for each in given)


def _workflow(value: object) -> tuple[Step, ...]:
    steps = _as_tuple(value)
    # Steps are read again when settings are made of other settings.
    return parse_steps([str(each) if isinstance(each, Step) else _step(each) for each in steps])


def _step(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _as_tuple(value: object) -> Iterable[object]:
    if not isinstance(value, (list, tuple)):
        raise ValueError
    return tuple(value)


def _routes(value: object) -> dict[tuple[object, ...], Iterable[object]]:
    if not isinstance(value, dict) or not all(isinstance(key, tuple) for key in value):
        raise ValueError
    return {key: (names,) if isinstance(names, str) else _as_tuple(names) for key, names in value.items()}


def _path(value: object) -> object:
    """Refuse a path with which the import itself would fail, such as a relative one."""
    if isinstance(value, str) and not re.fullmatch("\\w+([.:]\\w+)*", value):
        raise ValueError
    return value


def _locale(value: str) -> str:
    if not preferences(value):
        raise ValueError
    return value


def _template_ids(value: dict[tuple[str, str, str], str]) -> dict[tuple[str, str, str], str]:
    """Return the ids with languages in the spelling of file names."""
    for _, _, language in value:
        if not preferences(language):
            raise ValueError(f"{language!r} is not a valid language")
    return {
        (channel, template, preferences(language)[0]): template_id
        for (channel, template, language), template_id in value.items()
    }


def _brand(value: str) -> str:
    brand = value.strip()
    if not brand or len(brand.splitlines()) > 1 or len(brand) > _LONGEST_BRAND:
        raise ValueError
    return brand


def _url_path(value: str) -> str:
    if not re.fullmatch("(/[^/?#<>\\s]+)+", value):
        raise ValueError
    return value


Count = Annotated[
    int, Field(strict=True, ge=1, le=MAX_LOG_ENTRIES), Accepts(f"a whole number from 1 to {MAX_LOG_ENTRIES}")
]
CodeLength = Annotated[int, Field(strict=True, ge=4, le=10), Accepts("a whole number from 4 to 10")]
#: A count of something that is not kept in a log of instants.
LargeCount = Annotated[int, Field(strict=True, ge=1), Accepts("a whole number, at least 1")]
Duration = Annotated[
    timedelta, BeforeValidator(_duration), Accepts("whole seconds or a timedelta, not negative")
]
Period = Annotated[
    timedelta, BeforeValidator(_period), Accepts("whole seconds or a timedelta, at least 1 second")
]
#: How long a token or a session is valid. A token that ends at once, or later than this, is not signed.
Lifetime = Annotated[
    timedelta,
    BeforeValidator(_lifetime),
    Accepts(f"whole seconds or a timedelta, from 1 second to {LONGEST_TOKEN_LIFE.days} days"),
]
QuotaText = Annotated[Quota, BeforeValidator(_quota), Accepts("a quota such as '15 per day'")]
Quotas = Annotated[
    tuple[Quota, ...],
    BeforeValidator(_quotas),
    Accepts("a list of quotas such as ('5 per 15 minutes', '20 per day')"),
]
Strings = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Accepts("a list of strings")]
Senders = Annotated[dict[str, object], AfterValidator(_senders), Accepts("a dict of senders by channel")]
Providers = Annotated[dict[str, object], AfterValidator(_senders), Accepts("a dict of senders by name")]
Routes = Annotated[
    dict[tuple[str, ...], tuple[str, ...]],
    BeforeValidator(_routes),
    Accepts("a dict of routes such as {('sms', '84'): ('local', 'twilio')}"),
]
Workflow = Annotated[
    tuple[Step, ...],
    BeforeValidator(_workflow),
    Accepts("a list of steps such as ('sms 40s', 'whatsapp 40s', 'voice')"),
]
FlowNames = Annotated[
    tuple[object, ...], BeforeValidator(_as_tuple), Accepts("a list of names, dotted paths and flows")
]
Region = Annotated[
    str, Field(pattern="^[A-Z]{2}$"), Accepts("the two capital letters of a region (ISO 3166) such as 'VN'")
]
UrlPath = Annotated[
    str,
    AfterValidator(_url_path),
    Accepts("a path that begins with a slash and does not end with one, such as '/v1'"),
]
#: The length leaves room for the longest name of an index, which all databases limit to about 60 characters.
TablePrefix = Annotated[
    str,
    Field(pattern="^([a-z_][a-z0-9_]*)?$", max_length=24),
    Accepts("at most 24 lower-case letters, digits and underscores, the first not a digit"),
]
SchemaName = Annotated[
    str,
    Field(pattern="^[A-Za-z_][A-Za-z0-9_-]*$", max_length=63),
    Accepts("at most 63 letters, digits, underscores and hyphens, the first a letter or an underscore"),
]
Hook = Annotated[
    ImportString[Callable[..., Any]],
    BeforeValidator(_path),
    Accepts("a callable, or the dotted path to one"),
]
Language = Annotated[
    Annotated[str, AfterValidator(_locale)] | Hook,
    Accepts("a language such as 'de', or what returns one: a callable, or the dotted path to one"),
]
TemplateIds = Annotated[
    dict[tuple[str, str, str], str],
    AfterValidator(_template_ids),
    Accepts("a dict such as {('sms', 'code', 'vi'): '1207161234567'}"),
]
TestIdentities = Annotated[
    dict[str, TestIdentity],
    Accepts("a dict such as {'+84912345678': {'code': '482913', 'until': '2027-01-31'}}"),
]
Brand = Annotated[str, AfterValidator(_brand), Accepts("a name of one line, at most 64 characters")]
#: Bytes that are never shown. A field of this type has ``repr=False``.
SecretBytes = Annotated[bytes, Accepts("a string or bytes")]
SecretBytesList = Annotated[
    tuple[bytes, ...], BeforeValidator(_as_tuple), Accepts("a list of strings or bytes, the newest first")
]
