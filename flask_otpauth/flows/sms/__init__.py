"""The flow ``sms`` (contract/sms.md)."""

from __future__ import annotations

from flask_otpauth.flows.sms import handlers as handlers
from flask_otpauth.flows.sms.envelope import SmsEnvelope
from flask_otpauth.flows.sms.flow import sms
from flask_otpauth.flows.sms.oauth_envelope import OAuthEnvelope

__all__ = ["OAuthEnvelope", "SmsEnvelope", "sms"]
