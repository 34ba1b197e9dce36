"""Sinch: SMS, and calls that speak the text."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import Profile

SINCH = Profile(
    sources=(
        "https://developers.sinch.com/docs/sms/api-reference/sms/batches",
        "https://developers.sinch.com/docs/sms/api-reference/status-codes",
        "https://developers.sinch.com/docs/voice/api-reference/voice/callouts",
    ),
    parameters={
        "service_plan_id": "The service plan, for SMS.",
        "api_token": "Its API token.",
        "from": "The number, or the alphanumeric sender id, that sends SMS.",
        "region": "The region of the service plan.",
        "application_key": "The key of the application, for calls.",
        "application_secret": "Its secret.",
        "voice_from": "The number that calls, if the message does not have one.",
        "voice_host": "The host of the region, for calls.",
    },
    defaults={"region": "us", "voice_host": "calling.api.sinch.com"},
    channels={
        "sms": {
            "url": "https://{region}.sms.api.sinch.com/xms/v1/{service_plan_id}/batches",
            "auth": {"bearer": "{api_token}"},
            "json": {
                "from": "{from}",
                "to": ("{recipient}",),
                "body": "{text}",
                "client_reference": "{id}",
            },
            "success": {"id": "*"},
            "errors": {
                # The text names the parameter that is wrong.
                "text": {"*phone number*": "invalid_recipient", "*msisdn*": "invalid_recipient"},
            },
            "message_id": "id",
        },
        "voice": {
            "url": "https://{voice_host}/calling/v1/callouts",
            "auth": {"basic": ("{application_key}", "{application_secret}")},
            "choices": {
                "caller": {"caller_number": {"?*": "{caller_number}", "*": "{voice_from}"}},
                "language": {
                    "locale": {"id*": "id-ID", "ru*": "ru-RU", "vi*": "vi-VN", "*": "en-US"},
                },
            },
            "json": {
                "method": "ttsCallout",
                "ttsCallout": {
                    "cli": "{caller}",
                    "destination": {"type": "number", "endpoint": "{recipient}"},
                    "locale": "{language}",
                    "text": "{text}",
                },
            },
            "success": {"callId": "*"},
            "errors": {
                # The first digits are those of the HTTP status.
                "errorCode": {"401*": "auth_error", "402*": "rejected", "403*": "auth_error"},
            },
            "message_id": "callId",
        },
    },
)
