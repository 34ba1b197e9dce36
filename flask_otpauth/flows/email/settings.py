"""The settings of the flow ``email``."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field, StrictBool

from flask_otpauth.core.policies import Quota
from flask_otpauth.engine.sessions import SessionPolicy
from flask_otpauth.settings import Duration, Lifetime, Quotas, Shared, UrlPath, WritingSettings

PURPOSE = "email"


class EmailSettings(WritingSettings):
    """The settings of the flow ``email``."""

    host_channels: ClassVar = ("email",)
    hardened: ClassVar = {
        "failure_cap": 100,
        "http_status": "semantic",
        "session_max_age": timedelta(days=30),
    }

    url_prefix: UrlPath = Field("/apis/auth", description="URL prefix of the flow's paths.")
    envelope: object = Field("email", description="The wire format.")
    send_quotas: Quotas = Field(
        (Quota.parse("5 per 15 minutes"), Quota.parse("20 per day")),
        description="How many codes can be sent to one address in a period.",
    )
    error_codes: Literal["examples", "table"] = Field(
        "examples", description="Use the error codes of the document's examples, or those of its table."
    )
    http_status: Literal["always_200", "semantic"] = Field(
        "always_200",
        description="HTTP status of business errors: 200 as documented, or one that says what happened.",
    )
    create_user: Literal["on_verify", "on_request", False] = Field(
        "on_verify", description="When to create a user for an address that has none. `False`: never."
    )
    code_in_subject: StrictBool = Field(True, description="Show the code in the subject of the mail.")
    single_session: StrictBool = Field(True, description="A login ends the user's other sessions.")
    access_token_ttl: Lifetime = Field(timedelta(hours=24), description="How long an access token is valid.")
    refresh_token_ttl: Lifetime = Field(timedelta(days=30), description="How long a refresh token is valid.")
    refresh_grace: Duration = Field(
        timedelta(seconds=10), description="How long a used refresh token returns the same new tokens again."
    )
    session_max_age: Lifetime = Field(
        timedelta(days=180), description="Maximum duration of a session, however often it is refreshed."
    )

    def session_policy(self) -> SessionPolicy:
        """Return how long tokens and sessions are valid."""
        return SessionPolicy(
            self.access_token_ttl,
            self.refresh_token_ttl,
            self.refresh_grace,
            self.session_max_age,
            self.single_session,
        )

    def problems(self, shared: Shared) -> list[str]:
        """Return a sentence for each conflict between settings."""
        found = super().problems(shared)
        if self.create_user is False and shared.delivery == "inline":
            found.append(
                "CREATE_USER: False cannot be used with OTPAUTH_DELIVERY = 'inline', because the "
                "response time "
                "would reveal which addresses have an account"
            )
        return found
