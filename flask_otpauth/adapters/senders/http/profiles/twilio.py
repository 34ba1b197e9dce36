"""Twilio: SMS, WhatsApp by a content template, and calls that speak the text."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import Profile

_API = "https://api.twilio.com/2010-04-01/Accounts/{account_sid}"

TWILIO = Profile(
    sources=(
        "https://www.twilio.com/docs/messaging/api/message-resource",
        "https://www.twilio.com/docs/voice/api/call-resource",
        "https://www.twilio.com/docs/content/send-templates-created-with-the-content-template-builder",
        "https://www.twilio.com/docs/voice/twiml/say/text-speech",
        "https://www.twilio.com/docs/api/errors",
    ),
    parameters={
        "account_sid": "The account, `AC…`.",
        "auth_token": "Its auth token. For an API key, set `auth` instead.",
        "from": "The number, or the alphanumeric sender id, that sends SMS.",
        "whatsapp_from": "The number that sends on WhatsApp.",
        "content_sid": "The content template for WhatsApp, `HX…`, whose variable 1 is the code. A message "
        "with a `template_id` uses that one.",
        "voice_from": "The number that calls, if the message does not have one.",
    },
    common={
        "auth": {"basic": ("{account_sid}", "{auth_token}")},
        "success": {"sid": "*"},
        "errors": {
            "code": {
                "20003": "auth_error",
                "20005": "auth_error",  # the account is not active
                "20429": "rate_limited",
                "14107": "rate_limited",
                "21211": "invalid_recipient",
                "21214": "invalid_recipient",
                "21217": "invalid_recipient",
                "21265": "invalid_recipient",  # a short code
                "21266": "invalid_recipient",  # the number of the sender itself
                "21421": "invalid_recipient",
                "21610": "opted_out",
                "21611": "rate_limited",  # the queue of the sender is full
                "21614": "invalid_recipient",
                "21635": "invalid_recipient",  # a landline
                "63003": "invalid_recipient",
                "63024": "invalid_recipient",
                "63033": "opted_out",
            },
        },
        "message_id": "sid",
        "cost": "price",
        "currency": "price_unit",
    },
    channels={
        "sms": {
            "url": f"{_API}/Messages.json",
            "form": {"To": "{recipient}", "From": "{from}", "Body": "{text}"},
        },
        "whatsapp": {
            "url": f"{_API}/Messages.json",
            "choices": {"content": {"template_id": {"?*": "{template_id}", "*": "{content_sid}"}}},
            "form": {
                "To": "whatsapp:{recipient}",
                "From": "whatsapp:{whatsapp_from}",
                "ContentSid": "{content}",
                "ContentVariables": {"1": "{code}"},
            },
        },
        "voice": {
            "url": f"{_API}/Calls.json",
            "choices": {
                "caller": {"caller_number": {"?*": "{caller_number}", "*": "{voice_from}"}},
                "voice": {
                    "locale": {
                        "id*": "Google.id-ID-Standard-A",
                        "ru*": "Google.ru-RU-Standard-A",
                        "vi*": "Google.vi-VN-Standard-A",
                        "*": "Google.en-US-Standard-C",
                    }
                },
            },
            "form": {
                "To": "{recipient}",
                "From": "{caller}",
                "Twiml": '<Response><Say voice="{voice:xml}">{text:xml}</Say></Response>',
            },
        },
    },
)
