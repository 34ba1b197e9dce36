"""The request bodies of the flow ``sms``."""

from __future__ import annotations

from flask_otpauth.web.body import Anything, Body, Name, OpaqueToken


class Named(Body):
    """The account or the phone number. Which fields are used depends on which are given."""

    account_token: OpaqueToken | None = None
    cc_phone: Anything = None
    phone: Anything = None
    lang: Name | None = None
    captcha: Anything = None
    device_id: Anything = None
    platform: Anything = None


class VerifyOtp(Named):
    """The code from the SMS, with the account or the phone number."""

    otp: Anything
    user_id: Anything = None
