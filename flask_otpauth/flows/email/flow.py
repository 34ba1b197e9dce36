"""The flow ``email``: log in with a code that is sent by e-mail (contract/email.md)."""

from __future__ import annotations

from collections.abc import Mapping

from flask_otpauth.engine.logins import Logins
from flask_otpauth.engine.services import Services
from flask_otpauth.flows.email.deviations import DEVIATIONS
from flask_otpauth.flows.email.envelope import EmailEnvelope
from flask_otpauth.flows.email.messages import MESSAGES
from flask_otpauth.flows.email.settings import PURPOSE, EmailSettings
from flask_otpauth.web.flow import Flow
from flask_otpauth.web.problem import ProblemEnvelope


def _build(services: Services, settings: EmailSettings) -> Logins:
    return Logins(
        services.codes,
        services.sessions,
        services.users,
        settings.policy(PURPOSE),
        create_user=settings.create_user,
        values={"code_in_subject": settings.code_in_subject},
    )


def _public_keys(services: Services, settings: EmailSettings) -> Mapping[str, object]:
    return services.public_keys


#: The public keys of the access tokens, in the format of RFC 7517.
public_keys = Flow(
    name="email",
    settings=EmailSettings,
    build=_public_keys,
    messages=MESSAGES,
    envelopes={"problem": ProblemEnvelope.from_settings},
)

email = Flow(
    name="email",
    settings=EmailSettings,
    build=_build,
    messages=MESSAGES,
    envelopes={"email": EmailEnvelope.from_settings},
    channels=lambda settings: ("email",),
    scopes={"email": (PURPOSE,)},
    counts_host_codes="email",
    session_policy=EmailSettings.session_policy,
    creates_users=lambda settings: settings.create_user is not False,
    deviations=DEVIATIONS,
    companions=(public_keys,),
)
