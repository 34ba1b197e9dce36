"""How the providers in ``OTPAUTH_PROVIDERS`` sign their reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from flask_otpauth.adapters.receipts.plivo import PlivoReports
from flask_otpauth.adapters.receipts.standard_webhooks import StandardWebhooks
from flask_otpauth.adapters.receipts.twilio import TwilioReports
from flask_otpauth.adapters.receipts.vonage import VonageReports
from flask_otpauth.adapters.receipts.whatsapp import WhatsAppReports
from flask_otpauth.ports.reports import ReportScheme
from flask_otpauth.settings import PREFIX, nearest
from flask_otpauth.wiring.assembly import Assembly
from flask_otpauth.wiring.resolve import load_object

#: The schemes by name. Each is made of the tokens and of the further keys that ``_MORE`` names.
_SCHEMES: Mapping[str, Callable[..., ReportScheme]] = {
    "plivo": PlivoReports,
    "standard-webhooks": StandardWebhooks,
    "twilio": TwilioReports,
    "vonage": VonageReports,
    "whatsapp": WhatsAppReports,
}
_MORE: Mapping[str, tuple[str, ...]] = {"whatsapp": ("verify_token",)}
#: The scheme of each profile whose provider signs by one. The name of another scheme can be given.
_OF_PROFILES: Mapping[str, str] = {
    "plivo": "plivo",
    "resend": "standard-webhooks",
    "twilio": "twilio",
    "vonage": "vonage",
    "whatsapp": "whatsapp",
}
#: The name of a sender is a part of its path.
_NAME = re.compile("[A-Za-z0-9_-]+")


def report_schemes(assembly: Assembly) -> dict[str, ReportScheme]:
    """
    Return how each provider signs, by the name of its sender, for those that say so.

    A declaration says it with its key ``receipts``, and an instance with its attribute ``receipts``.
    """
    found: dict[str, ReportScheme] = {}
    for name, value in assembly.shared.providers.items():
        profile = value.get("profile") if isinstance(value, Mapping) else None
        said = value.get("receipts") if isinstance(value, Mapping) else getattr(value, "receipts", None)
        if said is None:
            continue
        try:
            found[name] = _scheme(name, said, _OF_PROFILES.get(str(profile)))
        except ValueError as error:
            assembly.problems.append(f"{PREFIX}PROVIDERS[{name!r}]['receipts']: {error}")
    return found


def _scheme(sender: str, said: object, of_profile: str | None) -> ReportScheme:
    if not _NAME.fullmatch(sender):
        raise ValueError("the name of the sender is a part of the path: use letters, digits, '-' and '_'")
    if not isinstance(said, Mapping):
        return load_object(said, {}, "read")
    name = said.get("scheme", of_profile)
    if name not in _SCHEMES:
        known = nearest(name, _SCHEMES) if isinstance(name, str) else ""
        raise ValueError(f"'scheme' is one of {', '.join(_SCHEMES)}{known}")
    more = _MORE.get(name, ())
    unknown = sorted(map(str, set(said) - {"scheme", "token", *more}))
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    values = [_text(key, said.get(key)) for key in more]
    return _SCHEMES[name](_tokens(said.get("token")), *values)


def _tokens(value: object) -> Sequence[str]:
    """Return the secrets with which a provider may sign: one, or several while they are replaced."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return [_text("token", each) for each in values] or [_text("token", None)]


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key!r} is the secret that the provider shows you, as a string")
    return value
