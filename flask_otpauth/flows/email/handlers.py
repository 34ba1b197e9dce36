"""The operations of the flow ``email``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from flask_otpauth.engine.logins import LoggedIn, Logins, shown_id
from flask_otpauth.flows.email.bodies import Logout, Nothing, RefreshToken, RequestOtp, VerifyOtp
from flask_otpauth.flows.email.flow import email, public_keys
from flask_otpauth.flows.email.settings import EmailSettings
from flask_otpauth.web.credentials import UserToken
from flask_otpauth.web.envelope import Success
from flask_otpauth.web.flow import Call

EmailCall: TypeAlias = Call[EmailSettings, Logins]


@email.post("/request-otp", RequestOtp, rate_limit="send", repeats=lambda body: {"email": body.email.given})
def request_otp(call: EmailCall, body: RequestOtp) -> Success:
    """Send a new code, which replaces the earlier one."""
    call.use_case.request(body.email.canonical, call.settings.languages(body.lang))
    seconds = int(call.settings.code_ttl.total_seconds())
    return Success({"email": body.email.given, "expireInSeconds": seconds}, "OTP sent successfully")


@email.post("/verify-otp", VerifyOtp, rate_limit="redeem")
def verify_otp(call: EmailCall, body: VerifyOtp) -> Success:
    """Log in with the code."""
    return Success(_shown(call.use_case.verify(body.email.canonical, body.otpCode)), "Login successful")


@email.post("/refresh-token", RefreshToken, rate_limit="redeem")
def refresh_token(call: EmailCall, body: RefreshToken) -> Success:
    """Exchange a refresh token for new tokens."""
    return Success(_shown(call.use_case.refresh(body.refreshToken)), "Token refreshed successfully")


@email.post("/logout", Logout, rate_limit="redeem", login=UserToken(or_field="refreshToken"))
def logout(call: EmailCall, body: Logout) -> Success:
    """End the session of the access token; without a valid one, the session of the refresh token."""
    call.use_case.logout(call.login, body.refreshToken)
    return Success(message="Logout successful")


@public_keys.get(
    "/.well-known/jwks.json",
    Nothing,
    rate_limit="redeem",
    enabled=lambda settings, keys: bool(keys["keys"]),
)
def jwks(call: Call[EmailSettings, Mapping[str, object]], body: Nothing) -> Success:
    """Return the public keys of the access tokens (RFC 7517), if these are signed with asymmetric keys."""
    return Success(call.use_case)


def _shown(logged_in: LoggedIn) -> dict[str, object]:
    user, tokens = logged_in.user, logged_in.tokens
    return {
        "userId": shown_id(user),
        "email": user.email,
        "fullName": user.full_name or "",
        "avatarUrl": user.avatar_url,
        "accessToken": tokens.access_token,
        "refreshToken": tokens.refresh_token,
        "expiresAt": tokens.expires_at.isoformat().replace("+00:00", "Z"),
    }
