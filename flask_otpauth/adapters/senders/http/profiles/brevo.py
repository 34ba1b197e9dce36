"""Brevo: e-mail. Tracking is a setting of the account."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import Profile

BREVO = Profile(
    sources=(
        "https://developers.brevo.com/reference/sendtransacemail",
        "https://developers.brevo.com/docs/how-it-works#error-codes",
    ),
    parameters={
        "api_key": "The API key.",
        "from": "The address of the sender, without a name.",
        "from_name": "The name of the sender.",
    },
    defaults={"from_name": ""},
    channels={
        "email": {
            "url": "https://api.brevo.com/v3/smtp/email",
            "headers": {"api-key": "{api_key}", "Accept": "application/json"},
            "json": {
                "sender": {"email": "{from}", "name": "{from_name}"},
                "to": ({"email": "{recipient}"},),
                "subject": "{subject}",
                "textContent": "{text}",
                "htmlContent": "{html}",
            },
            "success": {"messageId": "*"},
            "errors": {
                "message": {"*email is not valid in to*": "invalid_recipient"},
                "code": {
                    "unauthorized": "auth_error",
                    "permission_denied": "auth_error",
                    "not_enough_credits": "rejected",
                    "too_many_requests": "rate_limited",
                },
            },
            "message_id": "messageId",
        },
    },
)
