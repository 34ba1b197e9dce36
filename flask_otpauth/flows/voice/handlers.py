"""The operations of the flow ``voice``."""

from __future__ import annotations

from typing import TypeAlias

from flask_otpauth.core import errors
from flask_otpauth.core.clients import Campaign
from flask_otpauth.engine.spoken_codes import SpokenCodes
from flask_otpauth.flows.voice.bodies import SecretKey, SpokenCode
from flask_otpauth.flows.voice.flow import voice
from flask_otpauth.flows.voice.messages import BUYING, VERIFYING
from flask_otpauth.flows.voice.settings import VoiceSettings
from flask_otpauth.web.envelope import Success
from flask_otpauth.web.flow import Call

VoiceCall: TypeAlias = Call[VoiceSettings, SpokenCodes]


@voice.post(
    "/users/generate_access_token",
    SecretKey,
    rate_limit="authentication",
    credential=None,
    messages=BUYING,
)
def generate_access_token(call: VoiceCall, body: SecretKey) -> Success:
    """Issue an access token for the secret key."""
    clients, ttl = call.use_case.clients, call.settings.access_token_ttl
    client, generation = clients.by_secret(body.secret_key, "voice")
    token = clients.buy_token(client, generation, "voice", ttl, call.settings.max_tokens)
    return Success(
        {
            "id": body.secret_key,
            "user_id": client.id,
            "access_token": token,
            "refresh_token": "",
            "expire_at": int(ttl.total_seconds()),
            "token_type": "Bearer",
            "scope": client.scope,
        }
    )


@voice.post("/campaigns/<campaign_id>/voiceotp", SpokenCode, rate_limit="send")
def voiceotp(call: VoiceCall, body: SpokenCode) -> Success:
    """Call a phone and speak the code."""
    contact = body.contact
    if contact.otp is None and not call.settings.verify:
        raise errors.InvalidFields(errors.Fault("contact.otp", "required"))
    campaign = _campaign(call, body)
    locales = call.settings.languages(campaign.language)
    call.use_case.speak(call.client, campaign, contact.phone_number, contact.otp, locales)
    return Success({"campaign_id": campaign.id})


@voice.post(
    "/campaigns/<campaign_id>/voiceotp/verify",
    SpokenCode,
    rate_limit="redeem",
    messages=VERIFYING,
    enabled=lambda settings, codes: settings.verify,
)
def verify(call: VoiceCall, body: SpokenCode) -> Success:
    """Verify a code that was spoken, for clients that do not verify it themselves."""
    contact = body.contact
    if contact.otp is None:
        raise errors.InvalidFields(errors.Fault("contact.otp", "required"))
    campaign = _campaign(call, body)
    call.use_case.verify(call.client, campaign, contact.phone_number, contact.otp)
    return Success({"campaign_id": campaign.id})


def _campaign(call: VoiceCall, body: SpokenCode) -> Campaign:
    if body.userid != call.client.id and call.client.scope != "admin":
        raise errors.UserMismatch
    return call.use_case.campaigns.find_for(call.client, call.path["campaign_id"])
