"""The ``sms`` flow: what its document says, with its texts in two languages, is in three files."""

from __future__ import annotations

from flask_otpauth.flows.sms.api import sms

__all__ = ["sms"]
