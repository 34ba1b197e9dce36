"""Mailgun: e-mail, without tracking."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import Profile

_DOCS = "https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun"

MAILGUN = Profile(
    sources=(f"{_DOCS}/messages/post-v3--domain-name--messages",),
    parameters={
        "domain": "The domain that sends.",
        "api_key": "The sending key of the domain.",
        "from": "The sender, such as `Shop <codes@shop.example>`.",
        "host": "The host of the region: `api.eu.mailgun.net` in the EU.",
    },
    defaults={"host": "api.mailgun.net"},
    channels={
        "email": {
            "url": "https://{host}/v3/{domain}/messages",
            "auth": {"basic": ("api", "{api_key}")},
            "form": {
                "from": "{from}",
                "to": "{recipient}",
                "subject": "{subject}",
                "text": "{text}",
                "html": "{html}",
                "o:tracking": "no",
                "o:tracking-clicks": "no",
                "o:tracking-opens": "no",
            },
            "success": {"id": "*"},
            "errors": {"message": {"*'to' parameter is not a valid address*": "invalid_recipient"}},
            "message_id": "id",
        },
    },
)
