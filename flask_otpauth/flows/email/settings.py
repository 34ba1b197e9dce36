"""The settings of the flow ``email``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field, StrictBool

from flask_otpauth.core.limits import Quota
from flask_otpauth.engine.sessions import SessionPolicy
from flask_otpauth.settings import Duration, Lifetime, Quotas, Shared, UrlPath, WritingSettings

PURPOSE = "email"


class EmailSettings(WritingSettings):
    """The keys of the e-mail flow."""

    host_channels: ClassVar = ("email",)
    hardened: ClassVar = {
        "failure_cap": 100,
        "http_status": "semantic",
        "session_max_age": timedelta(days=30),
    }

    url_prefix: UrlPath = Field("/apis/auth", description="Where the flow's paths begin.")
    envelope: Any = Field("email", description="The wire format.")
    send_quotas: Quotas = Field(
        (Quota.parse("5 per 15 minutes"), Quota.parse("20 per day")),
        description="How many codes an address gets.",
    )
    error_codes: Literal["examples", "table"] = Field(
        "examples", description="Whether errors carry the codes of the document's examples or of its table."
    )
    http_status: Literal["always_200", "semantic"] = Field(
        "always_200", description="Whether business errors are HTTP 200, as documented."
    )
    create_user: Literal["on_verify", "on_request", False] = Field(
        "on_verify", description="When an address without an account gets one; `False`: never."
    )
    code_in_subject: StrictBool = Field(True, description="Whether the mail's subject shows the code.")
    single_session: StrictBool = Field(True, description="Whether a login revokes the user's earlier tokens.")
    access_token_ttl: Lifetime = Field(timedelta(hours=24), description="How long an access token lives.")
    refresh_token_ttl: Lifetime = Field(timedelta(days=30), description="How long a refresh token lives.")
    refresh_grace: Duration = Field(
        timedelta(seconds=10), description="How long a spent refresh token gets the same successor again."
    )
    session_max_age: Lifetime = Field(
        timedelta(days=180), description="When a session ends, however often it was refreshed."
    )

    def session_policy(self) -> SessionPolicy:
        """How long the tokens and sessions of this flow live."""
        return SessionPolicy(
            self.access_token_ttl,
            self.refresh_token_ttl,
            self.refresh_grace,
            self.session_max_age,
            self.single_session,
        )

    def problems(self, shared: Shared) -> list[str]:
        """What cannot work together."""
        found = super().problems(shared)
        if self.create_user is False and shared.delivery == "inline":
            found.append(
                "CREATE_USER: False needs OTPAUTH_DELIVERY other than 'inline', since the time of a mail "
                "server would tell which addresses have an account"
            )
        return found
