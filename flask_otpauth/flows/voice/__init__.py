"""The flow ``voice``."""

from __future__ import annotations

from flask_otpauth.flows.voice.handlers import voice

__all__ = ["voice"]
