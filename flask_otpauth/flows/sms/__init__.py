"""The flow ``sms`` (contract/sms.md)."""

from __future__ import annotations

import flask_otpauth.flows.sms.handlers  # noqa: F401 - declares the operations
from flask_otpauth.flows.sms.envelope import SmsEnvelope
from flask_otpauth.flows.sms.flow import sms
from flask_otpauth.flows.sms.oauth_envelope import OAuthEnvelope

__all__ = ["OAuthEnvelope", "SmsEnvelope", "sms"]
