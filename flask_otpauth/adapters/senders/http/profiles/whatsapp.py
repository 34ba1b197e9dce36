"""The WhatsApp Cloud API: an authentication template with a button that copies the code."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import Profile

_DOCS = "https://developers.facebook.com/documentation/business-messaging/whatsapp"

WHATSAPP = Profile(
    sources=(
        f"{_DOCS}/templates/authentication-templates/copy-code-button-authentication-templates/",
        f"{_DOCS}/support/error-codes/",
    ),
    parameters={
        "phone_number_id": "The id of the number that sends.",
        "access_token": "The access token of a system user.",
        "template_name": "The name of the template, whose category is authentication. A message with a "
        "`template_id` uses that one.",
        "version": "The version of the Graph API.",
    },
    defaults={"version": "v23.0"},
    channels={
        "whatsapp": {
            "url": "https://graph.facebook.com/{version}/{phone_number_id}/messages",
            "auth": {"bearer": "{access_token}"},
            "choices": {
                "name": {"template_id": {"?*": "{template_id}", "*": "{template_name}"}},
            },
            # The text of such a template is fixed by WhatsApp, so ours is not sent.
            "json": {
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": "{recipient:digits}",
                "type": "template",
                "template": {
                    "name": "{name}",
                    "language": {"code": "{locale:underscores}"},
                    "components": (
                        {"type": "body", "parameters": ({"type": "text", "text": "{code}"},)},
                        {
                            "type": "button",
                            "sub_type": "url",
                            "index": "0",
                            "parameters": ({"type": "text", "text": "{code}"},),
                        },
                    ),
                },
            },
            "success": {"messages.0.id": "*"},
            "errors": {
                "error.code": {
                    "0": "auth_error",
                    "3": "auth_error",
                    "10": "auth_error",
                    "190": "auth_error",
                    "2??": "auth_error",
                    "131005": "auth_error",
                    "131031": "auth_error",  # the account is locked
                    "368": "auth_error",  # the account is blocked for a while
                    "4": "rate_limited",
                    "80007": "rate_limited",
                    "130429": "rate_limited",
                    "131048": "rate_limited",
                    "131056": "rate_limited",
                    "131021": "invalid_recipient",
                    "131026": "invalid_recipient",  # no WhatsApp on that number
                    "131050": "opted_out",
                    "131016": "unavailable",
                    "2": "unavailable",
                },
            },
            "message_id": "messages.0.id",
        },
    },
)
