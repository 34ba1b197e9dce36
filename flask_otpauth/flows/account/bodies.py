"""The request bodies of the flow ``account``, with their fields in the order of the document's tables."""

from __future__ import annotations

from typing import Annotated, ClassVar, LiteralString

from pydantic import PlainValidator

from flask_otpauth.core.challenges import is_digits
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.flows.account.settings import AccountSettings
from flask_otpauth.web.body import Body, Context, EmailAddress, Name, fault, text

PIN_LENGTH = 6


def _identifier(value: object) -> int | str:
    """Return an e-mail address, a member id, a mobile number or a primary key."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return text(value, "invalid_user").strip()


def _string(value: object) -> str:
    """Return a text of any length. The rules of the field limit it later."""
    if not isinstance(value, str):
        raise fault("not_a_string")
    return Sensitive(value)


def _secret(value: object) -> str:
    given = _string(value)
    if "\0" in given:
        raise fault("not_a_string")
    return given


def _pin(value: object) -> str:
    given = _string(value)
    if not is_digits(given, PIN_LENGTH):
        raise fault("invalid_pin_format")
    return given


def _channel(value: object, info: Context[AccountSettings]) -> str:
    if _string(value) not in info.context.settings.channels:
        raise fault("invalid_choice")
    return str(value)


def _repeats(field: str, mismatch: LiteralString) -> PlainValidator:
    """Return the validator of a confirmation, which is compared with ``field`` if that is valid."""

    def compare(value: object, info: Context[AccountSettings]) -> str:
        given = _string(value)
        if given != info.data.get(field, given):
            raise fault(mismatch)
        return given

    return PlainValidator(compare)


Identifier = Annotated[int | str, PlainValidator(_identifier)]
Pin = Annotated[str, PlainValidator(_pin)]
SecretText = Annotated[str, PlainValidator(_secret)]
Channel = Annotated[str, PlainValidator(_channel)]


class AccessToken(Body):
    """The secret, for which a client gets a bearer token."""

    token: Name


class Customer(Body):
    """A customer."""

    user: Identifier


class ValidatePassword(Customer):
    """A password to check."""

    verbatim: ClassVar = frozenset({"password"})
    password: SecretText


class SetPin(Customer):
    """A first PIN."""

    pin: Pin
    confirm_pin: Annotated[str, _repeats("pin", "pin_mismatch")]


class ChangePin(Customer):
    """The current PIN and a new one."""

    current_pin: Pin
    new_pin: Pin
    confirm_new_pin: Annotated[str, _repeats("new_pin", "pin_mismatch")]


class ValidatePin(Customer):
    """A PIN to check."""

    pin: Pin


class RequestPinReset(Customer):
    """The channel and the template of the message, if one is sent."""

    verbatim: ClassVar = frozenset({"type"})
    type: Channel | None = None
    template_code: Name | None = None


class ResetPin(Customer):
    """A code and a new PIN."""

    otp: SecretText
    pin: Pin
    confirm_pin: Annotated[str, _repeats("pin", "pin_mismatch")]


class ResetPinWithPassword(Customer):
    """The password and a new PIN."""

    verbatim: ClassVar = frozenset({"password"})
    password: SecretText
    pin: Pin
    confirm_pin: Annotated[str, _repeats("pin", "pin_mismatch")]


class ChangePassword(Customer):
    """The current password and a new one."""

    verbatim: ClassVar = frozenset({"old_password", "new_password"})
    old_password: SecretText
    new_password: SecretText


class SetPassword(Body):
    """A user and the new password."""

    verbatim: ClassVar = frozenset({"new_password"})
    email: EmailAddress
    new_password: SecretText


class RequestPasswordReset(Body):
    """The channel and the template of the message."""

    verbatim: ClassVar = frozenset({"type"})
    identifier: Identifier
    type: Channel
    template_code: Name | None = None


class ResetPassword(Body):
    """A code and a new password."""

    verbatim: ClassVar = frozenset({"new_password", "confirm_new_password"})
    identifier: Identifier
    otp: SecretText
    new_password: SecretText
    confirm_new_password: Annotated[str, _repeats("new_password", "mismatch_password")]


class MobileNumber(Body):
    """A number to validate."""

    mobile_number: Annotated[str, PlainValidator(_string)]
