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
    from flask_otpauth.engine.orders import Order
    from flask_otpauth.engine.phone_codes import Holder
    from flask_otpauth.engine.sessions import Tokens
    from flask_otpauth.engine.unlocking import Forgotten, Unlocked
    from flask_otpauth.engine.user_sessions import OpenSession
    from flask_otpauth.extension import OtpAuth
else:
    # PEP 562. Flask imports flask_otpauth.cli for every command of the host: the extension, and
    # the libraries below it, are loaded when they are used.
    _LOADED_LATER = {
        "Credentials": "engine.clients",
        "Forgotten": "engine.unlocking",
        "Holder": "engine.phone_codes",
        "OpenSession": "engine.user_sessions",
        "Order": "engine.orders",
        "OtpAuth": "extension",
        "Outcome": "engine.host_codes",
        "Sent": "engine.host_codes",
        "Tokens": "engine.sessions",
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
    "Holder",
    "Limited",
    "OpenSession",
    "Order",
    "OtpAuth",
    "OtpAuthError",
    "Outcome",
    "Refusal",
    "SendFailed",
    "Sent",
    "StorageUnavailable",
    "Tokens",
    "Unlocked",
]
