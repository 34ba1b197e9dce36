"""The profiles by name. Each is in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping

from flask_otpauth.adapters.senders.http.profile import Profile
from flask_otpauth.adapters.senders.http.profiles.twilio import TWILIO

PROFILES: Mapping[str, Profile] = {
    "twilio": TWILIO,
}
