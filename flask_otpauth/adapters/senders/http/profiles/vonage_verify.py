"""Vonage Verify (version 2): Vonage draws the code, sends it and checks it."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import OwnerProfile, Profile

_API = "https://api.nexmo.com/v2/verify"
_AUTH = {"basic": ("{api_key}", "{api_secret}")}


def _by(channel: str, to: str = "{recipient:digits}", **more: str) -> dict[str, object]:
    return {"json": {"workflow": ({"channel": channel, "to": to, **more},)}}


VONAGE_VERIFY = OwnerProfile(
    start=Profile(
        sources=(
            "https://developer.vonage.com/en/api/verify.v2",
            "https://developer.vonage.com/en/verify/overview",
        ),
        parameters={
            "api_key": "The API key.",
            "api_secret": "Its secret.",
            "brand": "The name of the app in the message: 1 to 16 characters.",
            "whatsapp_from": "The WhatsApp number that sends.",
        },
        common={
            "url": _API,
            "auth": _AUTH,
            "json": {"brand": "{brand}", "code_length": 6, "client_ref": "{id}"},
            "success": {"request_id": "*"},
            "errors": {"invalid_parameters.0.name": {"*to": "invalid_recipient"}},
            "message_id": "request_id",
        },
        channels={
            "sms": _by("sms"),
            "whatsapp": _by("whatsapp", **{"from": "{whatsapp_from:digits}"}),
            "voice": _by("voice"),
            "email": _by("email", "{recipient}"),
        },
    ),
    check={"url": f"{_API}/{{provider_id}}", "auth": _AUTH, "json": {"code": "{code}"}},
    outcomes={
        "status": {"completed": "approved"},
        # 404: no such request, or it has ended. 410: too many wrong guesses.
        "http": {"400": "wrong", "404": "unknown", "410": "expired"},
    },
)
