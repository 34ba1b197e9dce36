"""The flow ``email`` (contract/email.md)."""

from __future__ import annotations

from flask_otpauth.flows.email import handlers as handlers
from flask_otpauth.flows.email.envelope import EmailEnvelope
from flask_otpauth.flows.email.flow import email

__all__ = ["EmailEnvelope", "email"]
