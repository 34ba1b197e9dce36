"""The settings of the flow ``flashcall``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, StrictBool

from flask_otpauth.core.challenges import is_digits
from flask_otpauth.core.instants import DAY
from flask_otpauth.core.policies import Quota
from flask_otpauth.settings import (
    CodeLength,
    Count,
    FlowSettings,
    LargeCount,
    Quotas,
    QuotaText,
    Region,
    Shared,
    Strings,
    UrlPath,
)

PURPOSE = "flashcall"


class FlashcallSettings(FlowSettings):
    """The settings of the flow ``flashcall``."""

    hardened: ClassVar = {"failure_cap": 100, "echo_code": False, "auth_post": True, "auth_get": False}

    url_prefix: UrlPath = Field("/v1", description="URL prefix of the flow's paths.")
    envelope: object = Field("flashcall", description="The wire format.")
    code_length: CodeLength = Field(4, description="Number of digits in a code.")
    max_guesses: Count = Field(3, description="Maximum wrong guesses per order.")
    send_quotas: Quotas = Field(
        (Quota.parse("5 per 10 minutes"), Quota.parse("10 per day")),
        description="How many orders can be made for one phone in a period, over all applications.",
    )
    guess_budget: QuotaText = Field(
        Quota(6, DAY),
        description="Maximum wrong guesses per phone over all its orders. After that, the phone is locked.",
    )
    prefixes: Strings = Field(
        ("7487260",), description="First digits of number A. Its last digits are the code."
    )
    region: Region = Field("RU", description="Region of the phone numbers that are called.")
    daily_cap: LargeCount | None = Field(
        None, description="Maximum orders per application in a UTC day. `None`: no cap."
    )
    echo_code: StrictBool = Field(
        True, description="Return `code.value` if a request asks for it, as documented."
    )
    auth_get: StrictBool = Field(True, description="Serve `GET /auth/{order_id}/{order_code}`.")
    auth_post: StrictBool = Field(False, description="Serve `POST /auth`.")
    mask_logs: StrictBool = Field(True, description="Mask the code in paths that Werkzeug and Gunicorn log.")

    def problems(self, shared: Shared) -> list[str]:
        """Return a sentence for each conflict between settings."""
        found = super().problems(shared)
        if not self.prefixes or not all(is_digits(prefix, 1, 14) for prefix in self.prefixes):
            found.append("PREFIXES: expected at least one string of digits")
        if not (self.auth_get or self.auth_post):
            found.append("AUTH_POST: must be True if AUTH_GET is False, or no order can be redeemed")
        return found
