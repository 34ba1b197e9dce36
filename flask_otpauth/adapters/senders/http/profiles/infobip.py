"""Infobip: SMS."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import Profile

INFOBIP = Profile(
    sources=(
        "https://www.infobip.com/docs/api/channels/sms/outbound-sms/send-sms-messages",
        "https://www.infobip.com/docs/essentials/api-essentials/response-status-and-error-codes",
    ),
    parameters={
        "host": "The host of your account, such as `xyz123.api.infobip.com`.",
        "api_key": "The API key.",
        "from": "The number, or the alphanumeric sender id, that sends SMS.",
    },
    channels={
        "sms": {
            "url": "https://{host}/sms/3/messages",
            "headers": {"Authorization": "App {api_key}", "Accept": "application/json"},
            "json": {
                "messages": (
                    {
                        "sender": "{from}",
                        "destinations": ({"to": "{recipient:digits}", "messageId": "{id}"},),
                        "content": {"text": "{text}"},
                    },
                )
            },
            # 1 is the group of what is on its way, 3 of what was delivered. Refusals have the status 200 too.
            "success": {"messages.0.status.groupId": ("1", "3")},
            "errors": {
                "messages.0.status.name": {
                    "REJECTED_DND": "opted_out",
                    "REJECTED_DESTINATION": "opted_out",  # on a list of numbers to block
                    "REJECTED_PREFIX_MISSING": "invalid_recipient",
                    "REJECTED_INVALID_DESTINATION": "invalid_recipient",
                    "MISSING_TO": "invalid_recipient",
                    "REJECTED_FLOODING_FILTER": "rate_limited",
                    "REJECTED_SYSTEM_ERROR": "unavailable",
                    # This message was taken before.
                    "REJECTED_DUPLICATE_MESSAGE_ID": "timeout",
                },
            },
            "message_id": "messages.0.messageId",
        },
    },
)
