"""The flow ``voice``: call a phone and speak the code, for a campaign of a client (contract/voice.md)."""

from __future__ import annotations

from dataclasses import replace

from flask_otpauth.core.instants import milliseconds
from flask_otpauth.core.locales import preferences
from flask_otpauth.engine.campaigns import Campaigns
from flask_otpauth.engine.services import Services
from flask_otpauth.engine.spoken_codes import SpokenCodes
from flask_otpauth.flows.voice.deviations import DEVIATIONS
from flask_otpauth.flows.voice.envelope import VoiceEnvelope
from flask_otpauth.flows.voice.messages import MESSAGES
from flask_otpauth.flows.voice.settings import PURPOSE, VoiceSettings
from flask_otpauth.web.credentials import BareToken
from flask_otpauth.web.flow import Flow


def _build(services: Services, settings: VoiceSettings) -> SpokenCodes:
    def spoken(language: str | None) -> str | None:
        wanted = preferences(language) if language else settings.languages()
        return services.codes.messenger.language("voice", wanted)

    policy = settings.policy(PURPOSE)
    lengths = {settings.code_length, *range(settings.otp_min_length, settings.otp_max_length + 1)}
    return SpokenCodes(
        campaigns=Campaigns(services.storage.clients, services.clock, spoken),
        clients=services.clients,
        codes=services.codes,
        policies={length: replace(policy, code_length=length) for length in lengths},
        code_length=settings.code_length,
        retry_window_ms=milliseconds(settings.retry_window),
        verifies=settings.verify,
    )


voice = Flow(
    name="voice",
    settings=VoiceSettings,
    build=_build,
    messages=MESSAGES,
    envelopes={"voice": VoiceEnvelope.from_settings},
    credential=BareToken("voice"),
    channels=lambda settings: ("voice",),
    scopes={"phone": (PURPOSE,)},
    deviations=DEVIATIONS,
)
