"""The settings of the flow ``voice``."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field, StrictBool

from flask_otpauth.core.policies import Policy, Quota
from flask_otpauth.settings import (
    CodeLength,
    Count,
    Duration,
    Lifetime,
    Quotas,
    Region,
    Shared,
    UrlPath,
    WritingSettings,
)

PURPOSE = "voice"


class VoiceSettings(WritingSettings):
    """The settings of the flow ``voice``."""

    hardened: ClassVar = {"failure_cap": 100}

    url_prefix: UrlPath = Field("/api/v1", description="URL prefix of the flow's paths.")
    envelope: object = Field("voice", description="The wire format.")
    send_quotas: Quotas = Field(
        (Quota.parse("5 per 10 minutes"), Quota.parse("10 per day")),
        description="How many calls can be made to one phone in a period.",
    )
    access_token_ttl: Lifetime = Field(
        timedelta(seconds=15_552_000), description="How long a client's access token is valid."
    )
    max_tokens: Count = Field(
        20, description="Maximum access tokens per client. A new token replaces the oldest."
    )
    otp_min_length: CodeLength = Field(4, description="Minimum number of digits in `otp`.")
    otp_max_length: CodeLength = Field(10, description="Maximum number of digits in `otp`.")
    retry_window: Duration = Field(
        timedelta(seconds=10),
        description="How long the same `otp` for the same phone counts as a retry and not as a new call.",
    )
    region: Region = Field("VN", description="Region of national phone numbers.")
    failure_message_key: Literal["message", "messsage"] = Field(
        "message",
        description="Name of the message field in failures. `messsage` is for clients that rely on the "
        "document's typo.",
    )
    verify: StrictBool = Field(False, description="Also generate and verify codes.")

    def weakest_policy(self) -> Policy | None:
        """Return the policy of the shortest code that a client can choose, if codes are verified here."""
        shortest = min(self.code_length, self.otp_min_length)
        return replace(self.policy(""), code_length=shortest) if self.verify else None

    def problems(self, shared: Shared) -> list[str]:
        """Return a sentence for each conflict between settings."""
        found = super().problems(shared)
        if self.otp_min_length > self.otp_max_length:
            found.append("OTP_MIN_LENGTH: must not be greater than OTP_MAX_LENGTH")
        elif self.verify and not self.otp_min_length <= self.code_length <= self.otp_max_length:
            found.append("CODE_LENGTH: must be between OTP_MIN_LENGTH and OTP_MAX_LENGTH if VERIFY is True")
        return found
