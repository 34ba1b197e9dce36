"""The request bodies of the flow ``voice``."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator

from flask_otpauth.core.challenges import is_digits
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.flows.voice.settings import VoiceSettings
from flask_otpauth.web.body import Body, Context, Name, PhoneNumber, fault


def _otp(value: object, info: Context[VoiceSettings]) -> str:
    shortest, longest = info.context.settings.otp_min_length, info.context.settings.otp_max_length
    if not isinstance(value, str) or not is_digits(value, shortest, longest):
        raise fault("digits", shortest=shortest, longest=longest)
    return Sensitive(value)


class SecretKey(Body):
    """The secret key, for which a client gets an access token."""

    secret_key: Name


class Contact(Body):
    """The phone to call, and the code to speak. Without a code, one is drawn (``OTPAUTH_VOICE_VERIFY``)."""

    phone_number: PhoneNumber
    otp: Annotated[str, PlainValidator(_otp)] | None = None


class SpokenCode(Body):
    """The user, the phone and the code, to speak the code or to verify it."""

    userid: Name
    contact: Contact
