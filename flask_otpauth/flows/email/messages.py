"""The words of the flow ``email``."""

from __future__ import annotations

from flask_otpauth.core import errors
from flask_otpauth.web.messages import Messages, Phrase

MESSAGES = Messages(
    wording={
        errors.CodeRefused: Phrase("Invalid OTP"),
        errors.CodeUsed: Phrase("OTP has already been used"),
        errors.CodeExpired: Phrase("OTP has expired"),
        errors.CodeExhausted: Phrase("Maximum OTP attempts exceeded"),
        errors.NotSent: Phrase("Failed to send OTP"),
        errors.Limited: Phrase("Too many OTP requests"),
        errors.UserNotFound: Phrase("User not found"),
        errors.NotFound: Phrase("Not found"),
        errors.SecretRefused: Phrase("Invalid credentials"),
        errors.RefreshTokenInvalid: Phrase("Invalid refresh token"),
        errors.NotAuthenticated: Phrase("Unauthorized"),
        errors.FreshLoginRequired: Phrase("OTP required"),
        errors.NotPermitted: Phrase("Forbidden"),
        errors.BadRequest: Phrase("Invalid request"),
        errors.MethodNotAllowed: Phrase("Method Not Allowed"),
        errors.ContentTooLarge: Phrase("Content Too Large"),
        errors.IdempotencyKeyInvalid: Phrase("Invalid Idempotency-Key"),
        errors.IdempotencyKeyNotAccepted: Phrase("Idempotency-Key is not accepted"),
        errors.IdempotencyKeyReused: Phrase("Idempotency-Key was used for another request"),
        errors.IdempotencyKeyInUse: Phrase("The first request is still being processed"),
        errors.UnsupportedMediaType: Phrase("Unsupported Media Type"),
        errors.Refusal: Phrase("System error"),
    },
    faults={
        "required": Phrase("{label} is required"),
        "email": Phrase("Invalid email", kind="invalid_email"),
        "otpCode": Phrase("Invalid OTP", kind="invalid_otp"),
        "refreshToken": Phrase("Invalid refresh token", kind="refresh_token_invalid"),
    },
    labels={"email": "Email", "otpCode": "OTP code", "refreshToken": "Refresh token"},
)
