"""
The keys that are about no flow in particular, and those that every flow has.

A field ``code_ttl`` of the flow ``email`` is the key ``OTPAUTH_EMAIL_CODE_TTL``; its type says
what it takes, its description is its documentation.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StrictBool

from flask_otpauth.core.limits import Quota
from flask_otpauth.core.locales import preferences
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.time_units import DAY
from flask_otpauth.settings.described import Settings
from flask_otpauth.settings.values import (
    Accepts,
    Brand,
    CodeLength,
    Count,
    Duration,
    Hook,
    Language,
    Period,
    Quotas,
    QuotaText,
    Region,
    SecretBytes,
    SecretBytesList,
    Strings,
    UrlPath,
)

#: A code lives no longer than this (NIST SP 800-63B-4 §3.1.3.2, OWASP ASVS 5.0 6.5.5).
LONGEST_CODE_TTL = timedelta(minutes=10)

Senders = Annotated[dict[str, Any], Accepts("a dict of senders by channel")]
Limits = Annotated[
    dict[str, str | None], Accepts("a dict of limits such as {'email.request-otp': '100 per hour'}")
]
EngineOptions = Annotated[dict[str, Any], Accepts("a dict of options such as {'pool_size': 10}")]
JwtKeys = Annotated[tuple[dict[str, str], ...], Accepts("a list of dicts with 'kid', 'alg' and 'key'")]


class Shared(Settings):
    """The keys that are about no flow in particular."""

    flows: Strings = Field(
        ("email",), description="Which flows to register, of `email`, `sms`, `flashcall`, `voice`, `account`."
    )
    profile: Literal["documented", "hardened"] = Field(
        "documented",
        description="`hardened` changes the defaults that the documents leave weak. A key that is set still "
        "wins over the profile.",
    )
    senders: Senders = Field(
        {},
        description="Who sends on each channel (`email`, `sms`, `whatsapp`, `voice`, `flashcall`): a name "
        "(`mail`, `console`, `memory`), a dotted path, an instance, or a list of these, tried in order. "
        "Merged over `{'email': 'mail'}`. In debug mode a channel without a sender gets the console.",
    )
    delivery: Any = Field(
        "inline",
        description="When messages are sent: `inline` (before the answer, so that a failure can be told), "
        "`thread` (behind it), a dotted path or an instance.",
    )
    storage: Any = Field(
        "sqlalchemy",
        description="Where codes live: `sqlalchemy`, `memory` (of one process; users too, where there is "
        "no database), a dotted path or an instance.",
    )
    database_uri: str | None = Field(
        None,
        description="A separate database for the extension; a relative SQLite path begins in the instance "
        "folder. Without it: the engine of the host's Flask-SQLAlchemy; without "
        "that, a SQLite file in the instance folder.",
        repr=False,
    )
    engine_options: EngineOptions = Field(
        {},
        description="What SQLAlchemy's `create_engine` takes for that database, such as "
        "`{'pool_size': 10, 'connect_args': {'connect_timeout': 3}}`; merged over `{'pool_pre_ping': True}` "
        "and, with psycopg, over `{'connect_args': {'prepare_threshold': None}}`. "
        "The host's own engine has `SQLALCHEMY_ENGINE_OPTIONS`.",
        repr=False,
    )
    users: Any = Field(
        None,
        description="Where users are found: a directory, or a model with `UserMixin`, as dotted path or as "
        "object. Without it: the packaged table.",
    )
    brand: Brand | None = Field(
        None, description="What people call the app, for its messages. Without it: the app's name."
    )
    language: Language | None = Field(
        None,
        description="Language of messages and answers where a request asks for none, in each flow that sets "
        "no other: `'de'`, or `'flask_babel:get_locale'`. Without it: the documented one.",
    )
    phone_region: Region | None = Field(
        None, description="Region of national phone numbers in `users.create` and `codes.send`."
    )
    secret_keys: SecretBytesList | None = Field(
        None,
        description="Secrets that all keys are derived from, newest first. Without it: `SECRET_KEY` and "
        "`SECRET_KEY_FALLBACKS`.",
        repr=False,
    )
    subject_key: SecretBytes | None = Field(
        None,
        description="The key of the rows. It must stay when other secrets are rotated, or every quota, lock "
        "and PIN starts anew. Without it: the secret; of several, the one that was in use when "
        "`create_all` or `init-db` made the tables. "
        "If the store does not tell which, the app does not start.",
        repr=False,
    )
    allow_weak_keys: StrictBool = Field(
        False,
        description="Whether secrets of fewer than 32 bytes, and samples that others know, are accepted "
        "outside of debug mode and tests.",
    )
    ip_limits: Limits | None = Field(
        {},
        description="The approximate limits in front, by path (`email.request-otp`), by flow, or by class of "
        "paths (`send`, `redeem`, `token`, `client`, `authentication`); merged over the default. A limit of "
        "`None` is none; instead of the dict, `None` leaves all of it to the host.",
    )
    clock: Hook | None = Field(
        None, description="What returns the time as an aware datetime. Without it: the system's clock."
    )
    hash_concurrency: Count = Field(
        4, description="How many memory-hard hashes may run at a time in one process."
    )
    hash_wait: Duration = Field(
        timedelta(seconds=2), description="How long a hash waits for its place before a 503."
    )
    jwt_issuer: str = Field("flask_otpauth", description="`iss` of the tokens.")
    jwt_audience: str | None = Field(
        None, description="`aud` of the tokens. Without it: the app's import name."
    )
    jwt_keys: JwtKeys | None = Field(
        None,
        description="Asymmetric keys for access tokens, newest first: `{'kid', 'alg', 'key'}` (PEM; `alg` "
        "RS256, ES256 or EdDSA). One with `public_key` in place of `key` only verifies. Without it: HS256 "
        "with derived keys.",
        repr=False,
    )


class FlowSettings(Settings):
    """
    The keys that every flow has; a flow sets their defaults and adds its own.

    ``host_channels`` are those on which ``otpauth.codes`` sends by these settings, whether the flow is
    registered or not.
    """

    host_channels: ClassVar[tuple[str, ...]] = ()

    url_prefix: UrlPath = Field(..., description="Where the flow's paths begin.")
    envelope: Any = Field(
        ...,
        description="The wire format: the name of a packaged envelope, `package.module:attribute`, or an "
        "instance.",
    )
    code_length: CodeLength = Field(6, description="Digits of a code.")
    code_ttl: Period = Field(timedelta(seconds=300), description="How long a code lives.")
    max_guesses: Count = Field(5, description="Wrong guesses that kill a code.")
    cooldown: Duration = Field(timedelta(0), description="The least time between two codes of a subject.")
    send_quotas: Quotas = Field((), description="How many codes a subject gets.")
    guess_budget: QuotaText = Field(
        Quota(15, DAY), description="Wrong guesses of a subject over all its codes; then it is locked."
    )
    failure_cap: Count | None = Field(
        None,
        description="Wrong guesses in a row, over any number of codes, after which only `unlock` helps; "
        "`None`: no cap.",
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

    def weakest_policy(self) -> Policy | None:
        """The policy that leaves most to a guesser; ``None`` where no guess is judged."""
        return self.policy("")

    def code_problems(self) -> list[str]:
        """What is wrong with codes that are issued by these settings, whoever issues them."""
        if self.code_ttl > LONGEST_CODE_TTL:
            return ["CODE_TTL: a code may live 600 seconds at most (NIST SP 800-63B-4 §3.1.3.2)"]
        return []

    def problems(self, shared: Shared) -> list[str]:
        """What cannot work together, one sentence each, beginning with the key to set."""
        found = self.code_problems()
        if self.day == "calendar" and not any(quota.period == DAY for quota in self.policy("").send_quotas):
            found.append("DAY: 'calendar' needs a quota per day in SEND_QUOTAS")
        return found


class WritingSettings(FlowSettings):
    """The keys of a flow that writes messages: every one but the flash call, whose message is a number."""

    documented_language: ClassVar[str] = "vi"

    language: Language | None = Field(
        None,
        description="Language where a request asks for none. Without it: `OTPAUTH_LANGUAGE`, else the "
        "documented one.",
    )

    def languages(self, wanted: str | None = None) -> tuple[str, ...]:
        """The languages that would do, the best first, for somebody who asks for ``wanted``."""
        return preferences(wanted, self.language, self.documented_language)
