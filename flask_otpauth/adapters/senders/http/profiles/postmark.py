"""Postmark: e-mail, without tracking."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import Profile

POSTMARK = Profile(
    sources=(
        "https://postmarkapp.com/developer/api/email-api",
        "https://postmarkapp.com/developer/api/overview#error-codes",
    ),
    parameters={
        "server_token": "The token of the server.",
        "from": "The sender, such as `Shop <codes@shop.example>`.",
        "stream": "The message stream.",
    },
    defaults={"stream": "outbound"},
    channels={
        "email": {
            "url": "https://api.postmarkapp.com/email",
            "headers": {"X-Postmark-Server-Token": "{server_token}", "Accept": "application/json"},
            "json": {
                "From": "{from}",
                "To": "{recipient}",
                "Subject": "{subject}",
                "TextBody": "{text}",
                "HtmlBody": "{html}",
                "MessageStream": "{stream}",
                "TrackOpens": False,
                "TrackLinks": "None",
            },
            "success": {"ErrorCode": "0"},
            "errors": {
                # Each wrong field has the error code 300.
                "Message": {"*'To'*": "invalid_recipient"},
                "ErrorCode": {
                    "10": "auth_error",
                    "100": "unavailable",  # maintenance
                    "405": "rejected",  # no credits
                    "406": "opted_out",  # a hard bounce, a complaint, or suppressed by hand
                    "429": "rate_limited",
                },
            },
            "message_id": "MessageID",
        },
    },
)
