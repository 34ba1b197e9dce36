"""How it looks on the wire. One file for each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_otpauth.envelopes.account import AccountEnvelope
from flask_otpauth.envelopes.base import Envelope, Failure, FieldError, Success, Wire
from flask_otpauth.envelopes.email import EmailEnvelope
from flask_otpauth.envelopes.flashcall import FlashcallEnvelope
from flask_otpauth.envelopes.oauth import OAuthEnvelope
from flask_otpauth.envelopes.problem import ProblemEnvelope
from flask_otpauth.envelopes.sms import SmsEnvelope
from flask_otpauth.envelopes.voice import VoiceEnvelope

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
