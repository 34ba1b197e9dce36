"""How it looks on the wire. One file for each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_otpauth.flows.account.envelope import AccountEnvelope
from flask_otpauth.flows.email.envelope import EmailEnvelope
from flask_otpauth.flows.flashcall.envelope import FlashcallEnvelope
from flask_otpauth.flows.oauth.envelope import OAuthEnvelope
from flask_otpauth.flows.sms.envelope import SmsEnvelope
from flask_otpauth.flows.voice.envelope import VoiceEnvelope
from flask_otpauth.web.envelope import Envelope, Failure, FieldError, Success, Wire
from flask_otpauth.web.problem import ProblemEnvelope

#: The packaged envelopes by name: each makes itself from a flow's settings.
PACKAGED: Mapping[str, Callable[[Any], Envelope]] = {
    "account": AccountEnvelope.from_settings,
    "email": EmailEnvelope.from_settings,
    "flashcall": FlashcallEnvelope.from_settings,
    "oauth": OAuthEnvelope.from_settings,
    "problem": ProblemEnvelope.from_settings,
    "sms": SmsEnvelope.from_settings,
    "voice": VoiceEnvelope.from_settings,
}

__all__ = ["PACKAGED", "Envelope", "Failure", "FieldError", "Success", "Wire"]
