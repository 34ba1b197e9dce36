"""``voice``: call a phone and speak the code, by a client's campaign (contract/voice.md)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainValidator, StrictBool

from flask_otpauth.core import errors
from flask_otpauth.core.clients import Campaign
from flask_otpauth.core.codes import is_digits
from flask_otpauth.core.limits import Quota, milliseconds
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.sensitive import Sensitive
from flask_otpauth.engine.codes import Target, Terms
from flask_otpauth.engine.post import Letter
from flask_otpauth.envelopes.base import Success
from flask_otpauth.flows.base import Call, Flow, Says
from flask_otpauth.flows.credentials import BareToken
from flask_otpauth.flows.fields import Body, Context, Name, fault, text
from flask_otpauth.settings import (
    CodeLength,
    Count,
    Duration,
    Lifetime,
    Quotas,
    Region,
    Shared,
    UrlPath,
    WritingSettings,
)

PURPOSE = "voice"


class VoiceSettings(WritingSettings):
    """The keys of the voice flow."""

    hardened: ClassVar = {"failure_cap": 100}

    url_prefix: UrlPath = Field("/api/v1", description="Where the flow's paths begin.")
    envelope: Any = Field("voice", description="The wire format.")
    send_quotas: Quotas = Field(
        (Quota.parse("5 per 10 minutes"), Quota.parse("10 per day")),
        description="How many calls a phone gets.",
    )
    access_token_ttl: Lifetime = Field(
        timedelta(seconds=15_552_000), description="How long a client's access token lives."
    )
    max_tokens: Count = Field(20, description="Access tokens of one client; the oldest gives way.")
    otp_min_length: CodeLength = Field(4, description="The fewest digits of an `otp`.")
    otp_max_length: CodeLength = Field(10, description="The most digits of an `otp`.")
    retry_window: Duration = Field(
        timedelta(seconds=10),
        description="How long the same `otp` for the same phone is a retry, not a call.",
    )
    region: Region = Field("VN", description="Region of national phone numbers.")
    failure_message_key: Literal["message", "messsage"] = Field(
        "message", description="What failures call the message, for clients built on the document's misprint."
    )
    verify: StrictBool = Field(False, description="Whether the flow also draws codes and verifies them.")

    def weakest_policy(self) -> Policy | None:
        """A client may choose the shortest code; without ``verify`` it judges the guesses itself."""
        shortest = min(self.code_length, self.otp_min_length)
        return self.policy("", code_length=shortest) if self.verify else None

    def problems(self, shared: Shared) -> list[str]:
        """What cannot work together."""
        found = super().problems(shared)
        if self.otp_min_length > self.otp_max_length:
            found.append("OTP_MIN_LENGTH: is more than OTP_MAX_LENGTH")
        elif self.verify and not self.otp_min_length <= self.code_length <= self.otp_max_length:
            found.append(
                "CODE_LENGTH: must lie between OTP_MIN_LENGTH and OTP_MAX_LENGTH, so that it is a valid otp"
            )
        return found


voice = Flow(
    name="voice",
    settings=VoiceSettings,
    credential=BareToken("voice"),
    channels=lambda settings: ("voice",),
    scopes={"phone": (PURPOSE,)},
    faults={
        "required": Says("{field} is required"),
        "not_a_string": Says("{field} must be a string"),
        "digits": Says("{field} must be {shortest} to {longest} digits"),
        "phone": Says("{field} is not a valid phone number"),
        "*": Says("{field} is not valid"),
    },
    wording={
        errors.NotAuthenticated: Says("invalid access token"),
        errors.ClientBlocked: Says("client is blocked"),
        errors.ClientNotAllowed: Says("client may not use this service"),
        errors.UserMismatch: Says("userid does not match the access token"),
        errors.NotPermitted: Says("access denied"),
        errors.CampaignNotFound: Says("campaign not found"),
        errors.NotFound: Says("not found"),
        errors.SecretRefused: Says("invalid credentials"),
        errors.CampaignPaused: Says("campaign is paused"),
        errors.Limited: Says("too many calls"),
        errors.TooManyRequests: Says("Too Many Requests"),
        errors.NotSent: Says("call could not be placed"),
        errors.CodeRefused: Says("invalid otp"),
        errors.CodeExhausted: Says("too many attempts"),
        errors.BadRequest: Says("invalid request"),
        errors.MethodNotAllowed: Says("Method Not Allowed"),
        errors.ContentTooLarge: Says("Content Too Large"),
        errors.UnsupportedMediaType: Says("Unsupported Media Type"),
        errors.Unavailable: Says("Service Unavailable"),
        errors.Refusal: Says("Service Error"),
    },
)


def _phone(value: object, info: Context) -> str:
    try:
        return str(info.context.addresses.phone(text(value, "phone"), info.context.settings.region))
    except ValueError:
        raise fault("phone") from None


def _otp(value: object, info: Context) -> str:
    shortest, longest = info.context.settings.otp_min_length, info.context.settings.otp_max_length
    if not isinstance(value, str) or not is_digits(value, shortest, longest):
        raise fault("digits", shortest=shortest, longest=longest)
    return Sensitive(value)


class SecretKey(Body):
    """The secret key that an access token is bought with."""

    secret_key: Name


class Contact(Body):
    """The phone to call and the code to speak; without one, we draw it (``OTPAUTH_VOICE_VERIFY``)."""

    phone_number: Annotated[str, PlainValidator(_phone)]
    otp: Annotated[str, PlainValidator(_otp)] | None = None


class SpokenCode(Body):
    """For which user whom to call, or whose code to verify."""

    userid: Name
    contact: Contact


@voice.post(
    "/users/generate_access_token",
    SecretKey,
    front="authentication",
    credential=None,
    wording={errors.CredentialsInvalid: Says("invalid secret key")},
)
def generate_access_token(call: Call, body: SecretKey) -> Success:
    """Buy an access token with the secret key."""
    clients, settings = call.services.clients, call.settings
    client, generation = clients.by_secret(body.secret_key, "voice")
    token = clients.buy_token(client, generation, "voice", settings.access_token_ttl, settings.max_tokens)
    return Success(
        {
            "id": body.secret_key,
            "user_id": client.id,
            "access_token": token,
            "refresh_token": "",
            "expire_at": int(settings.access_token_ttl.total_seconds()),
            "token_type": "Bearer",
            "scope": client.scope,
        }
    )


@voice.post("/campaigns/<campaign_id>/voiceotp", SpokenCode, front="send")
def voiceotp(call: Call, body: SpokenCode) -> Success:
    """Call a phone and speak the code."""
    contact, codes = body.contact, call.services.codes
    if contact.otp is None and not call.settings.verify:
        raise errors.InvalidFields(errors.Fault("contact.otp", "required"))
    campaign = _campaign(call, body)
    letter = Letter(
        "voice",
        contact.phone_number,
        locales=call.settings.languages(campaign.language),
        purpose=PURPOSE,
        caller_number=campaign.caller_id,
        reference=campaign.id,
        values={"repeats": campaign.repeats},
    )
    terms = Terms(
        code=contact.otp,
        is_known=contact.otp is not None,
        cap=codes.daily_cap("campaign", campaign.id, campaign.daily_cap),
        repeat_within_ms=milliseconds(call.settings.retry_window) if contact.otp else 0,
        apart=not call.settings.verify,
    )
    codes.send(_policy(call, contact.otp), _target(call, campaign, contact), letter, terms)
    return Success({"campaign_id": campaign.id})


@voice.post(
    "/campaigns/<campaign_id>/voiceotp/verify",
    SpokenCode,
    front="redeem",
    enabled=lambda settings, services: settings.verify,
    wording={errors.SubjectLocked: Says("too many attempts")},
)
def verify(call: Call, body: SpokenCode) -> Success:
    """Verify a code that was spoken, for clients that would rather not keep it themselves."""
    if body.contact.otp is None:
        raise errors.InvalidFields(errors.Fault("contact.otp", "required"))
    campaign = _campaign(call, body)
    policy = _policy(call, body.contact.otp)
    call.services.codes.redeem(policy, _target(call, campaign, body.contact), body.contact.otp)
    return Success({"campaign_id": campaign.id})


def _campaign(call: Call, body: SpokenCode) -> Campaign:
    client = call.client
    if client is None or (body.userid != client.id and client.scope != "admin"):
        raise errors.UserMismatch
    return call.services.campaigns.reached_by(client, call.path["campaign_id"])


def _target(call: Call, campaign: Campaign, contact: Contact) -> Target:
    client_id = call.client.id if call.client else ""
    return Target(f"{PURPOSE}:{campaign.id}", contact.phone_number, client_id)


def _policy(call: Call, otp: str | None) -> Policy:
    """A code that the client chose has the length that it chose."""
    length = len(otp) if otp else call.settings.code_length
    policy: Policy = call.settings.policy(PURPOSE, code_length=length)
    return policy
