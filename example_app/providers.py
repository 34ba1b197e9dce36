"""The providers that the app uses for numbers of Japan. All other messages go to the inbox."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from flask import Flask

from example_app.fake_providers import Account
from example_app.journal import Journal

#: The providers, and what they send.
PROVIDERS = {"alpha": "SMS", "beta": "SMS", "bell": "Calls"}
_JAPAN = "81"


def use_providers(app: Flask) -> dict[str, Any]:
    """Return the settings of the providers. Without the extras ``http`` and ``crypto`` there are none."""
    names = tuple(PROVIDERS) if all(map(find_spec, ("httpx2", "cryptography"))) else ()
    account = app.extensions["providers"] = Account(names)
    app.extensions["journal"] = Journal(app, names)
    if not names:
        return {}
    return {
        "OTPAUTH_PROVIDERS": account.declarations(),
        "OTPAUTH_ROUTES": {("sms", _JAPAN): ("alpha", "beta"), ("voice", _JAPAN): ("bell",)},
        # Few failures and short times, so that it can be seen.
        "OTPAUTH_CIRCUIT_FAILURES": 3,
        "OTPAUTH_CIRCUIT_REST": 15,
        "OTPAUTH_SMS_WORKFLOW": ("sms 20s", "voice"),
    }
