"""A flow of the host's own: log in with a code by SMS, and get tokens."""

from typing import Any

from flask_otpauth import errors
from flask_otpauth.envelopes import Success
from flask_otpauth.flows import (
    NOT_BOUND_TO_THE_BROWSER,
    TELEPHONE,
    Body,
    Call,
    Code,
    Flow,
    Locale,
    LoggedIn,
    Logins,
    Messages,
    OpaqueToken,
    PhoneNumber,
    Phrase,
    Services,
    UrlPath,
    WritingSettings,
)


class PhoneSettings(WritingSettings):
    """The settings ``OTPAUTH_PHONE_…``: those that every flow has, with these defaults."""

    documented_language = "en"
    url_prefix: UrlPath = "/api/login"
    envelope: Any = "problem"


class AskForCode(Body):
    """The number to send a code to."""

    phone: PhoneNumber
    lang: Locale | None = None


class EnterCode(Body):
    """The code that was read in the SMS."""

    phone: PhoneNumber
    code: Code


class RefreshToken(Body):
    """The refresh token to exchange."""

    refresh_token: OpaqueToken


def build(services: Services, settings: PhoneSettings) -> Logins:
    """Make the use case that the handlers call; codes are counted under the name ``phone``."""
    return Logins(
        services.codes,
        services.sessions,
        services.users,
        settings.policy("phone"),
        kind="phone",
        channel="sms",
    )


phone = Flow(
    name="phone",
    settings=PhoneSettings,
    build=build,
    messages=Messages(
        wording={
            errors.CodeRefused: Phrase("This code is not valid."),
            errors.Limited: Phrase("Too many attempts. Please try again later."),
            errors.NotSent: Phrase("The code could not be sent."),
            errors.NotAuthenticated: Phrase("Please log in."),
            errors.NotFound: Phrase("There is no such account."),
            errors.BadRequest: Phrase("The request is not valid."),
            errors.Refusal: Phrase("The service failed. Please try again later."),
        },
        faults={"*": Phrase("{field} is missing or not valid.")},
    ),
    channels=lambda settings: ("sms",),
    scopes={"phone": ("phone",)},
    creates_users=lambda settings: True,
    deviations=(TELEPHONE, NOT_BOUND_TO_THE_BROWSER),
)


@phone.post("/code", AskForCode, rate_limit="send")
def ask_for_code(call: Call[PhoneSettings, Logins], body: AskForCode) -> Success:
    """Send a code by SMS."""
    call.use_case.request(body.phone, call.settings.languages(body.lang))
    return Success({"phone": body.phone})


@phone.post("/token", EnterCode, rate_limit="redeem")
def enter_code(call: Call[PhoneSettings, Logins], body: EnterCode) -> Success:
    """Log in with the code."""
    return Success(shown(call.use_case.verify(body.phone, body.code)))


@phone.post("/refresh", RefreshToken, rate_limit="redeem")
def refresh(call: Call[PhoneSettings, Logins], body: RefreshToken) -> Success:
    """Exchange a refresh token for new tokens."""
    return Success(shown(call.use_case.refresh(body.refresh_token)))


def shown(logged_in: LoggedIn) -> dict[str, str]:
    """Return the tokens as this API shows them."""
    tokens = logged_in.tokens
    return {"access_token": tokens.access_token, "refresh_token": tokens.refresh_token}
