"""``account``: PIN and password of a merchant's customers (contract/account.md)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_otpauth.core import errors
from flask_otpauth.core.policies import Policy
from flask_otpauth.engine.codes import IssueOptions, Target
from flask_otpauth.engine.customers import PASSWORD_RESET, PIN_RESET
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.engine.people import person, shown_id
from flask_otpauth.flows.account import bodies
from flask_otpauth.flows.account.messages import (
    COUNTED_PINS,
    FAULTS,
    INVALID_MOBILE,
    PASSWORDS,
    PINS,
    WORDING,
    on_request,
)
from flask_otpauth.flows.account.settings import AccountSettings
from flask_otpauth.ports.directory import User
from flask_otpauth.web.credentials import SecretOrSignedToken
from flask_otpauth.web.envelope import Success
from flask_otpauth.web.flow import Call, Flow

OK = {"status": "ok"}
TOKEN_TTL = timedelta(hours=24)
_POST = {"Allow": "POST"}

account = Flow(
    name="account",
    settings=AccountSettings,
    credential=SecretOrSignedToken("account"),
    channels=lambda settings: settings.channels,
    scopes={"user": (PIN_RESET, PASSWORD_RESET)},
    faults=FAULTS,
    wording=WORDING,
)


@account.post("/auth/get-access-token", bodies.AccessToken, rate_limit="authentication", credential=None)
def get_access_token(call: Call, body: bodies.AccessToken) -> Success:
    """Buy a bearer token of 24 hours with the secret."""
    client, generation = call.services.clients.by_secret(body.token, "account")
    token = call.services.clients.sign_token(client, generation, "account", TOKEN_TTL)
    return Success({"access_token": token})


@account.post("/auth/validate-password", bodies.ValidatePassword, rate_limit="redeem", wording=PASSWORDS)
def validate_password(call: Call, body: bodies.ValidatePassword) -> Success:
    """Whether it is the customer's password."""
    call.services.customers.check_password(_user(call, body.user), body.password, "password")
    return Success(OK, headers={"Allow": "POST, OPTIONS"})


@account.post("/pin/set", bodies.SetPin, rate_limit="redeem", wording=PINS)
def set_pin(call: Call, body: bodies.SetPin) -> Success:
    """Set a PIN for the first time."""
    call.services.customers.set_pin(_user(call, body.user), body.pin, "pin")
    return Success(OK, headers=_POST)


@account.post("/pin/change", bodies.ChangePin, rate_limit="redeem", wording=PINS)
def change_pin(call: Call, body: bodies.ChangePin) -> Success:
    """Replace a PIN by somebody who knows it."""
    user = _user(call, body.user)
    call.services.customers.change_pin(user, body.current_pin, body.new_pin, ("current_pin", "new_pin"))
    return Success(OK, headers=_POST)


@account.post("/pin/validate", bodies.ValidatePin, rate_limit="redeem", wording=COUNTED_PINS)
def validate_pin(call: Call, body: bodies.ValidatePin) -> Success:
    """Whether it is the customer's PIN; failures block it."""
    call.services.customers.pins.check(_user(call, body.user), body.pin, "pin")
    return Success(OK, headers=_POST)


@account.post("/pin/unblock", bodies.Customer, rate_limit="redeem")
def unblock_pin(call: Call, body: bodies.Customer) -> Success:
    """End the block of a PIN and forget its failures."""
    user = _user(call, body.user)
    call.services.customers.allow("unblock", user, call.settings.unblocks_per_day)
    call.services.customers.pins.unblock(user)
    return Success(OK, headers=_POST)


@account.post(
    "/pin/request-otp-for-reset", bodies.RequestPinReset, rate_limit="send", wording=on_request("user")
)
def request_otp_for_pin_reset(call: Call, body: bodies.RequestPinReset) -> Success:
    """Issue a code that resets the PIN."""
    return _issue(call, _user(call, body.user), PIN_RESET, body.type, body.template_code)


@account.post("/pin/reset", bodies.ResetPin, rate_limit="redeem", wording=PINS)
def reset_pin(call: Call, body: bodies.ResetPin) -> Success:
    """Set the PIN with a code."""
    user, customers = _user(call, body.user), call.services.customers
    proof = customers.by_code(_policy(call, PIN_RESET), _target(call, user, PIN_RESET), user, body.otp)
    customers.reset_pin(user, body.pin, "pin", proof)
    return Success(OK, headers=_POST)


@account.post("/pin/reset-with-password", bodies.ResetPinWithPassword, rate_limit="redeem", wording=PASSWORDS)
def reset_pin_with_password(call: Call, body: bodies.ResetPinWithPassword) -> Success:
    """Set the PIN with the password."""
    user, customers = _user(call, body.user), call.services.customers
    customers.reset_pin(user, body.pin, "pin", customers.by_password(user, body.password, "password"))
    return Success(OK, headers=_POST)


@account.post("/auth/change-password", bodies.ChangePassword, rate_limit="redeem", wording=PASSWORDS)
def change_password(call: Call, body: bodies.ChangePassword) -> Success:
    """Replace a password by somebody who knows it."""
    user, fields = _user(call, body.user), ("old_password", "new_password")
    call.services.customers.change_password(user, body.old_password, body.new_password, fields)
    return Success(OK, headers=_POST)


@account.post("/auth/set-password", bodies.SetPassword, rate_limit="redeem", wording=PASSWORDS)
def set_password(call: Call, body: bodies.SetPassword) -> Success:
    """Set a customer's password, on the merchant's word."""
    user = call.services.users.known("email", body.email.canonical, _client_id(call))
    if user is None or not user.is_enabled:
        raise errors.UserNotFound("email")
    call.services.customers.set_password(user, body.new_password, "new_password")
    shown = {"id": shown_id(user), "name": user.full_name or "", "email": user.email, **OK}
    return Success(shown, headers=_POST)


@account.post(
    "/auth/request-otp-for-password-reset",
    bodies.RequestPasswordReset,
    rate_limit="send",
    wording=on_request("identifier"),
)
def request_otp_for_password_reset(call: Call, body: bodies.RequestPasswordReset) -> Success:
    """Issue a code that resets the password."""
    user = _user(call, body.identifier, "identifier")
    return _issue(call, user, PASSWORD_RESET, body.type, body.template_code)


@account.post("/auth/reset-password-with-otp", bodies.ResetPassword, rate_limit="redeem", wording=PASSWORDS)
def reset_password(call: Call, body: bodies.ResetPassword) -> Success:
    """Set the password with a code."""
    user, customers = _user(call, body.identifier, "identifier"), call.services.customers
    target = _target(call, user, PASSWORD_RESET)
    proof = customers.by_code(_policy(call, PASSWORD_RESET), target, user, body.otp)
    customers.set_password(user, body.new_password, "new_password", proof)
    return Success(OK, headers=_POST)


@account.post(
    "/auth/validate-mobile-number",
    bodies.MobileNumber,
    rate_limit="redeem",
    failure_data={"status": "invalid"},
)
def validate_mobile_number(call: Call, body: bodies.MobileNumber) -> Success:
    """Whether it is a valid mobile number, of any country."""
    if not call.services.addresses.is_mobile(body.mobile_number, call.settings.region):
        raise errors.InvalidFields(errors.Fault("mobile_number", "invalid_mobile_number"))
    return Success(OK, headers=_POST)


@account.post(
    "/auth/reset-otp-limit",
    bodies.Customer,
    rate_limit="redeem",
    failure_data={"status": "invalid"},
    **INVALID_MOBILE,
)
def reset_otp_limit(call: Call, body: bodies.Customer) -> Success:
    """Free the request quotas of this flow's purposes; no guess count, no lock."""
    user, codes = _user(call, body.user), call.services.codes
    call.services.customers.allow("reset-otp-limit", user, call.settings.limit_resets_per_day)
    for purpose in (PIN_RESET, PASSWORD_RESET):
        key = codes.limits_key(_policy(call, purpose), _target(call, user, purpose))
        call.services.storage.challenges.clear(key, "sends")
    return Success(OK, headers=_POST)


def _issue(call: Call, user: User, purpose: str, channel: str | None, template_code: str | None) -> Success:
    """Issue a code; send it if a template is named, and tell it if the document's way is on."""
    codes, policy, target = call.services.codes, _policy(call, purpose), _target(call, user, purpose)
    codes.demand_unlocked(policy, target)
    draft = _letter(call, user, purpose, channel, template_code)
    target = call.services.customers.sent_to(draft.recipient if draft else "", target, user)
    terms = IssueOptions(is_known=call.settings.echo_otp)
    issued = codes.send(policy, target, draft, terms) if draft else codes.issue(policy, target)
    shown = {**OK, "otp": issued.code} if call.settings.echo_otp else OK
    return Success(shown, headers=_POST)


def _letter(
    call: Call, user: User, purpose: str, channel: str | None, template_code: str | None
) -> Draft | None:
    settings = call.settings
    if template_code is None and settings.echo_otp:
        return None
    if template_code is not None and template_code not in settings.templates:
        raise errors.TemplateNotFound
    phone = call.services.customers.users.phone(user)
    addresses = {"email": user.email, "sms": phone, "whatsapp": phone}
    choice = (channel,) if channel else [each for each in addresses if each in settings.channels]
    chosen = next((each for each in choice if addresses[each]), None)
    if chosen is None:
        raise errors.NoAddress(channel or "sms")
    template = settings.templates[template_code] if template_code else "code"
    draft = Draft(chosen, addresses[chosen] or "", settings.languages(), template=template, purpose=purpose)
    if not call.services.codes.post.write(draft).text:  # none for this channel and language
        raise errors.TemplateNotFound
    return draft


def _user(call: Call, identifier: Any, field: str = "user") -> User:
    return call.services.customers.find(identifier, field, _client_id(call))


def _policy(call: Call, purpose: str) -> Policy:
    policy: Policy = call.settings.policy(purpose)
    return policy


def _target(call: Call, user: User, purpose: str) -> Target:
    return Target(purpose, person(user), _client_id(call), shown=str(user.id))


def _client_id(call: Call) -> str:
    return call.client.id if call.client else ""
