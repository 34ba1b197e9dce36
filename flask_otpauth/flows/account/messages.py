"""The words of the flow ``account``, and the document's word (``error_code``) for each refusal."""

from __future__ import annotations

from collections.abc import Mapping

from flask_otpauth.core import errors
from flask_otpauth.web.messages import Messages, Phrase, Wording

_INVALID_NUMBER = "Please enter a valid mobile phone number."
_TOO_MANY = "Too many attempts, try again later"

_FAULTS: Mapping[str, Phrase] = {
    "required": Phrase("This field is required."),
    "not_a_string": Phrase("Not a valid string.", kind="invalid"),
    "invalid_user": Phrase("User not found"),
    "invalid_email": Phrase("User not found", kind="invalid_user"),
    "invalid_pin_format": Phrase("PIN must be 6 digits"),
    "invalid_choice": Phrase("Select a valid choice. That choice is not one of the available choices."),
    "pin_mismatch": Phrase("Confirmation PIN does not match"),
    "mismatch_password": Phrase("Confirmation password does not match"),
    "invalid_mobile_number": Phrase(_INVALID_NUMBER),
}

_WORDING: Wording = {
    errors.CredentialsMissing: Phrase("Authentication credentials were not provided."),
    errors.NotAuthenticated: Phrase("Invalid token"),
    errors.NotPermitted: Phrase("You do not have permission to perform this action."),
    errors.UserNotFound: Phrase("User not found", field="{field}", kind="invalid_user"),
    errors.NotFound: Phrase("Not found."),
    errors.TemplateNotFound: Phrase(
        "Messages template not found", field="template_code", kind="invalid_template_code"
    ),
    errors.NoAddress: Phrase.by(
        "channel",
        {
            "email": Phrase("User does not have an email", "type", "invalid_user_email"),
            "sms": Phrase("User does not have mobile number", "type", "invalid_user_mobile_number"),
            "whatsapp": Phrase(
                "User does not have mobile number or invalid whatsapp number",
                "type",
                "invalid_user_whatsapp_number",
            ),
        },
    ),
    errors.NotSent: Phrase("Failed to send OTP", field="type", kind="otp_send_failed"),
    errors.CodeRefused: Phrase("Invalid OTP", field="otp", kind="invalid_otp"),
    errors.SubjectLocked: Phrase(_TOO_MANY, field="otp", kind="too_many_attempts"),
    errors.Limited: Phrase(_TOO_MANY, field="user", kind="too_many_attempts"),
    errors.TooManyRequests: Phrase("Too Many Requests"),
    errors.SecretRefused: Phrase("Invalid secret", field="{field}", kind="invalid_secret"),
    errors.BadRequest: Phrase("Malformed request"),
    errors.MethodNotAllowed: Phrase("Method Not Allowed"),
    errors.ContentTooLarge: Phrase("Content Too Large"),
    errors.IdempotencyKeyInvalid: Phrase("Invalid Idempotency-Key"),
    errors.IdempotencyKeyNotAccepted: Phrase("Idempotency-Key is not accepted"),
    errors.IdempotencyKeyReused: Phrase("Idempotency-Key was used for another request"),
    errors.IdempotencyKeyInUse: Phrase("The first request is still being processed"),
    errors.UnsupportedMediaType: Phrase("Unsupported Media Type"),
    errors.Unavailable: Phrase("Service Unavailable"),
    errors.Refusal: Phrase("Internal Server Error"),
}

#: For the paths that check a PIN.
_PINS: Wording = {
    errors.SecretWrong: Phrase("Invalid PIN", field="{field}", kind="invalid_pin"),
    errors.SecretBlocked: Phrase("PIN is blocked", field="{field}", kind="pin_blocked"),
    errors.SecretNotSet: Phrase("PIN is not set", field="{field}", kind="pin_not_set"),
    errors.SecretAlreadySet: Phrase("PIN is already set", field="{field}", kind="pin_already_set"),
    errors.SecretTooWeak: Phrase("PIN is too common", field="{field}", kind="invalid_new_pin"),
}

#: For the path whose answer says how many attempts are left.
_COUNTED_PINS: Wording = {
    **_PINS,
    errors.SecretWrong: Phrase("Invalid PIN, {left} attempt(s) left", field="{field}", kind="invalid_pin"),
}

#: For the paths that check a password.
_PASSWORDS: Wording = {
    errors.SecretWrong: Phrase("Invalid user password", field="{field}", kind="invalid_password"),
    errors.SecretThrottled: Phrase(_TOO_MANY, field="{field}", kind="too_many_attempts"),
    errors.SecretBlocked: Phrase("PIN is blocked", field="{field}", kind="pin_blocked"),
    errors.SecretTooWeak: Phrase.by(
        "reason",
        {
            reason: Phrase(sentence, field="{field}", kind=kind)
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

MESSAGES = Messages(_WORDING, _FAULTS)
PINS = Messages(_PINS)
COUNTED_PINS = Messages(_COUNTED_PINS)
PASSWORDS = Messages(_PASSWORDS)

#: For the paths ``validate-mobile-number`` and ``reset-otp-limit``.
INVALID = Messages(data={"status": "invalid"})
#: For the path ``reset-otp-limit``, which has other words for an unknown customer.
INVALID_CUSTOMER = Messages(
    {errors.UserNotFound: Phrase(_INVALID_NUMBER, field="{field}", kind="invalid_user")},
    {"invalid_user": Phrase(_INVALID_NUMBER)},
    data={"status": "invalid"},
)


def on_request(field: str) -> Messages:
    """Return the words for limits of a path that requests a code for the customer in ``field``."""
    return Messages(
        {
            errors.Limited: Phrase(_TOO_MANY, field=field, kind="too_many_attempts"),
            errors.SubjectLocked: Phrase(_TOO_MANY, field=field, kind="too_many_attempts"),
            errors.QuotaExceeded: Phrase(
                "OTP limit reached, try again later", field=field, kind="otp_limit_exceeded"
            ),
            errors.DailyQuotaExceeded: Phrase(
                "OTP limit reached, try again tomorrow", field=field, kind="otp_limit_exceeded"
            ),
        }
    )
