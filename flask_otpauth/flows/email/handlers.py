"""``email``: log in with a code sent by e-mail (contract/email.md). Public: no client credential."""

from __future__ import annotations

from typing import Any

from flask_otpauth.core import errors
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.core.sessions import Session
from flask_otpauth.engine.codes import Target
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.engine.people import shown_id
from flask_otpauth.engine.sessions import Tokens
from flask_otpauth.flows.email.bodies import Logout, Nothing, RefreshToken, RequestOtp, VerifyOtp
from flask_otpauth.flows.email.settings import PURPOSE, EmailSettings
from flask_otpauth.ports.directory import User, UserExists
from flask_otpauth.web.envelope import Success
from flask_otpauth.web.flow import Call, Flow, Phrase

email = Flow(
    name="email",
    settings=EmailSettings,
    channels=lambda settings: ("email",),
    scopes={"email": (PURPOSE,)},
    labels={"email": "Email", "otpCode": "OTP code", "refreshToken": "Refresh token"},
    faults={
        "required": Phrase("{label} is required"),
        "email": Phrase("Invalid email", kind="invalid_email"),
        "otpCode": Phrase("Invalid OTP", kind="invalid_otp"),
        "refreshToken": Phrase("Invalid refresh token", kind="refresh_token_invalid"),
    },
    wording={
        errors.CodeRefused: Phrase("Invalid OTP"),
        errors.CodeUsed: Phrase("OTP has already been used"),
        errors.CodeExpired: Phrase("OTP has expired"),
        errors.CodeExhausted: Phrase("Maximum OTP attempts exceeded"),
        errors.NotSent: Phrase("Failed to send OTP"),
        errors.Limited: Phrase("Too many OTP requests"),
        errors.UserNotFound: Phrase("User not found"),
        errors.NotFound: Phrase("Not found"),
        errors.SecretRefused: Phrase("Invalid credentials"),
        errors.RefreshTokenInvalid: Phrase("Invalid refresh token"),
        errors.NotAuthenticated: Phrase("Unauthorized"),
        errors.FreshLoginRequired: Phrase("OTP required"),
        errors.NotPermitted: Phrase("Forbidden"),
        errors.BadRequest: Phrase("Invalid request"),
        errors.MethodNotAllowed: Phrase("Method Not Allowed"),
        errors.ContentTooLarge: Phrase("Content Too Large"),
        errors.UnsupportedMediaType: Phrase("Unsupported Media Type"),
        errors.Refusal: Phrase("System error"),
    },
)


@email.post("/request-otp", RequestOtp, rate_limit="send")
def request_otp(call: Call, body: RequestOtp) -> Success:
    """Mail a fresh code, which supersedes the earlier one."""
    address, settings = body.email.canonical, call.settings
    user = call.services.users.known("email", address)
    if user is None and settings.create_user == "on_request":
        user = _created(call, address, proved=False)
    entitled = user.is_enabled if user else settings.create_user is not False
    draft = Draft(
        "email",
        (user.email if user else None) or address,
        locales=settings.languages(body.lang),
        purpose=PURPOSE,
        values={"code_in_subject": settings.code_in_subject},
        discreet=True,
        withheld=not entitled,
    )
    call.services.codes.send(_policy(call), Target(PURPOSE, address), draft)
    seconds = int(settings.code_ttl.total_seconds())
    return Success({"email": body.email.given, "expireInSeconds": seconds}, "OTP sent successfully")


@email.post("/verify-otp", VerifyOtp, rate_limit="redeem")
def verify_otp(call: Call, body: VerifyOtp) -> Success:
    """Log in with the code."""
    services, target = call.services, Target(PURPOSE, body.email.canonical)
    user = services.users.known("email", target.subject)
    if user is not None and user.is_enabled:
        person = user
        opening = services.codes.redeem(
            _policy(call), target, body.otpCode, lambda: services.sessions.open(person)
        )
    else:
        # The directory may be another store: consume, then act.
        services.codes.redeem(_policy(call), target, body.otpCode)
        if user is not None or call.settings.create_user is False:
            raise errors.UserNotFound
        user = _created(call, target.subject, proved=True)
        if user is None:
            raise errors.UserNotFound
        opening = services.sessions.open(user)
    _demand_still_enabled(call, opening.session)
    services.sessions.opened(opening)
    if not user.email_verified:
        services.directory.mark_verified(str(user.id), "email")
    return Success(_login(user, opening.tokens), "Login successful")


@email.post("/refresh-token", RefreshToken, rate_limit="redeem")
def refresh_token(call: Call, body: RefreshToken) -> Success:
    """Spend a refresh token for new tokens."""
    tokens, user = call.services.sessions.refresh(body.refreshToken)
    return Success(_login(user, tokens), "Token refreshed successfully")


@email.post("/logout", Logout, rate_limit="redeem", needs_login=True, login_field="refreshToken")
def logout(call: Call, body: Logout) -> Success:
    """End the session of the access token that is presented; without a live one, of a refresh token."""
    if call.login is None:
        call.services.sessions.close_by(Sensitive(str(body.refreshToken).strip()))
    else:
        call.services.sessions.close(call.login)
    return Success(message="Logout successful")


@email.get(
    "/.well-known/jwks.json",
    Nothing,
    rate_limit="redeem",
    envelope="problem",
    enabled=lambda settings, services: bool(services.jwks["keys"]),
)
def jwks(call: Call, body: Nothing) -> Success:
    """The public keys of the access tokens (RFC 7517), where they are signed with asymmetric ones."""
    return Success(call.services.jwks)


def _created(call: Call, address: str, *, proved: bool) -> User | None:
    """The new user; ``None`` where two have the address, and nobody can say who is meant."""
    users = call.services.users
    try:
        return users.of_proved_email(address) if proved else users.get_or_create(email=address)
    except UserExists:
        return None


def _demand_still_enabled(call: Call, session: Session) -> None:
    """
    End the session of a user who is disabled: the host may have to approve new users first, and a
    user may be disabled or deleted during the login.

    Disabling marks the user before it ends the sessions: it has ended this one, or is seen here.
    """
    if call.services.sessions.user_of(session) is None:
        call.services.sessions.close_all(session.user_id)
        raise errors.UserNotFound


def _policy(call: Call) -> Policy:
    # The limits count under the purpose itself, so that an address is one row.
    policy: Policy = call.settings.policy(PURPOSE)
    return policy


def _login(user: User, tokens: Tokens) -> dict[str, Any]:
    return {
        "userId": shown_id(user),
        "email": user.email,
        "fullName": user.full_name or "",
        "avatarUrl": user.avatar_url,
        "accessToken": tokens.access_token,
        "refreshToken": tokens.refresh_token,
        "expiresAt": f"{tokens.expires_at:%Y-%m-%dT%H:%M:%S}Z",
    }
