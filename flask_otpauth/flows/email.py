"""``email``: log in with a code sent by e-mail (contract/email.md). Public: no client credential."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field, StrictBool

from flask_otpauth.core import errors
from flask_otpauth.core.limits import Quota
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.core.sessions import Session
from flask_otpauth.engine.codes import Target
from flask_otpauth.engine.people import shown_id
from flask_otpauth.engine.post import Letter
from flask_otpauth.engine.sessions import SessionPolicy, Tokens
from flask_otpauth.envelopes.base import Success
from flask_otpauth.flows.base import Call, Flow, Says
from flask_otpauth.flows.fields import Anything, Body, Code, EmailAddress, Locale, OpaqueToken
from flask_otpauth.ports.directory import User, UserExists
from flask_otpauth.settings import Duration, Lifetime, Quotas, Shared, UrlPath, WritingSettings

PURPOSE = "email"


class EmailSettings(WritingSettings):
    """The keys of the e-mail flow."""

    host_channels: ClassVar = ("email",)
    hardened: ClassVar = {
        "failure_cap": 100,
        "http_status": "semantic",
        "session_max_age": timedelta(days=30),
    }

    url_prefix: UrlPath = Field("/apis/auth", description="Where the flow's paths begin.")
    envelope: Any = Field("email", description="The wire format.")
    send_quotas: Quotas = Field(
        (Quota.parse("5 per 15 minutes"), Quota.parse("20 per day")),
        description="How many codes an address gets.",
    )
    error_codes: Literal["examples", "table"] = Field(
        "examples", description="Whether errors carry the codes of the document's examples or of its table."
    )
    http_status: Literal["always_200", "semantic"] = Field(
        "always_200", description="Whether business errors are HTTP 200, as documented."
    )
    create_user: Literal["on_verify", "on_request", False] = Field(
        "on_verify", description="When an address without an account gets one; `False`: never."
    )
    code_in_subject: StrictBool = Field(True, description="Whether the mail's subject shows the code.")
    single_session: StrictBool = Field(True, description="Whether a login revokes the user's earlier tokens.")
    access_token_ttl: Lifetime = Field(timedelta(hours=24), description="How long an access token lives.")
    refresh_token_ttl: Lifetime = Field(timedelta(days=30), description="How long a refresh token lives.")
    refresh_grace: Duration = Field(
        timedelta(seconds=10), description="How long a spent refresh token gets the same successor again."
    )
    session_max_age: Lifetime = Field(
        timedelta(days=180), description="When a session ends, however often it was refreshed."
    )

    def session_policy(self) -> SessionPolicy:
        """How long the tokens and sessions of this flow live."""
        return SessionPolicy(
            self.access_token_ttl,
            self.refresh_token_ttl,
            self.refresh_grace,
            self.session_max_age,
            self.single_session,
        )

    def problems(self, shared: Shared) -> list[str]:
        """What cannot work together."""
        found = super().problems(shared)
        if self.create_user is False and shared.delivery == "inline":
            found.append(
                "CREATE_USER: False needs OTPAUTH_DELIVERY other than 'inline', since the time of a mail "
                "server would tell which addresses have an account"
            )
        return found


email = Flow(
    name="email",
    settings=EmailSettings,
    channels=lambda settings: ("email",),
    scopes={"email": (PURPOSE,)},
    labels={"email": "Email", "otpCode": "OTP code", "refreshToken": "Refresh token"},
    faults={
        "required": Says("{label} is required"),
        "email": Says("Invalid email", kind="invalid_email"),
        "otpCode": Says("Invalid OTP", kind="invalid_otp"),
        "refreshToken": Says("Invalid refresh token", kind="refresh_token_invalid"),
    },
    wording={
        errors.CodeRefused: Says("Invalid OTP"),
        errors.CodeUsed: Says("OTP has already been used"),
        errors.CodeExpired: Says("OTP has expired"),
        errors.CodeExhausted: Says("Maximum OTP attempts exceeded"),
        errors.NotSent: Says("Failed to send OTP"),
        errors.Limited: Says("Too many OTP requests"),
        errors.UserNotFound: Says("User not found"),
        errors.NotFound: Says("Not found"),
        errors.SecretRefused: Says("Invalid credentials"),
        errors.RefreshTokenInvalid: Says("Invalid refresh token"),
        errors.NotAuthenticated: Says("Unauthorized"),
        errors.FreshLoginRequired: Says("OTP required"),
        errors.NotPermitted: Says("Forbidden"),
        errors.BadRequest: Says("Invalid request"),
        errors.MethodNotAllowed: Says("Method Not Allowed"),
        errors.ContentTooLarge: Says("Content Too Large"),
        errors.UnsupportedMediaType: Says("Unsupported Media Type"),
        errors.Refusal: Says("System error"),
    },
)


class RequestOtp(Body):
    """Where to send the code, and in which language."""

    email: EmailAddress
    lang: Locale | None = None


class VerifyOtp(Body):
    """The code that was read in the mail."""

    email: EmailAddress
    otpCode: Code


class RefreshToken(Body):
    """The refresh token to spend."""

    refreshToken: OpaqueToken


class Logout(Body):
    """A refresh token, which is looked at where no access token is alive."""

    refreshToken: Anything = None


class Nothing(Body):
    """No field is looked at."""


@email.post("/request-otp", RequestOtp, front="send")
def request_otp(call: Call, body: RequestOtp) -> Success:
    """Mail a fresh code, which supersedes the earlier one."""
    address, settings = body.email.canonical, call.settings
    user = call.services.users.known("email", address)
    if user is None and settings.create_user == "on_request":
        user = _created(call, address, proved=False)
    entitled = user.is_enabled if user else settings.create_user is not False
    letter = Letter(
        "email",
        (user.email if user else None) or address,
        locales=settings.languages(body.lang),
        purpose=PURPOSE,
        values={"code_in_subject": settings.code_in_subject},
        discreet=True,
        withheld=not entitled,
    )
    call.services.codes.send(_policy(call), Target(PURPOSE, address), letter)
    seconds = int(settings.code_ttl.total_seconds())
    return Success({"email": body.email.given, "expireInSeconds": seconds}, "OTP sent successfully")


@email.post("/verify-otp", VerifyOtp, front="redeem")
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


@email.post("/refresh-token", RefreshToken, front="redeem")
def refresh_token(call: Call, body: RefreshToken) -> Success:
    """Spend a refresh token for new tokens."""
    tokens, user = call.services.sessions.refresh(body.refreshToken)
    return Success(_login(user, tokens), "Token refreshed successfully")


@email.post("/logout", Logout, front="redeem", needs_login=True, login_field="refreshToken")
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
    front="redeem",
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
