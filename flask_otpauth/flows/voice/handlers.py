"""``voice``: call a phone and speak the code, by a client's campaign (contract/voice.md)."""

from __future__ import annotations

from flask_otpauth.core import errors
from flask_otpauth.core.clients import Campaign
from flask_otpauth.core.policies import Policy
from flask_otpauth.core.time_units import milliseconds
from flask_otpauth.engine.codes import IssueOptions, Target
from flask_otpauth.engine.messenger import Draft
from flask_otpauth.flows.voice.bodies import Contact, SecretKey, SpokenCode
from flask_otpauth.flows.voice.settings import PURPOSE, VoiceSettings
from flask_otpauth.web.credentials import BareToken
from flask_otpauth.web.envelope import Success
from flask_otpauth.web.flow import Call, Flow, Phrase

voice = Flow(
    name="voice",
    settings=VoiceSettings,
    credential=BareToken("voice"),
    channels=lambda settings: ("voice",),
    scopes={"phone": (PURPOSE,)},
    faults={
        "required": Phrase("{field} is required"),
        "not_a_string": Phrase("{field} must be a string"),
        "digits": Phrase("{field} must be {shortest} to {longest} digits"),
        "phone": Phrase("{field} is not a valid phone number"),
        "*": Phrase("{field} is not valid"),
    },
    wording={
        errors.NotAuthenticated: Phrase("invalid access token"),
        errors.ClientBlocked: Phrase("client is blocked"),
        errors.ClientNotAllowed: Phrase("client may not use this service"),
        errors.UserMismatch: Phrase("userid does not match the access token"),
        errors.NotPermitted: Phrase("access denied"),
        errors.CampaignNotFound: Phrase("campaign not found"),
        errors.NotFound: Phrase("not found"),
        errors.SecretRefused: Phrase("invalid credentials"),
        errors.CampaignPaused: Phrase("campaign is paused"),
        errors.Limited: Phrase("too many calls"),
        errors.TooManyRequests: Phrase("Too Many Requests"),
        errors.NotSent: Phrase("call could not be placed"),
        errors.CodeRefused: Phrase("invalid otp"),
        errors.CodeExhausted: Phrase("too many attempts"),
        errors.BadRequest: Phrase("invalid request"),
        errors.MethodNotAllowed: Phrase("Method Not Allowed"),
        errors.ContentTooLarge: Phrase("Content Too Large"),
        errors.UnsupportedMediaType: Phrase("Unsupported Media Type"),
        errors.Unavailable: Phrase("Service Unavailable"),
        errors.Refusal: Phrase("Service Error"),
    },
)


@voice.post(
    "/users/generate_access_token",
    SecretKey,
    rate_limit="authentication",
    credential=None,
    wording={errors.CredentialsInvalid: Phrase("invalid secret key")},
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


@voice.post("/campaigns/<campaign_id>/voiceotp", SpokenCode, rate_limit="send")
def voiceotp(call: Call, body: SpokenCode) -> Success:
    """Call a phone and speak the code."""
    contact, codes = body.contact, call.services.codes
    if contact.otp is None and not call.settings.verify:
        raise errors.InvalidFields(errors.Fault("contact.otp", "required"))
    campaign = _campaign(call, body)
    draft = Draft(
        "voice",
        contact.phone_number,
        locales=call.settings.languages(campaign.language),
        purpose=PURPOSE,
        caller_number=campaign.caller_id,
        reference=campaign.id,
        values={"repeats": campaign.repeats},
    )
    terms = IssueOptions(
        code=contact.otp,
        is_known=contact.otp is not None,
        cap=codes.daily_cap("campaign", campaign.id, campaign.daily_cap),
        repeat_within_ms=milliseconds(call.settings.retry_window) if contact.otp else 0,
        apart=not call.settings.verify,
    )
    codes.send(_policy(call, contact.otp), _target(call, campaign, contact), draft, terms)
    return Success({"campaign_id": campaign.id})


@voice.post(
    "/campaigns/<campaign_id>/voiceotp/verify",
    SpokenCode,
    rate_limit="redeem",
    enabled=lambda settings, services: settings.verify,
    wording={errors.SubjectLocked: Phrase("too many attempts")},
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
