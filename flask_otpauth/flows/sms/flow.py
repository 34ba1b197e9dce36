"""The flow ``sms``: send a code by SMS, once or again, and verify it (contract/sms.md)."""

from __future__ import annotations

from flask_otpauth.engine.account_tokens import AccountTokens
from flask_otpauth.engine.phone_codes import PhoneCodes
from flask_otpauth.engine.services import Services
from flask_otpauth.flows.sms.deviations import DEVIATIONS
from flask_otpauth.flows.sms.envelope import SmsEnvelope
from flask_otpauth.flows.sms.messages import MESSAGES
from flask_otpauth.flows.sms.settings import PURPOSE, SmsSettings
from flask_otpauth.flows.sms.token_endpoint import token_endpoint
from flask_otpauth.web.credentials import SignedToken
from flask_otpauth.web.flow import Flow


def _build(services: Services, settings: SmsSettings) -> PhoneCodes:
    account_tokens = AccountTokens(
        services.signed_tokens,
        services.storage.sessions,
        services.directory,
        services.clock,
        settings.account_token_ttl,
    )
    return PhoneCodes(
        codes=services.codes,
        users=services.users,
        addresses=services.addresses,
        account_tokens=account_tokens,
        policy=settings.policy(PURPOSE),
    )


sms = Flow(
    name="sms",
    settings=SmsSettings,
    build=_build,
    messages=MESSAGES,
    envelopes={"sms": SmsEnvelope.from_settings},
    credential=SignedToken("sms"),
    on_devices=True,
    channels=lambda settings: ("sms", *settings.workflow_channels),
    scopes={"phone": (PURPOSE,)},
    counts_host_codes="phone",
    deviations=DEVIATIONS,
    companions=(token_endpoint,),
)
