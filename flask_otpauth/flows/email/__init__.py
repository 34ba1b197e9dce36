"""The flow ``email``."""

from __future__ import annotations

from flask_otpauth.flows.email.handlers import email

__all__ = ["email"]
