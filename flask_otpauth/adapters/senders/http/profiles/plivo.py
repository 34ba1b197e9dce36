"""Plivo: SMS. Its calls need a URL of your app, so they cannot be declared."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import Profile

PLIVO = Profile(
    sources=("https://www.plivo.com/docs/messaging/api/message/send-a-message",),
    parameters={
        "auth_id": "The auth id of the account.",
        "auth_token": "Its auth token.",
        "from": "The number, or the alphanumeric sender id, that sends SMS.",
    },
    channels={
        "sms": {
            "url": "https://api.plivo.com/v1/Account/{auth_id}/Message/",
            "auth": {"basic": ("{auth_id}", "{auth_token}")},
            "json": {"src": "{from}", "dst": "{recipient:digits}", "text": "{text}"},
            "success": {"message_uuid.0": "*"},
            "errors": {
                # A number that is not valid is listed even where the request is accepted.
                "invalid_number.0": {"*": "invalid_recipient"},
                "error": {
                    "*dst*not*valid*": "invalid_recipient",
                    "*invalid*dst*": "invalid_recipient",
                    "*opted out*": "opted_out",
                },
            },
            "message_id": "message_uuid.0",
        },
    },
)
