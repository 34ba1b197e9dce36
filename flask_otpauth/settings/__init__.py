"""
The settings: every ``OTPAUTH_*`` key is declared once, and ``init_app`` reads and checks all of them.

- :mod:`~flask_otpauth.settings.declared`: the shared keys, and those that every flow has. The other
  keys of a flow are in the folder of the flow.
- :mod:`~flask_otpauth.settings.values`: the values that a key can have.
- :mod:`~flask_otpauth.settings.reading`: how all keys are read and checked.
- :mod:`~flask_otpauth.settings.described`: how a key is shown in the documentation and by commands.
"""

from __future__ import annotations

from flask_otpauth.core.nearest import nearest
from flask_otpauth.settings.declared import (
    PREFIX,
    FlowSettings,
    Settings,
    Shared,
    WorkflowSettings,
    WritingSettings,
)
from flask_otpauth.settings.reading import Reader
from flask_otpauth.settings.values import (
    CodeLength,
    Count,
    Declaration,
    Duration,
    Hook,
    LargeCount,
    Lifetime,
    Period,
    Quotas,
    QuotaText,
    Region,
    Strings,
    TestIdentity,
    UrlPath,
)

__all__ = [
    "PREFIX",
    "CodeLength",
    "Count",
    "Declaration",
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
    "TestIdentity",
    "UrlPath",
    "WorkflowSettings",
    "WritingSettings",
    "nearest",
]
