"""
The flow ``flashcall``: the code is the last digits of the number that calls (contract/flashcall.md).

An *application* calls the API. An *order* is one request to authenticate one phone by one call. *Number A*
is the caller's number, whose last digits are the code.
"""

from __future__ import annotations

from dataclasses import replace

from flask_otpauth.engine.orders import Orders
from flask_otpauth.engine.services import Services
from flask_otpauth.flows.flashcall.deviations import DEVIATIONS
from flask_otpauth.flows.flashcall.envelope import FlashcallEnvelope
from flask_otpauth.flows.flashcall.messages import MESSAGES
from flask_otpauth.flows.flashcall.settings import PURPOSE, FlashcallSettings
from flask_otpauth.web.credentials import SecretHeader
from flask_otpauth.web.flow import Flow


def _build(services: Services, settings: FlashcallSettings) -> Orders:
    policy = replace(settings.policy(PURPOSE), tells_state=True)
    return Orders(services.codes, policy, settings.prefixes, settings.daily_cap)


flashcall = Flow(
    name="flashcall",
    settings=FlashcallSettings,
    build=_build,
    messages=MESSAGES,
    envelopes={"flashcall": FlashcallEnvelope.from_settings},
    credential=SecretHeader("flashcall", "X-Application-Token"),
    channels=lambda settings: ("flashcall",),
    scopes={"phone": (PURPOSE,)},
    masked_prefix=lambda settings: settings.url_prefix if settings.mask_logs else None,
    deviations=DEVIATIONS,
)
