"""The flow ``voice`` (contract/voice.md)."""

from __future__ import annotations

from flask_otpauth.flows.voice import handlers as handlers
from flask_otpauth.flows.voice.envelope import VoiceEnvelope
from flask_otpauth.flows.voice.flow import voice

__all__ = ["VoiceEnvelope", "voice"]
