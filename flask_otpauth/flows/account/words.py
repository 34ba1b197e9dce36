"""What the account flow says, and the document's word (``error_code``) for each refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_otpauth.core import errors
from flask_otpauth.flows.base import Says, Wording

_INVALID_NUMBER = "Please enter a valid mobile phone number."
_TOO_MANY = "Too many attempts, try again later"

FAULTS: Mapping[str, Says] = {
    "required": Says("This field is required."),
    "not_a_string": Says("Not a valid string.", kind="invalid"),
    "invalid_user": Says("User not found"),
    "invalid_email": Says("User not found", kind="invalid_user"),
    "invalid_pin_format": Says("PIN must be 6 digits"),
    "invalid_choice": Says("Select a valid choice. That choice is not one of the available choices."),
    "pin_mismatch": Says("Confirmation PIN does not match"),
    "mismatch_password": Says("Confirmation password does not match"),
    "invalid_mobile_number": Says(_INVALID_NUMBER),
}

WORDING: Wording = {
    errors.CredentialsMissing: Says("Authentication credentials were not provided."),
    errors.NotAuthenticated: Says("Invalid token"),
    errors.NotPermitted: Says("You do not have permission to perform this action."),
    errors.UserNotFound: Says("User not found", field="{field}", kind="invalid_user"),
    errors.NotFound: Says("Not found."),
    errors.TemplateNotFound: Says(
        "Messages template not found", field="template_code", kind="invalid_template_code"
    ),
    errors.NoAddress: Says.by(
        "channel",
        {
            "email": Says("User does not have an email", "type", "invalid_user_email"),
            "sms": Says("User does not have mobile number", "type", "invalid_user_mobile_number"),
            "whatsapp": Says(
                "User does not have mobile number or invalid whatsapp number",
                "type",
                "invalid_user_whatsapp_number",
            ),
        },
    ),
    errors.NotSent: Says("Failed to send OTP", field="type", kind="otp_send_failed"),
    errors.CodeRefused: Says("Invalid OTP", field="otp", kind="invalid_otp"),
    errors.SubjectLocked: Says(_TOO_MANY, field="otp", kind="too_many_attempts"),
    errors.Limited: Says(_TOO_MANY, field="user", kind="too_many_attempts"),
    errors.TooManyRequests: Says("Too Many Requests"),
    errors.SecretRefused: Says("Invalid secret", field="{field}", kind="invalid_secret"),
    errors.BadRequest: Says("Malformed request"),
    errors.MethodNotAllowed: Says("Method Not Allowed"),
    errors.ContentTooLarge: Says("Content Too Large"),
    errors.UnsupportedMediaType: Says("Unsupported Media Type"),
    errors.Unavailable: Says("Service Unavailable"),
    errors.Refusal: Says("Internal Server Error"),
}

#: Where a PIN is judged.
PINS: Wording = {
    errors.SecretWrong: Says("Invalid PIN", field="{field}", kind="invalid_pin"),
    errors.SecretBlocked: Says("PIN is blocked", field="{field}", kind="pin_blocked"),
    errors.SecretNotSet: Says("PIN is not set", field="{field}", kind="pin_not_set"),
    errors.SecretAlreadySet: Says("PIN is already set", field="{field}", kind="pin_already_set"),
    errors.SecretTooWeak: Says("PIN is too common", field="{field}", kind="invalid_new_pin"),
}

#: Where the answer says how many PINs are left.
COUNTED_PINS: Wording = {
    **PINS,
    errors.SecretWrong: Says("Invalid PIN, {left} attempt(s) left", field="{field}", kind="invalid_pin"),
}

#: Where a password is judged.
PASSWORDS: Wording = {
    errors.SecretWrong: Says("Invalid user password", field="{field}", kind="invalid_password"),
    errors.SecretThrottled: Says(_TOO_MANY, field="{field}", kind="too_many_attempts"),
    errors.SecretBlocked: Says("PIN is blocked", field="{field}", kind="pin_blocked"),  # of a reset PIN
    errors.SecretTooWeak: Says.by(
        "reason",
        {
            reason: Says(sentence, field="{field}", kind=kind)
            for reason, kind, sentence in (
                ("too_short", "invalid_new_password", "Password must have at least 8 characters"),
                ("too_long", "invalid_new_password", "Password must have at most 128 characters"),
                ("common", "invalid_new_password", "Password is too common"),
                ("personal", "invalid_new_password", "Password must not be your e-mail or member ID"),
                ("common_pin", "invalid_new_pin", "PIN is too common"),
            )
        },
    ),
}

#: How ``reset-otp-limit`` speaks of a customer that is not there.
INVALID_MOBILE: Mapping[str, Any] = {
    "faults": {"invalid_user": Says(_INVALID_NUMBER)},
    "wording": {errors.UserNotFound: Says(_INVALID_NUMBER, field="{field}", kind="invalid_user")},
}


def on_request(field: str) -> Wording:
    """How limits are told where a code is asked for: they are about the customer in ``field``."""
    return {
        errors.Limited: Says(_TOO_MANY, field=field, kind="too_many_attempts"),
        errors.SubjectLocked: Says(_TOO_MANY, field=field, kind="too_many_attempts"),
        errors.QuotaExceeded: Says(
            "OTP limit reached, try again later", field=field, kind="otp_limit_exceeded"
        ),
        errors.DailyQuotaExceeded: Says(
            "OTP limit reached, try again tomorrow", field=field, kind="otp_limit_exceeded"
        ),
    }
