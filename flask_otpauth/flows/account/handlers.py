"""The operations of the flow ``account``."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

from flask_otpauth.core import errors
from flask_otpauth.engine.logins import shown_id
from flask_otpauth.engine.resets import PASSWORD_RESET, PIN_RESET, AccountUseCases
from flask_otpauth.flows.account import bodies
from flask_otpauth.flows.account.flow import account
from flask_otpauth.flows.account.messages import (
    COUNTED_PINS,
    INVALID,
    INVALID_CUSTOMER,
    PASSWORDS,
    PINS,
    on_request,
)
from flask_otpauth.flows.account.settings import AccountSettings
from flask_otpauth.ports.directory import User
from flask_otpauth.web.envelope import Success
from flask_otpauth.web.flow import Call

AccountCall: TypeAlias = Call[AccountSettings, AccountUseCases]

OK = {"status": "ok"}
TOKEN_TTL = timedelta(hours=24)
_POST = {"Allow": "POST"}


def _shows_code(settings: AccountSettings) -> bool:
    return settings.echo_otp


@account.post("/auth/get-access-token", bodies.AccessToken, rate_limit="authentication", credential=None)
def get_access_token(call: AccountCall, body: bodies.AccessToken) -> Success:
    """Issue a bearer token for the secret. It is valid for 24 hours."""
    client, generation = call.use_case.clients.by_secret(body.token, "account")
    token = call.use_case.clients.sign_token(client, generation, "account", TOKEN_TTL)
    return Success({"access_token": token})


@account.post("/auth/validate-password", bodies.ValidatePassword, rate_limit="redeem", messages=PASSWORDS)
def validate_password(call: AccountCall, body: bodies.ValidatePassword) -> Success:
    """Check the customer's password."""
    call.use_case.customers.check_password(_user(call, body.user), body.password, "password")
    return Success(OK, headers={"Allow": "POST, OPTIONS"})


@account.post("/pin/set", bodies.SetPin, rate_limit="redeem", messages=PINS)
def set_pin(call: AccountCall, body: bodies.SetPin) -> Success:
    """Set a PIN for the first time."""
    call.use_case.customers.set_pin(_user(call, body.user), body.pin, "pin")
    return Success(OK, headers=_POST)


@account.post("/pin/change", bodies.ChangePin, rate_limit="redeem", messages=PINS)
def change_pin(call: AccountCall, body: bodies.ChangePin) -> Success:
    """Replace a PIN. The request has the current one."""
    user = _user(call, body.user)
    call.use_case.customers.change_pin(user, body.current_pin, body.new_pin, ("current_pin", "new_pin"))
    return Success(OK, headers=_POST)


@account.post("/pin/validate", bodies.ValidatePin, rate_limit="redeem", messages=COUNTED_PINS)
def validate_pin(call: AccountCall, body: bodies.ValidatePin) -> Success:
    """Check the customer's PIN. Too many failures block it."""
    call.use_case.customers.pins.check(_user(call, body.user), body.pin, "pin")
    return Success(OK, headers=_POST)


@account.post("/pin/unblock", bodies.Customer, rate_limit="redeem")
def unblock_pin(call: AccountCall, body: bodies.Customer) -> Success:
    """End the block of a PIN and forget its failures."""
    user = _user(call, body.user)
    call.use_case.customers.allow("unblock", user, call.settings.unblocks_per_day)
    call.use_case.customers.pins.unblock(user)
    return Success(OK, headers=_POST)


@account.post(
    "/pin/request-otp-for-reset",
    bodies.RequestPinReset,
    rate_limit="send",
    messages=on_request("user"),
    shows_code=_shows_code,
)
def request_otp_for_pin_reset(call: AccountCall, body: bodies.RequestPinReset) -> Success:
    """Issue a code that resets the PIN."""
    return _issue(call, _user(call, body.user), PIN_RESET, body.type, body.template_code)


@account.post("/pin/reset", bodies.ResetPin, rate_limit="redeem", messages=PINS)
def reset_pin(call: AccountCall, body: bodies.ResetPin) -> Success:
    """Set the PIN with a code."""
    user = _user(call, body.user)
    call.use_case.resets.reset_pin(user, call.client.id, body.otp, body.pin)
    return Success(OK, headers=_POST)


@account.post(
    "/pin/reset-with-password", bodies.ResetPinWithPassword, rate_limit="redeem", messages=PASSWORDS
)
def reset_pin_with_password(call: AccountCall, body: bodies.ResetPinWithPassword) -> Success:
    """Set the PIN with the password."""
    user, customers = _user(call, body.user), call.use_case.customers
    customers.reset_pin(user, body.pin, "pin", customers.by_password(user, body.password, "password"))
    return Success(OK, headers=_POST)


@account.post("/auth/change-password", bodies.ChangePassword, rate_limit="redeem", messages=PASSWORDS)
def change_password(call: AccountCall, body: bodies.ChangePassword) -> Success:
    """Replace a password. The request has the current one."""
    user, fields = _user(call, body.user), ("old_password", "new_password")
    call.use_case.customers.change_password(user, body.old_password, body.new_password, fields)
    return Success(OK, headers=_POST)


@account.post("/auth/set-password", bodies.SetPassword, rate_limit="redeem", messages=PASSWORDS)
def set_password(call: AccountCall, body: bodies.SetPassword) -> Success:
    """Set a customer's password, without asking the customer."""
    user = call.use_case.customers.users.find_by("email", body.email.canonical, call.client.id)
    if user is None or not user.is_enabled:
        raise errors.UserNotFound("email")
    call.use_case.customers.set_password(user, body.new_password, "new_password")
    shown = {"id": shown_id(user), "name": user.full_name or "", "email": user.email, **OK}
    return Success(shown, headers=_POST)


@account.post(
    "/auth/request-otp-for-password-reset",
    bodies.RequestPasswordReset,
    rate_limit="send",
    messages=on_request("identifier"),
    shows_code=_shows_code,
)
def request_otp_for_password_reset(call: AccountCall, body: bodies.RequestPasswordReset) -> Success:
    """Issue a code for resetting the password."""
    user = _user(call, body.identifier, "identifier")
    return _issue(call, user, PASSWORD_RESET, body.type, body.template_code)


@account.post("/auth/reset-password-with-otp", bodies.ResetPassword, rate_limit="redeem", messages=PASSWORDS)
def reset_password(call: AccountCall, body: bodies.ResetPassword) -> Success:
    """Set the password with a code."""
    user = _user(call, body.identifier, "identifier")
    call.use_case.resets.reset_password(user, call.client.id, body.otp, body.new_password)
    return Success(OK, headers=_POST)


@account.post(
    "/auth/validate-mobile-number",
    bodies.MobileNumber,
    rate_limit="redeem",
    messages=INVALID,
)
def validate_mobile_number(call: AccountCall, body: bodies.MobileNumber) -> Success:
    """Check that a number is a valid mobile number of any country."""
    if not call.use_case.addresses.is_mobile(body.mobile_number, call.settings.region):
        raise errors.InvalidFields(errors.Fault("mobile_number", "invalid_mobile_number"))
    return Success(OK, headers=_POST)


@account.post(
    "/auth/reset-otp-limit",
    bodies.Customer,
    rate_limit="redeem",
    messages=INVALID_CUSTOMER,
)
def reset_otp_limit(call: AccountCall, body: bodies.Customer) -> Success:
    """Reset the quotas of a customer's codes. Guesses stay counted, and locks stay."""
    user = _user(call, body.user)
    call.use_case.customers.allow("reset-otp-limit", user, call.settings.limit_resets_per_day)
    call.use_case.resets.free_quotas(user, call.client.id)
    return Success(OK, headers=_POST)


def _issue(
    call: AccountCall, user: User, purpose: str, channel: str | None, template_code: str | None
) -> Success:
    """Issue a code. Return it in the answer if the setting ``ECHO_OTP`` is on."""
    code = call.use_case.resets.request(purpose, user, call.client.id, channel, template_code)
    return Success(OK if code is None else {**OK, "otp": code}, headers=_POST)


def _user(call: AccountCall, identifier: int | str, field: str = "user") -> User:
    return call.use_case.customers.find(identifier, field, call.client.id)
