"""Vonage: the SMS API, and calls that speak the text."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import Profile

VONAGE = Profile(
    sources=(
        "https://developer.vonage.com/en/api/sms",
        "https://developer.vonage.com/api-errors/sms",
        "https://developer.vonage.com/en/api/voice",
        "https://developer.vonage.com/en/voice/voice-api/guides/text-to-speech",
    ),
    parameters={
        "api_key": "The API key, for SMS.",
        "api_secret": "Its secret.",
        "from": "The number, or the alphanumeric sender id, that sends SMS.",
        "application_id": "The application, for calls.",
        "private_key": "Its private key (PEM), for calls. It needs the extra `crypto`.",
        "voice_from": "The number that calls, if the message does not have one.",
    },
    channels={
        "sms": {
            "url": "https://rest.nexmo.com/sms/json",
            "auth": {"basic": ("{api_key}", "{api_secret}")},
            "choices": {"type": {"encoding": {"UCS-2": "unicode", "*": "text"}}},
            "form": {
                "from": "{from}",
                "to": "{recipient:digits}",
                "text": "{text}",
                "type": "{type}",
                "client-ref": "{id}",
            },
            # Errors have the HTTP status 200 too.
            "success": {"messages.0.status": "0"},
            "errors": {
                "messages.0.status": {
                    "1": "rate_limited",
                    "4": "auth_error",
                    "5": "unavailable",
                    "6": "invalid_recipient",  # an unknown prefix
                    "7": "opted_out",
                    "8": "auth_error",  # the account is barred
                    "10": "rate_limited",
                    "11": "auth_error",
                    "14": "auth_error",
                    "33": "invalid_recipient",  # deactivated
                },
            },
            "message_id": "messages.0.message-id",
            "cost": "messages.0.message-price",
        },
        "voice": {
            "url": "https://api.nexmo.com/v1/calls",
            "auth": {
                "jwt": {
                    "key": "{private_key}",
                    "algorithm": "RS256",
                    "claims": {"application_id": "{application_id}"},
                }
            },
            "choices": {
                "caller": {"caller_number": {"?*": "{caller_number}", "*": "{voice_from}"}},
                "language": {
                    "locale": {"id*": "id-ID", "ru*": "ru-RU", "vi*": "vi-VN", "*": "en-US"},
                },
            },
            "json": {
                "to": ({"type": "phone", "number": "{recipient:digits}"},),
                "from": {"type": "phone", "number": "{caller:digits}"},
                "ncco": ({"action": "talk", "text": "{text}", "language": "{language}"},),
            },
            "success": {"uuid": "*"},
            # The names of wrong parameters have dots, so no path leads to them.
            "errors": {"$": {"*to[[]0].number*": "invalid_recipient"}},
            "message_id": "uuid",
        },
    },
)
