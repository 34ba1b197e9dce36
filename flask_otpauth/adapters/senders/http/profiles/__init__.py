"""The profiles by name. Each is in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping

from flask_otpauth.adapters.senders.http.profile import Profile
from flask_otpauth.adapters.senders.http.profiles.brevo import BREVO
from flask_otpauth.adapters.senders.http.profiles.infobip import INFOBIP
from flask_otpauth.adapters.senders.http.profiles.mailgun import MAILGUN
from flask_otpauth.adapters.senders.http.profiles.messagebird import MESSAGEBIRD
from flask_otpauth.adapters.senders.http.profiles.plivo import PLIVO
from flask_otpauth.adapters.senders.http.profiles.postmark import POSTMARK
from flask_otpauth.adapters.senders.http.profiles.resend import RESEND
from flask_otpauth.adapters.senders.http.profiles.sinch import SINCH
from flask_otpauth.adapters.senders.http.profiles.twilio import TWILIO
from flask_otpauth.adapters.senders.http.profiles.vonage import VONAGE
from flask_otpauth.adapters.senders.http.profiles.whatsapp import WHATSAPP

PROFILES: Mapping[str, Profile] = {
    "twilio": TWILIO,
    "vonage": VONAGE,
    "infobip": INFOBIP,
    "plivo": PLIVO,
    "messagebird": MESSAGEBIRD,
    "sinch": SINCH,
    "whatsapp": WHATSAPP,
    "resend": RESEND,
    "postmark": POSTMARK,
    "mailgun": MAILGUN,
    "brevo": BREVO,
}
