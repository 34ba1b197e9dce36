"""
Every ``OTPAUTH_*`` key is declared once, read once (by ``init_app``), and checked with all others.

The keys that are about no flow, and those that every flow has, are in
:mod:`~flask_otpauth.settings.declared`; each flow declares its own beside itself. What a value may
be is in :mod:`~flask_otpauth.settings.values`, how a key is shown to people in
:mod:`~flask_otpauth.settings.described`, how all are read and checked in
:mod:`~flask_otpauth.settings.reading`.
"""

from __future__ import annotations

from flask_otpauth.settings.declared import PREFIX, FlowSettings, Settings, Shared, WritingSettings
from flask_otpauth.settings.reading import Reader, nearest
from flask_otpauth.settings.values import (
    CodeLength,
    Count,
    Duration,
    Hook,
    LargeCount,
    Lifetime,
    Period,
    Quotas,
    QuotaText,
    Region,
    Strings,
    UrlPath,
)

__all__ = [
    "PREFIX",
    "CodeLength",
    "Count",
    "Duration",
    "FlowSettings",
    "Hook",
    "LargeCount",
    "Lifetime",
    "Period",
    "QuotaText",
    "Quotas",
    "Reader",
    "Region",
    "Settings",
    "Shared",
    "Strings",
    "UrlPath",
    "WritingSettings",
    "nearest",
]
