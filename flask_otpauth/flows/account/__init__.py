"""The flow ``account`` (contract/account.md)."""

from __future__ import annotations

from flask_otpauth.flows.account import handlers as handlers
from flask_otpauth.flows.account.envelope import AccountEnvelope
from flask_otpauth.flows.account.flow import account

__all__ = ["AccountEnvelope", "account"]
