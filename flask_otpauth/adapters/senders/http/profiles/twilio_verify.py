"""Twilio Verify: Twilio draws the code, sends it and checks it."""

from __future__ import annotations

from flask_otpauth.adapters.senders.http.profile import OwnerProfile, Profile

_API = "https://verify.twilio.com/v2/Services/{service_sid}"
_AUTH = {"basic": ("{account_sid}", "{auth_token}")}

TWILIO_VERIFY = OwnerProfile(
    start=Profile(
        sources=(
            "https://www.twilio.com/docs/verify/api/verification",
            "https://www.twilio.com/docs/verify/api/verification-check",
            "https://www.twilio.com/docs/api/errors",
        ),
        parameters={
            "account_sid": "The account, `AC…`.",
            "auth_token": "Its auth token. For an API key, set `auth` instead.",
            "service_sid": "The Verify service, `VA…`. Its codes have as many digits as those of your flow.",
        },
        common={
            "url": f"{_API}/Verifications",
            "auth": _AUTH,
            "success": {"sid": "*", "status": "pending"},
            "errors": {
                "code": {
                    "20003": "auth_error",
                    "20404": "auth_error",  # no such service
                    "20429": "rate_limited",
                    "21211": "invalid_recipient",
                    "60200": "invalid_recipient",
                    "60203": "rate_limited",  # five codes in ten minutes
                    "60205": "invalid_recipient",  # a landline
                },
            },
            "message_id": "sid",
        },
        channels={
            "sms": {"form": {"To": "{recipient}", "Channel": "sms"}},
            "whatsapp": {"form": {"To": "{recipient}", "Channel": "whatsapp"}},
            "voice": {"form": {"To": "{recipient}", "Channel": "call"}},
            "email": {"form": {"To": "{recipient}", "Channel": "email"}},
        },
    ),
    check={
        "url": f"{_API}/VerificationCheck",
        "auth": _AUTH,
        # After a timeout the id is not known, and the address will do.
        "choices": {"to": {"provider_id": {"?*": "", "*": "{recipient}"}}},
        "form": {"VerificationSid": "{provider_id}", "To": "{to}", "Code": "{code}"},
    },
    outcomes={
        "status": {
            "approved": "approved",
            "pending": "wrong",
            "expired": "expired",
            "canceled": "expired",
            "max_attempts_reached": "expired",
        },
        # It was approved or has expired, or there were too many guesses.
        "code": {"20404": "unknown", "60202": "unknown"},
    },
)
