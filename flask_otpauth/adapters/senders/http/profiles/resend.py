"""Resend: e-mail. Clicks are tracked only if the domain is set to it."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import Profile

RESEND = Profile(
    sources=(
        "https://resend.com/docs/api-reference/emails/send-email",
        "https://resend.com/docs/api-reference/errors",
    ),
    parameters={
        "api_key": "The API key, which needs the right to send only.",
        "from": "The sender, such as `Shop <codes@shop.example>`.",
    },
    channels={
        "email": {
            "url": "https://api.resend.com/emails",
            "auth": {"bearer": "{api_key}"},
            "headers": {"Idempotency-Key": "{id}"},
            "json": {
                "from": "{from}",
                "to": ("{recipient}",),
                "subject": "{subject}",
                "text": "{text}",
                "html": "{html}",
            },
            "success": {"id": "*"},
            "errors": {
                "message": {"Invalid `to` field*": "invalid_recipient", "API key is invalid*": "auth_error"},
                "name": {
                    "missing_api_key": "auth_error",
                    "restricted_api_key": "auth_error",
                    "invalid_api_key": "auth_error",
                    "rate_limit_exceeded": "rate_limited",
                    "daily_quota_exceeded": "rate_limited",
                    "monthly_quota_exceeded": "rate_limited",
                    # The same message is being sent by another request.
                    "concurrent_idempotent_requests": "timeout",
                },
                "http": {"403": "rejected"},  # a domain that is not verified
            },
            "message_id": "id",
        },
    },
)
