"""The ``account`` flow: what its document says is in four files, since it has fifteen paths."""

from __future__ import annotations

from flask_otpauth.flows.account.api import account

__all__ = ["account"]
