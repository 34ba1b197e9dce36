"""The request bodies of the flow ``sms``."""

from __future__ import annotations

from flask_otpauth.web.body import Anything, Body, Name, OpaqueToken


class Named(Body):
    """Whom it is about. Which of the fields is looked at depends on which are given."""

    account_token: OpaqueToken | None = None
    cc_phone: Anything = None
    phone: Anything = None
    lang: Name | None = None
    captcha: Anything = None
    device_id: Anything = None
    platform: Anything = None


class VerifyOtp(Named):
    """The code that was read in the SMS, and whom it is about."""

    otp: Anything
    user_id: Anything = None
