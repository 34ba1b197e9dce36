"""The settings of the flow ``sms``."""

from __future__ import annotations

import re
from datetime import timedelta
from string import Formatter
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from flask_otpauth.core.instants import DAY
from flask_otpauth.core.locales import preferences
from flask_otpauth.core.policies import Quota
from flask_otpauth.settings import (
    Duration,
    Hook,
    Lifetime,
    Quotas,
    Shared,
    Strings,
    UrlPath,
    WorkflowSettings,
)

PURPOSE = "sms"

#: Parameters that every call of the published API has. They are required only if the host says so.
SIBLING_FIELDS = ("device_id", "platform", "lang")
_APP_HASH = re.compile("[A-Za-z0-9+/]{11}")
_HOST = re.compile("[a-z0-9-]+([.][a-z0-9-]+)+")


class SmsSettings(WorkflowSettings):
    """The settings of the flow ``sms``."""

    host_channels: ClassVar = ("sms", "whatsapp", "voice", "flashcall")
    hardened: ClassVar = {"failure_cap": 100, "day": "sliding", "http_status": "semantic"}

    url_prefix: UrlPath = Field("/api/auth", description="URL prefix of the flow's paths.")
    envelope: object = Field("sms", description="The wire format.")
    cooldown: Duration = Field(
        timedelta(seconds=90), description="Minimum time between two codes to the same number."
    )
    send_quotas: Quotas = Field(
        (Quota.parse("3 per day"),), description="How many codes can be sent to one number in a period."
    )
    timezone: ZoneInfo = Field(
        ZoneInfo("Asia/Ho_Chi_Minh"), description="Time zone in which a calendar day starts."
    )
    day: Literal["sliding", "calendar"] = Field(
        "calendar",
        description="Whether a quota per day covers any 24 hours (`sliding`) or starts again at midnight "
        "(`calendar`).",
    )
    http_status: Literal["documented", "semantic"] = Field(
        "documented",
        description="HTTP status of business errors: 200 as documented, or one that says what happened.",
    )
    token_path: UrlPath = Field("/oauth/token", description="Absolute path of the token endpoint.")
    token_ttl: Lifetime = Field(timedelta(days=365), description="How long an API token is valid.")
    account_token_ttl: Lifetime = Field(timedelta(days=30), description="How long an account token is valid.")
    unknown_phone: Literal["send", "reject"] = Field(
        "send",
        description="What happens for a number without an account: `send` a code, or `reject` the request "
        "with a 404.",
    )
    required_fields: Strings = Field(
        (), description="Fields that every request must have, out of `device_id`, `platform` and `lang`."
    )
    messages: dict[str, dict[str, str]] = Field(
        {}, description="Translations of responses: `{language: {Vietnamese text: translation}}`."
    )
    captcha: Hook | None = Field(
        None,
        description="A callable `(phone, answer) -> None | dict`, or a dotted path to one. It gets the "
        "`captcha` field of the body as `answer`. It returns `None` if no captcha is needed, or "
        "the data of a captcha that must be answered first.",
    )
    origin: str | None = Field(
        None,
        description="Host name for the origin-bound last line of each SMS with a code, also of the other "
        "flows: `@example.com #123456`. Browsers fill in the code by it.",
    )
    app_hash: str | None = Field(
        None,
        description="The 11 characters by which Android's SMS Retriever finds your app. They are a line of "
        "each SMS with a code, also of the other flows.",
    )

    @property
    def daily(self) -> int | None:
        """Return how many codes a number gets in a day, or ``None`` if there is no quota for a day."""
        return min((quota.count for quota in self.send_quotas if quota.period == DAY), default=None)

    @property
    def catalogs(self) -> dict[str, dict[str, str]]:
        """Return the host's ``messages``, by language in the spelling of file names."""
        return {preferences(language)[0]: texts for language, texts in self.messages.items()}

    def problems(self, shared: Shared) -> list[str]:
        """Return a sentence for each conflict between settings."""
        found = super().problems(shared)
        found += [
            f"MESSAGES: {language!r} is not a valid language"
            for language in self.messages
            if not preferences(language)
        ]
        if self.origin is not None and not _HOST.fullmatch(self.origin):
            found.append("ORIGIN: expected a host name such as example.com")
        if self.app_hash is not None and not _APP_HASH.fullmatch(self.app_hash):
            found.append("APP_HASH: expected the 11 characters of your app such as FA+9qCX9VSu")
        if set(self.required_fields) - set(SIBLING_FIELDS):
            found.append(f"REQUIRED_FIELDS: expected a list of {', '.join(SIBLING_FIELDS)}")
        texts = [text for catalog in self.messages.values() for text in catalog.values()]
        found += [f"MESSAGES: {text!r} has an unknown placeholder" for text in texts if not _known(text)]
        return found


def _known(text: str) -> bool:
    """Return whether a translation has only the placeholders of the Vietnamese texts."""
    try:
        return all(name in (None, "seconds", "daily", "label") for _, name, _, _ in Formatter().parse(text))
    except ValueError:  # a brace that is not closed
        return False
