"""The flow ``email`` (contract/email.md)."""

from __future__ import annotations

import flask_otpauth.flows.email.handlers  # noqa: F401 - declares the operations
from flask_otpauth.flows.email.envelope import EmailEnvelope
from flask_otpauth.flows.email.flow import email

__all__ = ["EmailEnvelope", "email"]
