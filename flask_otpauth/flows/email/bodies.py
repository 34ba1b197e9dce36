"""The request bodies of the flow ``email``."""

from __future__ import annotations

from flask_otpauth.web.body import Anything, Body, Code, EmailAddress, Locale, OpaqueToken


class RequestOtp(Body):
    """The address to send a code to, and the language."""

    email: EmailAddress
    lang: Locale | None = None


class VerifyOtp(Body):
    """The code from the mail."""

    email: EmailAddress
    otpCode: Code


class RefreshToken(Body):
    """The refresh token to exchange."""

    refreshToken: OpaqueToken


class Logout(Body):
    """A refresh token, which is used if there is no valid access token."""

    refreshToken: Anything = None


class Nothing(Body):
    """A body without fields."""
