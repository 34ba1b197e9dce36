"""One-time-code authentication for Flask: five documented APIs, each a blueprint."""

from __future__ import annotations

import typing

from flask_otpauth.core.errors import (
    ConfigurationError,
    Limited,
    OtpAuthError,
    Refusal,
    SendFailed,
    StorageUnavailable,
)

if typing.TYPE_CHECKING:
    from flask_otpauth.extension import OtpAuth
else:
    # PEP 562. Flask imports flask_otpauth.cli for every command of the host: the extension, and
    # the libraries below it, are loaded when somebody asks for them.
    def __getattr__(name: str) -> object:
        if name != "OtpAuth":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from flask_otpauth.extension import OtpAuth

        return OtpAuth

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "ConfigurationError",
    "Limited",
    "OtpAuth",
    "OtpAuthError",
    "Refusal",
    "SendFailed",
    "StorageUnavailable",
]
