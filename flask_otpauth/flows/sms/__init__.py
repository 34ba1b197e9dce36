"""The flow ``sms``."""

from __future__ import annotations

from flask_otpauth.flows.sms.handlers import sms

__all__ = ["sms"]
