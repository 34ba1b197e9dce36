"""The flow ``flashcall`` (contract/flashcall.md)."""

from __future__ import annotations

from flask_otpauth.flows.flashcall import handlers as handlers
from flask_otpauth.flows.flashcall.envelope import FlashcallEnvelope
from flask_otpauth.flows.flashcall.flow import flashcall

__all__ = ["FlashcallEnvelope", "flashcall"]
