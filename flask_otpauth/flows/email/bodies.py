"""The request bodies of the flow ``email``."""

from __future__ import annotations

from flask_otpauth.web.body import Anything, Body, Code, EmailAddress, Locale, OpaqueToken


class RequestOtp(Body):
    """Where to send the code, and in which language."""

    email: EmailAddress
    lang: Locale | None = None


class VerifyOtp(Body):
    """The code that was read in the mail."""

    email: EmailAddress
    otpCode: Code


class RefreshToken(Body):
    """The refresh token to spend."""

    refreshToken: OpaqueToken


class Logout(Body):
    """A refresh token, which is looked at where no access token is alive."""

    refreshToken: Anything = None


class Nothing(Body):
    """No field is looked at."""
