"""The flow ``account``: PIN and password of a merchant's customers (contract/account.md)."""

from __future__ import annotations

from dataclasses import replace

from flask_otpauth.core.passwords import common_pins, normalize
from flask_otpauth.engine.customers import Customers
from flask_otpauth.engine.resets import PASSWORD_RESET, PIN_RESET, AccountUseCases, Resets
from flask_otpauth.engine.secrets import SecretKind
from flask_otpauth.engine.services import Services
from flask_otpauth.flows.account.deviations import DEVIATIONS
from flask_otpauth.flows.account.envelope import AccountEnvelope
from flask_otpauth.flows.account.messages import MESSAGES
from flask_otpauth.flows.account.settings import AccountSettings
from flask_otpauth.web.credentials import SecretOrSignedToken
from flask_otpauth.web.flow import Flow


def _secrets(settings: AccountSettings) -> tuple[SecretKind, ...]:
    return (
        SecretKind("pin", settings.pin_failures()),
        SecretKind("password", settings.password_failures(), throttles=True, normalize=normalize),
    )


def _build(services: Services, settings: AccountSettings) -> AccountUseCases:
    barred = common_pins() if settings.pin_blocklist == "common" else settings.pin_blocklist or ()
    customers = Customers(
        users=replace(services.users, region=settings.region),
        codes=services.codes,
        sessions=services.sessions,
        pins=services.users.secrets["pin"],
        passwords=services.users.secrets["password"],
        barred_pins=frozenset(barred),
        common_passwords=services.common_passwords,
        notice_languages=settings.languages if settings.notify_changes else None,
    )
    resets = Resets(
        customers=customers,
        policies={purpose: settings.policy(purpose) for purpose in (PIN_RESET, PASSWORD_RESET)},
        channels=settings.channels,
        templates=settings.templates,
        languages=settings.languages,
        shows_code=settings.echo_otp,
    )
    return AccountUseCases(customers, resets, services.clients, services.addresses)


account = Flow(
    name="account",
    settings=AccountSettings,
    build=_build,
    messages=MESSAGES,
    envelopes={"account": AccountEnvelope.from_settings},
    credential=SecretOrSignedToken("account"),
    channels=lambda settings: (*settings.channels, *settings.workflow_channels),
    scopes={"user": (PIN_RESET, PASSWORD_RESET)},
    secrets=_secrets,
    deviations=DEVIATIONS,
)
