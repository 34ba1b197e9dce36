"""The flow ``voice`` (contract/voice.md)."""

from __future__ import annotations

import flask_otpauth.flows.voice.handlers  # noqa: F401 - declares the operations
from flask_otpauth.flows.voice.envelope import VoiceEnvelope
from flask_otpauth.flows.voice.flow import voice

__all__ = ["VoiceEnvelope", "voice"]
