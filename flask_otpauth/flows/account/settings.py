"""The keys of the account flow."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StrictBool

from flask_otpauth.core.codes import is_digits
from flask_otpauth.core.failures import FailurePolicy
from flask_otpauth.core.limits import Quota
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.time_units import DAY, milliseconds
from flask_otpauth.settings import Count, Period, Region, Shared, Strings, UrlPath, WritingSettings

CHANNELS = ("email", "sms", "whatsapp")


class AccountSettings(WritingSettings):
    """PIN, password, and the codes that reset them."""

    documented_language: ClassVar = "en"
    hardened: ClassVar = {
        "failure_cap": 100,
        "day": "sliding",
        "echo_otp": False,
        "pin_blocklist": "common",
        "unblocks_per_day": 3,
        "limit_resets_per_day": 3,
    }

    url_prefix: UrlPath = Field("/api", description="Where the flow's paths begin.")
    envelope: Any = Field("account", description="The wire format.")
    timezone: ZoneInfo = Field(ZoneInfo("Asia/Jakarta"), description="Where a calendar day begins.")
    day: Literal["sliding", "calendar"] = Field(
        "calendar", description="Whether quotas of a day slide or begin anew at midnight."
    )
    failure_cap: Count | None = Field(
        None,
        description="Wrong codes, PINs or passwords in a row, over any number of codes, windows, "
        "unblocks and resets, after which only `unlock` helps; `None`: no cap.",
    )
    otp_daily_limit: Count = Field(5, description="Codes of a customer and purpose in a day.")
    echo_otp: StrictBool = Field(True, description="Whether the code is in the response, as documented.")
    region: Region = Field("ID", description="Region of national phone numbers.")
    channels: Strings = Field(CHANNELS, description="What `type` may be; each needs a sender.")
    templates: dict[str, str] = Field(
        {"code": "code"}, description="The `template_code`s that are allowed, each with its template's name."
    )
    pin_max_failures: Count = Field(3, description="Wrong PINs that block it.")
    pin_failure_window: Period = Field(
        timedelta(seconds=604_800), description="The count returns to zero so long after the last failure."
    )
    pin_block_ttl: Period | None = Field(
        None, description="How long a block lasts; `None`: until an unblock or a reset."
    )
    pin_blocklist: Literal["common"] | tuple[str, ...] | None = Field(
        None, description="PINs that may not be set: `'common'`, or a collection."
    )
    password_max_failures: Count = Field(
        10, description="Wrong passwords in a row that lock password checks."
    )
    password_lock: Period = Field(
        timedelta(minutes=15),
        description="The first lock of password checks; each further one is twice as long.",
    )
    password_lock_max: Period = Field(timedelta(hours=24), description="The longest lock of password checks.")
    notify_changes: StrictBool = Field(
        True, description="Whether a customer is told by e-mail of a reset PIN or a changed password."
    )
    unblocks_per_day: Count | None = Field(None, description="Unblocks of a customer's PIN in any 24 hours.")
    limit_resets_per_day: Count | None = Field(
        None, description="Resets of a customer's request quota in any 24 hours."
    )

    def policy(self, scope: str, **changes: Any) -> Policy:
        """The policy of the flow's codes: its quota has a key of its own."""
        quotas = (*self.send_quotas, Quota(self.otp_daily_limit, DAY))
        return super().policy(scope, send_quotas=quotas, **changes)

    def pin_failures(self) -> FailurePolicy:
        """When a PIN is blocked."""
        ttl = None if self.pin_block_ttl is None else milliseconds(self.pin_block_ttl)
        window = milliseconds(self.pin_failure_window)
        return FailurePolicy(self.pin_max_failures, window, ttl, ttl, self.failure_cap)

    def password_failures(self) -> FailurePolicy:
        """When password checks are locked."""
        return FailurePolicy(
            self.password_max_failures,
            block_ms=milliseconds(self.password_lock),
            longest_block_ms=milliseconds(self.password_lock_max),
            cap=self.failure_cap,
        )

    def problems(self, shared: Shared) -> list[str]:
        """What cannot work together."""
        found = super().problems(shared)
        if set(self.channels) - set(CHANNELS):
            found.append(f"CHANNELS: may name {', '.join(CHANNELS)}")
        if not isinstance(self.pin_blocklist, str) and not _are_pins(self.pin_blocklist or ()):
            found.append("PIN_BLOCKLIST: give strings of 6 digits")
        return found


def _are_pins(pins: Collection[str]) -> bool:
    return all(is_digits(pin, 6) for pin in pins)
