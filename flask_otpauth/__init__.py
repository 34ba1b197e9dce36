"""One-time-code authentication for Flask: five documented APIs, each a blueprint."""

from __future__ import annotations

from flask_otpauth.core.errors import (
    ConfigurationError,
    Limited,
    OtpAuthError,
    Refusal,
    SendFailed,
    StorageUnavailable,
)
from flask_otpauth.extension import OtpAuth

__all__ = [
    "ConfigurationError",
    "Limited",
    "OtpAuth",
    "OtpAuthError",
    "Refusal",
    "SendFailed",
    "StorageUnavailable",
]
