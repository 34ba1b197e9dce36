"""The settings of the flow ``flashcall``."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, StrictBool

from flask_otpauth.core.codes import is_digits
from flask_otpauth.core.limits import Quota
from flask_otpauth.core.time_units import DAY
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
    """The keys of the flash call flow."""

    hardened: ClassVar = {"failure_cap": 100, "echo_code": False, "auth_post": True, "auth_get": False}

    url_prefix: UrlPath = Field("/v1", description="Where the flow's paths begin.")
    envelope: Any = Field("flashcall", description="The wire format.")
    code_length: CodeLength = Field(4, description="Digits of a code.")
    max_guesses: Count = Field(3, description="Wrong guesses that kill an order.")
    send_quotas: Quotas = Field(
        (Quota.parse("5 per 10 minutes"), Quota.parse("10 per day")),
        description="How many orders a phone gets, over all applications.",
    )
    guess_budget: QuotaText = Field(
        Quota(6, DAY), description="Wrong guesses of a phone over all its orders; then it is locked."
    )
    prefixes: Strings = Field(("7487260",), description="Beginnings of number A; the code is its end.")
    region: Region = Field("RU", description="Region of the phones that are called.")
    daily_cap: LargeCount | None = Field(
        None, description="Orders of one application in a UTC day; `None`: no cap."
    )
    echo_code: StrictBool = Field(True, description="Whether `code.value` is ever shown, as documented.")
    auth_get: StrictBool = Field(True, description="Whether `GET /auth/{order_id}/{order_code}` redeems.")
    auth_post: StrictBool = Field(False, description="Whether `POST /auth` redeems as well.")
    mask_logs: StrictBool = Field(
        True, description="Whether the code is masked in the paths that werkzeug and gunicorn log."
    )

    def problems(self, shared: Shared) -> list[str]:
        """What cannot work together."""
        found = super().problems(shared)
        if not self.prefixes or not all(is_digits(prefix, 1, 14) for prefix in self.prefixes):
            found.append("PREFIXES: give at least one string of digits")
        if not (self.auth_get or self.auth_post):
            found.append("AUTH_POST: with AUTH_GET off as well, no order could be redeemed")
        return found
