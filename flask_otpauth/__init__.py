"""One-time-code authentication for Flask: five documented APIs, each a blueprint."""

from __future__ import annotations

import typing
from importlib import import_module

from flask_otpauth.core.errors import (
    ConfigurationError,
    Limited,
    OtpAuthError,
    Refusal,
    SendFailed,
    StorageUnavailable,
)

if typing.TYPE_CHECKING:
    from flask_otpauth.engine.clients import Credentials
    from flask_otpauth.engine.host_codes import Outcome, Sent
    from flask_otpauth.engine.unlocking import Forgotten, Unlocked
    from flask_otpauth.extension import OtpAuth
else:
    # PEP 562. Flask imports flask_otpauth.cli for every command of the host: the extension, and
    # the libraries below it, are loaded when somebody asks for them.
    _LOADED_LATER = {
        "Credentials": "engine.clients",
        "Forgotten": "engine.unlocking",
        "OtpAuth": "extension",
        "Outcome": "engine.host_codes",
        "Sent": "engine.host_codes",
        "Unlocked": "engine.unlocking",
    }

    def __getattr__(name: str) -> object:
        if name not in _LOADED_LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_LOADED_LATER[name]}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "ConfigurationError",
    "Credentials",
    "Forgotten",
    "Limited",
    "OtpAuth",
    "OtpAuthError",
    "Outcome",
    "Refusal",
    "SendFailed",
    "Sent",
    "StorageUnavailable",
    "Unlocked",
]
