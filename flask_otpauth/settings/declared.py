"""
The keys that are shared by all flows, and those that every flow has.

The field ``code_ttl`` of the flow ``email`` is the key ``OTPAUTH_EMAIL_CODE_TTL``. The type of a
field decides which values the key accepts. The description of a field is its documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from flask_otpauth.core import workflows
from flask_otpauth.core.instants import DAY
from flask_otpauth.core.locales import preferences
from flask_otpauth.core.policies import Policy, Quota
from flask_otpauth.settings.values import (
    Accepts,
    Brand,
    CodeLength,
    Count,
    Duration,
    FlowNames,
    Hook,
    Language,
    Period,
    Providers,
    Quotas,
    QuotaText,
    Region,
    Routes,
    SchemaName,
    SecretBytes,
    SecretBytesList,
    Senders,
    TablePrefix,
    TemplateIds,
    TestIdentities,
    UrlPath,
    Workflow,
)

PREFIX = "OTPAUTH_"

#: A code must not be valid for longer (NIST SP 800-63B-4 §3.1.3.2, OWASP ASVS 5.0 6.5.5).
LONGEST_CODE_TTL = timedelta(minutes=10)

Limits = Annotated[
    dict[str, str | None], Accepts("a dict of limits such as {'email.request-otp': '100 per hour'}")
]
EngineOptions = Annotated[dict[str, Any], Accepts("a dict of options such as {'pool_size': 10}")]
JwtKeys = Annotated[tuple[dict[str, str], ...], Accepts("a list of dicts with 'kid', 'alg' and 'key'")]


class Settings(BaseModel):
    """The base class of all settings. Each field is a key."""

    # An app has only some of the flows, so pydantic builds a model when it is first used, not at the import.
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)

    #: The defaults that ``OTPAUTH_PROFILE = "hardened"`` changes. A configured key takes precedence.
    hardened: ClassVar[Mapping[str, object]] = {}

    @classmethod
    def fields_by_key(cls) -> dict[str, str]:
        """
        Return the name of each field by its key, without the prefix.

        A field ends with an underscore if pydantic has another meaning for its name.
        """
        return {name.rstrip("_").upper(): name for name in cls.model_fields}


class Shared(Settings):
    """The keys that are shared by all flows."""

    flows: FlowNames = Field(
        ("email",),
        description="The flows to register: `email`, `sms`, `flashcall`, `voice`, `account`, and flows of "
        "your own, each as an object or as `package.module:attribute`.",
    )
    profile: Literal["documented", "hardened"] = Field(
        "documented",
        description="`hardened` replaces the weak defaults of the documented APIs. A setting that you set "
        "yourself takes precedence over the profile.",
    )
    senders: Senders = Field(
        {},
        description="The sender for each channel (`email`, `sms`, `whatsapp`, `voice`, `flashcall`): a name "
        "(`mail`, `console`, `memory`, or one of `OTPAUTH_PROVIDERS`), a declaration as in "
        "`OTPAUTH_PROVIDERS`, a dotted path, an instance, or a list of these, which "
        "are tried in order. Merged over `{'email': 'mail'}`. In debug mode, a channel without a "
        "sender uses `console`.",
    )
    providers: Providers = Field(
        {},
        description="Senders by a name of your choice, for `OTPAUTH_SENDERS` and `OTPAUTH_ROUTES`. Each is a "
        "declaration, a dotted path or an instance. A declaration is a dict with the name of a `profile`, or "
        "with the `url` of an HTTP API. Its key `receipts` says how the provider signs its reports, such as "
        "`{'scheme': 'twilio', 'token': '…'}`.",
        repr=False,
    )
    routes: Routes = Field(
        {},
        description="Which senders get which messages, such as `{('sms',): ('a', 'b'), ('sms', '84'): ('c', "
        "'a'), ('sms', '84', 'client'): ('c',)}`: a channel, a calling code (`*`: all countries, and e-mail) "
        "and the id of a client, and the names of senders (those of `OTPAUTH_PROVIDERS`, and `mail`, "
        "`console`, `memory`), which are tried in order. The most specific route applies, and goes before "
        "`OTPAUTH_SENDERS`.",
    )
    circuit_failures: Count = Field(
        5,
        description="This many failures of a provider in a row let its sender rest, if a route has another "
        "one.",
    )
    circuit_window: Period = Field(
        timedelta(minutes=5),
        description="The failures of a sender count for so long after the last one, at most a day.",
    )
    circuit_rest: Period = Field(
        timedelta(seconds=30),
        description="How long a sender rests. Then one message probes it. Each further rest is twice as "
        "long.",
    )
    circuit_longest_rest: Period = Field(
        timedelta(minutes=10), description="The longest rest of a sender, at most a day."
    )
    test_identities: TestIdentities = Field(
        {},
        description="Addresses that get a fixed code and no message, such as for a review of your app. "
        "`code` has as many digits as the longest code of your flows, and a flow with shorter codes takes "
        "its end. `until` is the last day (UTC), at most a year away.",
        repr=False,
    )
    is_privileged: Hook | None = Field(
        None,
        description="A callable that gets a user and returns whether the user is privileged, such as an "
        "administrator. A privileged user gets ordinary codes, even as a test identity.",
    )
    delivery: object = Field(
        "inline",
        description="When messages are sent: `inline` (before the response, so that the response can report "
        "a failure), `thread` (after the response), `celery` (after the response, in a worker of your Celery "
        "app), a dotted path or an instance.",
    )
    storage: object = Field(
        "sqlalchemy",
        description="Where codes are stored: `sqlalchemy`, `memory` (one process only; users are stored "
        "there too if no database is configured), a dotted path or an instance.",
    )
    database_uri: str | None = Field(
        None,
        description="A separate database for the extension. A relative SQLite path is relative to the "
        "instance folder. Default: the engine of your Flask-SQLAlchemy. Without "
        "Flask-SQLAlchemy: a SQLite file in the instance folder.",
        repr=False,
    )
    bind_key: str | None = Field(
        None,
        description="The key in `SQLALCHEMY_BINDS` of the database for the extension. Default: the default "
        "database of your Flask-SQLAlchemy.",
    )
    engine_options: EngineOptions = Field(
        {},
        description="Options of SQLAlchemy's `create_engine` for that database, such as `{'pool_size': 10, "
        "'connect_args': {'connect_timeout': 3}}`. Merged over `{'pool_pre_ping': True}` and, "
        "with psycopg, over `{'connect_args': {'prepare_threshold': None}}`. For the engine of "
        "your Flask-SQLAlchemy, set `SQLALCHEMY_ENGINE_OPTIONS`.",
        repr=False,
    )
    table_prefix: TablePrefix = Field(
        "otpauth_",
        description="What the names of the tables begin with, and those of their indexes after `ix_`. Keep "
        "it once there are tables: with another prefix, the app needs new ones, which are empty.",
    )
    schema_: SchemaName | None = Field(
        None,
        description="Schema of the tables, which must exist. On MariaDB and MySQL, it is another database. "
        "SQLite has no schemas. Default: the schema of the `MetaData` of your Flask-SQLAlchemy, or else the "
        "default schema of the connection.",
    )
    users: object = Field(
        None,
        description="Where users are stored: a directory, or a model with `UserMixin`, as an object or a "
        "dotted path. Default: the packaged table.",
    )
    brand: Brand | None = Field(
        None, description="The name of your app in messages. Default: the name of the Flask object."
    )
    template_ids: TemplateIds = Field(
        {},
        description="The names under which a provider or an operator knows your templates, by channel, "
        "template and language: `{('sms', 'code', 'vi'): '1207161234567'}`. A sender finds the name in "
        "`message.template_id`.",
    )
    language: Language | None = Field(
        None,
        description="Language of messages and responses if a request names none, for each flow that does not "
        "set its own: `'de'`, or `'flask_babel:get_locale'`. Default: the language of the flow's "
        "document.",
    )
    phone_region: Region | None = Field(
        None, description="Region of national phone numbers in `users.create` and `codes.send`."
    )
    secret_keys: SecretBytesList | None = Field(
        None,
        description="Secrets from which all keys are derived, newest first. Default: `SECRET_KEY` and "
        "`SECRET_KEY_FALLBACKS`.",
        repr=False,
    )
    subject_key: SecretBytes | None = Field(
        None,
        description="Secret from which row keys are derived. Keep it when you rotate secrets, or all quotas, "
        "locks and PINs are reset. Default: your secret. If you have several, the one that was in use when "
        "`create_all` or `init-db` made the tables. If the database does not show which one that is, the "
        "app does not start.",
        repr=False,
    )
    dev_inbox: StrictBool = Field(
        False,
        description="In debug mode, show messages at `/otpauth/inbox` instead of sending them, on each "
        "channel that `OTPAUTH_SENDERS` and `OTPAUTH_ROUTES` do not name. Outside of debug mode, the app "
        "does not start.",
    )
    allow_weak_keys: StrictBool = Field(
        False,
        description="Accept secrets shorter than 32 bytes and published sample keys, even outside of debug "
        "mode and tests.",
    )
    ip_limits: Limits | None = Field(
        {},
        description="Rate limits, by path (`email.request-otp`), by flow, or by class of paths (`send`, "
        "`redeem`, `token`, `client`, `authentication`). Merged over the defaults. A value of "
        "`None` removes one limit. `None` instead of the dict turns off all rate limits.",
    )
    clock: Hook | None = Field(
        None,
        description="A callable that returns the current time as an aware datetime. Default: the system "
        "clock.",
    )
    hash_concurrency: Count = Field(
        4, description="Maximum number of memory-hard hashes computed at the same time in one process."
    )
    hash_wait: Duration = Field(
        timedelta(seconds=2),
        description="How long a request waits for a free hashing slot before it gets a 503.",
    )
    jwt_issuer: str = Field("flask_otpauth", description="The `iss` claim of tokens.")
    jwt_audience: str | None = Field(
        None, description="The `aud` claim of tokens. Default: the import name of the app."
    )
    jwt_keys: JwtKeys | None = Field(
        None,
        description="Asymmetric keys for access tokens, newest first: `{'kid', 'alg', 'key'}` (PEM; `alg` is "
        "RS256, ES256 or EdDSA). A key with `public_key` instead of `key` only verifies. "
        "Default: HS256 with derived keys.",
        repr=False,
    )


class FlowSettings(Settings):
    """The keys that every flow has. A flow can change their defaults, and adds its own keys."""

    #: The channels on which ``otpauth.codes`` sends by these settings, even if the flow is not registered.
    host_channels: ClassVar[tuple[str, ...]] = ()

    url_prefix: UrlPath = Field(..., description="URL prefix of the flow's paths.")
    envelope: object = Field(
        ...,
        description="The wire format: the name of a packaged envelope, a dotted path or an instance.",
    )
    code_length: CodeLength = Field(6, description="Number of digits in a code.")
    code_ttl: Period = Field(timedelta(seconds=300), description="How long a code is valid.")
    max_guesses: Count = Field(5, description="Maximum wrong guesses per code.")
    cooldown: Duration = Field(
        timedelta(0), description="Minimum time between two codes to the same subject."
    )
    send_quotas: Quotas = Field((), description="How many codes can be sent to one subject in a period.")
    guess_budget: QuotaText = Field(
        Quota(15, DAY),
        description="Maximum wrong guesses per subject over all its codes. After that, the subject is "
        "locked.",
    )
    failure_cap: Count | None = Field(
        None,
        description="Maximum wrong guesses in a row, over any number of codes. After that, only `flask "
        "otpauth unlock` helps. `None`: no cap.",
    )
    timezone: ZoneInfo = Field(ZoneInfo("UTC"), description="Time zone in which a calendar day starts.")
    day: Literal["sliding", "calendar"] = Field(
        "sliding",
        description="Whether a quota per day covers any 24 hours (`sliding`) or starts again at midnight "
        "(`calendar`).",
    )

    def policy(self, scope: str) -> Policy:
        """Return the policy of these settings, whose limits count under ``scope``."""
        return Policy(
            scope,
            code_length=self.code_length,
            code_ttl=self.code_ttl,
            max_guesses=self.max_guesses,
            cooldown=self.cooldown,
            send_quotas=self.send_quotas,
            guess_budget=self.guess_budget,
            failure_cap=self.failure_cap,
            day_zone=self.timezone if self.day == "calendar" else None,
        )

    def weakest_policy(self) -> Policy | None:
        """Return the policy whose codes are easiest to guess. ``None``: the flow judges no guesses."""
        return self.policy("")

    def code_problems(self) -> list[str]:
        """Return what is wrong with the codes of these settings, one sentence each."""
        if self.code_ttl > LONGEST_CODE_TTL:
            return ["CODE_TTL: must not exceed 600 seconds (NIST SP 800-63B-4 §3.1.3.2)"]
        return []

    def problems(self, shared: Shared) -> list[str]:
        """Return a sentence for each problem, which begins with the key to set (without the prefix)."""
        found = self.code_problems()
        if self.day == "calendar" and not any(quota.period == DAY for quota in self.policy("").send_quotas):
            found.append("DAY: 'calendar' requires a quota per day in SEND_QUOTAS")
        return found


class WritingSettings(FlowSettings):
    """The keys of a flow that sends texts. The message of a flash call is only a number."""

    documented_language: ClassVar[str] = "vi"

    language: Language | None = Field(
        None,
        description="Language if a request names none. Default: `OTPAUTH_LANGUAGE`, then the language of the "
        "flow's document.",
    )

    def languages(self, wanted: str | None = None) -> tuple[str, ...]:
        """Return the languages that are suitable for a request for ``wanted``, best first."""
        return preferences(wanted, self.language, self.documented_language)


class WorkflowSettings(WritingSettings):
    """The keys of a flow whose code can go over several channels, one after the other."""

    workflow: Workflow = Field(
        (),
        description="Several channels for one code, such as `('sms 40s', 'whatsapp 40s', 'voice')`: the next "
        "step is sent after the time of the step before it, or at once if that one has certainly failed, "
        "until the code is used. Each channel needs a sender. It applies to codes that are requested on the "
        "channel of the first step. Default: no workflow.",
    )

    @property
    def workflow_channels(self) -> tuple[str, ...]:
        """Return the channels that the workflow sends on."""
        return tuple(step.channel for step in self.workflow)

    def first_channels(self) -> tuple[str, ...]:
        """Return the channels on which a workflow may begin."""
        return ("sms",)

    def policy(self, scope: str) -> Policy:
        """Return the policy of these settings, whose limits count under ``scope``."""
        return replace(super().policy(scope), workflow=self.workflow)

    def code_problems(self) -> list[str]:
        """Return what is wrong with the codes of these settings, one sentence each."""
        found = workflows.problems(self.workflow, self.code_ttl, self.first_channels())
        return [*super().code_problems(), *(f"WORKFLOW: {problem}" for problem in found)]
