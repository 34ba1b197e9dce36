"""
Wire formats: the packaged ones, and what a host needs to write its own.

An envelope is an object with two methods, ``success`` and ``failure``. Name it in
``OTPAUTH_<FLOW>_ENVELOPE``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_otpauth.flows.account.envelope import AccountEnvelope
from flask_otpauth.flows.email.envelope import EmailEnvelope
from flask_otpauth.flows.flashcall.envelope import FlashcallEnvelope
from flask_otpauth.flows.oauth.envelope import OAuthEnvelope
from flask_otpauth.flows.sms.envelope import SmsEnvelope
from flask_otpauth.flows.voice.envelope import VoiceEnvelope
from flask_otpauth.web.envelope import Envelope, Failure, FieldError, Success, Wire, declared, status_of
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

__all__ = [
    "PACKAGED",
    "AccountEnvelope",
    "EmailEnvelope",
    "Envelope",
    "Failure",
    "FieldError",
    "FlashcallEnvelope",
    "OAuthEnvelope",
    "ProblemEnvelope",
    "SmsEnvelope",
    "Success",
    "VoiceEnvelope",
    "Wire",
    "declared",
    "status_of",
]
