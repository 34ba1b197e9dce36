"""The settings of the flow ``account``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StrictBool

from flask_otpauth.core.challenges import is_digits
from flask_otpauth.core.failures import FailurePolicy
from flask_otpauth.core.instants import DAY, milliseconds
from flask_otpauth.core.policies import Policy, Quota
from flask_otpauth.settings import Count, Period, Region, Shared, Strings, UrlPath, WorkflowSettings

CHANNELS = ("email", "sms", "whatsapp")


class AccountSettings(WorkflowSettings):
    """The settings of the flow ``account``: PIN, password, and the codes that reset them."""

    documented_language: ClassVar = "en"
    hardened: ClassVar = {
        "failure_cap": 100,
        "day": "sliding",
        "echo_otp": False,
        "pin_blocklist": "common",
        "unblocks_per_day": 3,
        "limit_resets_per_day": 3,
    }

    url_prefix: UrlPath = Field("/api", description="URL prefix of the flow's paths.")
    envelope: object = Field("account", description="The wire format.")
    timezone: ZoneInfo = Field(
        ZoneInfo("Asia/Jakarta"), description="Time zone in which a calendar day starts."
    )
    day: Literal["sliding", "calendar"] = Field(
        "calendar",
        description="Whether a quota per day covers any 24 hours (`sliding`) or starts again at midnight "
        "(`calendar`).",
    )
    failure_cap: Count | None = Field(
        None,
        description="Maximum wrong codes, PINs or passwords in a row, over any number of codes, windows, "
        "unblocks and resets. After that, only `flask otpauth unlock` helps. `None`: no cap.",
    )
    otp_daily_limit: Count = Field(5, description="Maximum codes per customer and purpose in a day.")
    echo_otp: StrictBool = Field(True, description="Return the code in the response, as documented.")
    region: Region = Field("ID", description="Region of national phone numbers.")
    channels: Strings = Field(CHANNELS, description="Allowed values of `type`. Each channel needs a sender.")
    templates: dict[str, str] = Field(
        {"code": "code"}, description="Allowed values of `template_code`, each with the name of its template."
    )
    pin_max_failures: Count = Field(3, description="Number of wrong PINs after which the PIN is blocked.")
    pin_failure_window: Period = Field(
        timedelta(seconds=604_800),
        description="Time after the last wrong PIN until the count returns to zero.",
    )
    pin_block_ttl: Period | None = Field(
        None, description="How long a PIN stays blocked. `None`: until it is unblocked or reset."
    )
    pin_blocklist: Literal["common"] | tuple[str, ...] | None = Field(
        None, description="PINs that are not allowed: `'common'`, or a list of PINs."
    )
    password_max_failures: Count = Field(
        10, description="Number of wrong passwords in a row after which password checks are locked."
    )
    password_lock: Period = Field(
        timedelta(minutes=15),
        description="Duration of the first lock of password checks. Each further lock is twice as long.",
    )
    password_lock_max: Period = Field(
        timedelta(hours=24), description="Maximum duration of a lock of password checks."
    )
    notify_changes: StrictBool = Field(
        True, description="Send the customer an e-mail when a PIN is reset or a password is changed."
    )
    unblocks_per_day: Count | None = Field(
        None, description="Maximum PIN unblocks per customer in any 24 hours. `None`: no limit."
    )
    limit_resets_per_day: Count | None = Field(
        None, description="Maximum quota resets per customer in any 24 hours. `None`: no limit."
    )

    def first_channels(self) -> tuple[str, ...]:
        """Return the channels on which a workflow may begin: those to a phone that a client may ask for."""
        return tuple(channel for channel in self.channels if channel != "email")

    def policy(self, scope: str) -> Policy:
        """Return the policy of codes. It has the quota per day, which is a setting of its own."""
        quotas = (*self.send_quotas, Quota(self.otp_daily_limit, DAY))
        return replace(super().policy(scope), send_quotas=quotas)

    def pin_failures(self) -> FailurePolicy:
        """Return when a PIN is blocked."""
        ttl = None if self.pin_block_ttl is None else milliseconds(self.pin_block_ttl)
        window = milliseconds(self.pin_failure_window)
        return FailurePolicy(self.pin_max_failures, window, ttl, ttl, self.failure_cap)

    def password_failures(self) -> FailurePolicy:
        """Return when password checks are locked."""
        return FailurePolicy(
            self.password_max_failures,
            block_ms=milliseconds(self.password_lock),
            longest_block_ms=milliseconds(self.password_lock_max),
            cap=self.failure_cap,
        )

    def problems(self, shared: Shared) -> list[str]:
        """Return a sentence for each conflict between settings."""
        found = super().problems(shared)
        if set(self.channels) - set(CHANNELS):
            found.append(f"CHANNELS: expected a list of {', '.join(CHANNELS)}")
        if not isinstance(self.pin_blocklist, str) and not _are_pins(self.pin_blocklist or ()):
            found.append("PIN_BLOCKLIST: expected strings of 6 digits")
        return found


def _are_pins(pins: Collection[str]) -> bool:
    return all(is_digits(pin, 6) for pin in pins)
