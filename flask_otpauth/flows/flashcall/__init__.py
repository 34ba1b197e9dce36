"""The flow ``flashcall``."""

from __future__ import annotations

from flask_otpauth.flows.flashcall.handlers import flashcall

__all__ = ["flashcall"]
