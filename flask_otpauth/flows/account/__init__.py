"""The flow ``account``."""

from __future__ import annotations

from flask_otpauth.flows.account.handlers import account

__all__ = ["account"]
