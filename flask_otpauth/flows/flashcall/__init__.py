"""The flow ``flashcall`` (contract/flashcall.md)."""

from __future__ import annotations

import flask_otpauth.flows.flashcall.handlers  # noqa: F401 - declares the operations
from flask_otpauth.flows.flashcall.envelope import FlashcallEnvelope
from flask_otpauth.flows.flashcall.flow import flashcall

__all__ = ["FlashcallEnvelope", "flashcall"]
