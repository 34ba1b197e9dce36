"""
Every ``OTPAUTH_*`` key is declared once, read once (by ``init_app``), and checked with all others.

The shared keys are here; each flow declares its own beside itself as a subclass of
:class:`FlowSettings`. A field ``code_ttl`` of the flow ``email`` is the key
``OTPAUTH_EMAIL_CODE_TTL``; its description is its documentation.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from flask_otpauth.core.instants import MAX_DEPTH
from flask_otpauth.core.limits import DAY, Quota
from flask_otpauth.core.policies import Policy

PREFIX = "OTPAUTH_"


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta) and value >= timedelta(0):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return timedelta(seconds=value)
    raise ValueError("give seconds as an int, or a timedelta, not negative")


def _quota(value: object) -> Quota:
    if isinstance(value, Quota):
        return value
    if not isinstance(value, str):
        raise ValueError("give a string such as '5 per 15 minutes'")
    quota = Quota.parse(value)
    if quota.count > MAX_DEPTH:
        raise ValueError(f"at most {MAX_DEPTH} can be counted exactly")
    return quota


def _quotas(value: object) -> tuple[Quota, ...]:
    if value is None:
        return ()
    return tuple(_quota(each) for each in ([value] if isinstance(value, str) else _listed(value)))


def _listed(value: object) -> Iterable[object]:
    if not isinstance(value, (list, tuple)):
        raise ValueError("give a list or a tuple")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
QuotaText = Annotated[Quota, BeforeValidator(_quota)]
Quotas = Annotated[tuple[Quota, ...], BeforeValidator(_quotas)]
Words = Annotated[tuple[str, ...], BeforeValidator(lambda value: tuple(_listed(value)))]
Count = Annotated[int, Field(strict=True, ge=1, le=MAX_DEPTH)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Shared(_Settings):
    """The keys that are about no flow in particular."""

    flows: Words = Field(("email",), description="Which flows to register.")
    senders: dict[str, Any] = Field(
        {},
        description="Who sends on each channel (`email`, `sms`, `whatsapp`, `voice`, `flashcall`): a name "
        "(`mail`, `console`, `memory`), a dotted path, an instance, or a list of these, tried in order. "
        "Merged over `{'email': 'mail'}`.",
    )
    storage: Any = Field(
        "sqlalchemy", description="Where codes live: `sqlalchemy`, `memory`, a dotted path or an instance."
    )
    database_uri: str | None = Field(
        None,
        description="A database of our own. Default: the engine of the host's Flask-SQLAlchemy; without "
        "that, a SQLite file in the instance folder.",
        repr=False,
    )
    users: Any = Field(
        None,
        description="Where users are found: a directory or a model with `UserMixin`, as dotted path or "
        "object. Default: the packaged table.",
    )
    secret_keys: Words | None = Field(
        None,
        description="Secrets that all keys are derived from, newest first. Default: `SECRET_KEY` and "
        "`SECRET_KEY_FALLBACKS`.",
        repr=False,
    )
    subject_key: str | None = Field(
        None,
        description="Keys the rows. It must survive a rotation, or every quota and lock starts anew. "
        "Default: the oldest of the secrets.",
        repr=False,
    )
    allow_weak_keys: bool = Field(False, description="Accept secrets of fewer than 32 bytes.")
    clock: Any = Field(None, description="A callable returning an aware datetime. Default: the system's.")
    delivery: Any = Field(
        "inline",
        description="When messages are sent: `inline` (before the answer, so that a failure can be told), "
        "`thread` (behind it), a dotted path or an instance.",
    )
    ip_limits: dict[str, str | None] | None = Field(
        {},
        description="The approximate limits in front, by path (`email.request-otp`) or class of paths "
        "(`send`, `redeem`, `token`, `client`, `authentication`); merged over the default. `None`: none, "
        "the host does it.",
    )
    profile: Literal["documented", "hardened"] = Field(
        "documented", description="`hardened` changes the defaults that the documents leave weak."
    )
    phone_region: str | None = Field(
        None, description="Region (ISO 3166) of national phone numbers in `users.create` and `codes.send`."
    )
    hash_concurrency: Count = Field(
        4, description="How many memory-hard hashes may run at a time in one process."
    )
    hash_wait: Duration = Field(
        timedelta(seconds=2), description="How long a hash waits for its place before a 503."
    )
    jwt_issuer: str = Field("flask_otpauth", description="`iss` of the tokens.")
    jwt_audience: str | None = Field(None, description="`aud` of the tokens. Default: the app's import name.")
    jwt_keys: tuple[dict[str, str], ...] | None = Field(
        None,
        description="Asymmetric keys, newest first: `{'kid', 'alg', 'key'}` (PEM; `alg` RS256, ES256 or "
        "EdDSA); a key without `key` but with `public_key` only verifies. Default: HS256 with derived keys.",
        repr=False,
    )


class FlowSettings(_Settings):
    """The keys that every flow has; a flow sets their defaults and adds its own."""

    #: What ``OTPAUTH_PROFILE = "hardened"`` changes here; a key of the configuration still wins.
    hardened: ClassVar[Mapping[str, Any]] = {}

    url_prefix: str = Field(..., pattern="^/.*[^/]$", description="Where the flow's paths begin.")
    envelope: Any = Field(
        ...,
        description="The wire format: the name of a packaged envelope, `package.module:attribute`, or an "
        "instance.",
    )
    code_length: int = Field(6, strict=True, ge=4, le=10, description="Digits of a code.")
    code_ttl: Duration = Field(timedelta(seconds=300), description="How long a code lives.")
    max_guesses: Count = Field(5, description="Wrong guesses that kill a code.")
    cooldown: Duration = Field(timedelta(0), description="The least time between two codes of a subject.")
    send_quotas: Quotas = Field((), description="How many codes a subject gets, such as `('5 per 15 minutes',)`.")
    guess_budget: QuotaText = Field(
        Quota(15, DAY), description="Wrong guesses of a subject over all its codes; then it is locked."
    )
    failure_cap: Count | None = Field(
        None,
        description="Wrong guesses in a row, over any number of codes, after which only `unlock` helps.",
    )
    timezone: ZoneInfo = Field(ZoneInfo("UTC"), description="Where a calendar day begins.")
    day: Literal["sliding", "calendar"] = Field(
        "sliding", description="Whether quotas of a day slide or begin anew at midnight."
    )

    def policy(self, scope: str, **changes: Any) -> Policy:
        """The policy that these settings make, counting under ``scope``."""
        values: dict[str, Any] = {
            "code_length": self.code_length,
            "code_ttl": self.code_ttl,
            "max_guesses": self.max_guesses,
            "cooldown": self.cooldown,
            "send_quotas": self.send_quotas,
            "guess_budget": self.guess_budget,
            "failure_cap": self.failure_cap,
            "day_zone": self.timezone if self.day == "calendar" else None,
        }
        return Policy(scope, **{**values, **changes})

    def problems(self, shared: Shared) -> list[str]:
        """What cannot work together, one sentence each, beginning with the key to set."""
        found = []
        if self.code_ttl > timedelta(minutes=10):
            found.append("CODE_TTL: a code may live 600 seconds at most (NIST SP 800-63B-4 §3.1.3.2)")
        if self.day == "calendar" and not any(quota.period == DAY for quota in self.send_quotas):
            found.append("DAY: 'calendar' needs a quota per day in SEND_QUOTAS")
        return found


SettingsT = TypeVar("SettingsT", bound=_Settings)


def read(
    config: Mapping[str, Any], flows: Mapping[str, type[FlowSettings]]
) -> tuple[Shared, dict[str, Any], list[str]]:
    """
    Read every ``OTPAUTH_*`` key of ``config``: shared settings, settings by flow, and problems.

    A settings object of which something is wrong is returned with its defaults, so that all
    other problems can be found in the same start-up.
    """
    problems: list[str] = []
    given = {key[len(PREFIX) :]: value for key, value in config.items() if key.startswith(PREFIX)}
    shared = _checked(Shared, "", _taken(given, Shared, ""), problems)
    by_flow: dict[str, Any] = {}
    for name, settings in flows.items():
        prefix = f"{name.upper()}_"
        values = _taken(given, settings, prefix)
        if shared.profile == "hardened":
            values = {**settings.hardened, **values}
        by_flow[name] = _checked(settings, prefix, values, problems)
    problems += _unknown(given, flows)
    problems += [
        f"{PREFIX}FLOWS: {name!r} is not a flow; there are {', '.join(flows)}"
        for name in shared.flows
        if name not in flows
    ]
    for name in set(shared.flows) & set(flows):
        problems += [f"{PREFIX}{name.upper()}_{problem}" for problem in by_flow[name].problems(shared)]
    return shared, by_flow, problems


def _taken(given: dict[str, Any], settings: type[_Settings], prefix: str) -> dict[str, Any]:
    """Take the values of one settings class out of ``given``."""
    names = {f"{prefix}{name.upper()}": name for name in settings.model_fields}
    return {names[key]: given.pop(key) for key in list(given) if key in names}


def _checked(
    settings: type[SettingsT], prefix: str, values: dict[str, Any], problems: list[str]
) -> SettingsT:
    try:
        return settings(**values)
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False, include_context=False):
            name = str(each["loc"][0])
            values.pop(name, None)
            problems.append(f"{PREFIX}{prefix}{name.upper()}: {each['msg'].removeprefix('Value error, ')}")
        return settings(**values)


def _unknown(given: Mapping[str, Any], flows: Mapping[str, type[FlowSettings]]) -> list[str]:
    known = [name.upper() for name in Shared.model_fields]
    known += [f"{flow.upper()}_{name.upper()}" for flow, each in flows.items() for name in each.model_fields]
    problems = []
    for key in given:
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
        problems.append(f"{PREFIX}{key}: unknown setting{hint}")
    return problems
