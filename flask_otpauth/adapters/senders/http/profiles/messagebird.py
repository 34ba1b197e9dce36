"""MessageBird, which is Bird today: SMS, and calls that speak the text."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import Profile

MESSAGEBIRD = Profile(
    sources=(
        "https://developers.messagebird.com/api/sms-messaging/",
        "https://developers.messagebird.com/api/voice-messaging/",
        "https://developers.messagebird.com/api/#api-errors",
    ),
    parameters={
        "access_key": "The access key.",
        "from": "The number, or the alphanumeric sender id, that sends SMS.",
        "voice_from": "The number that calls, if the message does not have one.",
    },
    common={
        "headers": {"Authorization": "AccessKey {access_key}"},
        "success": {"id": "*"},
        "errors": {
            "errors.0.parameter": {"recipient*": "invalid_recipient"},
            "errors.0.code": {
                "2": "auth_error",
                "7": "opted_out",  # on the list of numbers to block
                "25": "rejected",  # not enough balance
                "98": "unavailable",
            },
        },
        "message_id": "id",
    },
    channels={
        "sms": {
            "url": "https://rest.messagebird.com/messages",
            "json": {
                "originator": "{from}",
                "recipients": ("{recipient:digits}",),
                "body": "{text}",
                "datacoding": "auto",
                "reference": "{id}",
            },
        },
        "voice": {
            "url": "https://rest.messagebird.com/voicemessages",
            "choices": {
                "caller": {"caller_number": {"?*": "{caller_number}", "*": "{voice_from}"}},
                "language": {
                    "locale": {"id*": "id-id", "ru*": "ru-ru", "vi*": "vi-vn", "*": "en-us"},
                },
            },
            "json": {
                "originator": "{caller:digits}",
                "recipients": ("{recipient:digits}",),
                "body": "{text}",
                "language": "{language}",
                "reference": "{id}",
            },
        },
    },
)
