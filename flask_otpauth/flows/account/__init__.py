"""The flow ``account`` (contract/account.md)."""

from __future__ import annotations

import flask_otpauth.flows.account.handlers  # noqa: F401 - declares the operations
from flask_otpauth.flows.account.envelope import AccountEnvelope
from flask_otpauth.flows.account.flow import account

__all__ = ["AccountEnvelope", "account"]
