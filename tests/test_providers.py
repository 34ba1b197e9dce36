"""OTPAUTH_PROVIDERS: senders by a name of the host's choice, and declarations of senders in general."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import ConfigurationError, OtpAuth
from flask_otpauth.adapters.senders.declarations import Problem, WrongDeclaration
from flask_otpauth.cli import otpauth as commands
from flask_otpauth.core.routes import RouteKey
from flask_otpauth.senders import MemorySender, Message, Sender
from flask_otpauth.wiring import builders
from tests.hosts import SECRET_KEY, MakeApp

PASSWORD = "swordfish swordfish swordfish"


def pigeon(declaration: Mapping[str, object]) -> Sender:
    """Make a sender for the profile ``pigeon``, which takes only a password."""
    if wrong := [
        Problem((name,), "unknown key") for name in declaration if name not in ("profile", "password")
    ]:
        raise WrongDeclaration(wrong)
    return MemorySender()


@pytest.fixture(autouse=True)
def _profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builders, "BUILDERS", {"pigeon": pigeon})


def problems(**config: Any) -> tuple[str, ...]:
    app = Flask("host")
    app.config.update(SECRET_KEY=SECRET_KEY, OTPAUTH_STORAGE="memory", OTPAUTH_SENDERS={"email": "console"})
    app.config.update({f"OTPAUTH_{name.upper()}": value for name, value in config.items()})
    with pytest.raises(ConfigurationError) as caught:
        OtpAuth(app)
    return caught.value.problems


def routed(app: Flask, channel: str) -> Any:
    router = app.extensions["otpauth"].services.codes.messenger.router
    (sender,) = router.routes[RouteKey(channel)].senders
    return sender.sender.sender


def test_a_provider_sends_wherever_its_name_is_used(make_app: MakeApp) -> None:
    sender = MemorySender()
    app = make_app(
        flows=("email",),
        providers={"acme": sender},
        senders={"email": "acme", "sms": ["acme"], "voice": None},
    )

    app.test_client().post("/apis/auth/request-otp", json={"email": "user@example.com"})

    assert routed(app, "email") is routed(app, "sms") is sender
    assert isinstance(sender.messages[-1], Message)


def test_a_provider_can_be_a_dotted_path(make_app: MakeApp) -> None:
    app = make_app(
        flows=("email",),
        providers={"acme": "flask_otpauth.senders:MemorySender"},
        senders={"email": "acme"},
    )

    assert isinstance(routed(app, "email"), MemorySender)


@pytest.mark.parametrize(
    ("senders", "declared"),
    [
        ({"email": "acme"}, {"acme": {"profile": "pigeon", "password": PASSWORD}}),
        ({"email": {"profile": "pigeon", "password": PASSWORD}}, {}),
        ({"email": [{"profile": "pigeon", "password": PASSWORD}]}, {}),
    ],
)
def test_a_declaration_becomes_a_sender_and_is_never_shown(
    make_app: MakeApp, senders: dict[str, Any], declared: dict[str, Any]
) -> None:
    app = make_app(flows=("email",), providers=declared, senders=senders)

    shown = app.test_cli_runner().invoke(commands, ["config"]).output

    assert isinstance(routed(app, "email"), MemorySender)
    assert PASSWORD not in shown
    assert PASSWORD not in repr(app.extensions["otpauth"].shared)


def test_all_that_is_wrong_with_declarations_is_told_with_the_names_of_the_keys() -> None:
    found = problems(
        providers={
            "acme": {"profile": "pigeon", "passwort": PASSWORD, "ur": ""},
            "bird": {"profile": "pigoen"},
            "none": {"profile": None},
            "mail": MemorySender(),
            "lost": "mail",
        },
        senders={"email": "amce", "sms": [{"profile": "pigeon", "color": "gray"}]},
    )

    names = "acme or bird or console or lost or mail or memory or none or 'package.module:attribute'"
    assert found == (
        "OTPAUTH_PROVIDERS['acme']['passwort']: unknown key",
        "OTPAUTH_PROVIDERS['acme']['ur']: unknown key",
        "OTPAUTH_PROVIDERS['bird']['profile']: unknown profile 'pigoen'; did you mean pigeon?",
        "OTPAUTH_PROVIDERS['none']['profile']: expected the name of a profile",
        "OTPAUTH_PROVIDERS['mail']: choose another name, a packaged sender has this one",
        "OTPAUTH_PROVIDERS['lost']: unknown value 'mail': expected 'package.module:attribute'",
        f"OTPAUTH_SENDERS['email']: unknown value 'amce': expected {names}",
        "OTPAUTH_SENDERS['sms'][0]['color']: unknown key",
    )


def test_a_sender_that_cannot_send_on_its_channel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    twilio = {"profile": "twilio", "account_sid": "AC1", "auth_token": PASSWORD, "from": "+15005550006"}

    found = problems(
        providers={"tw": twilio, "local": {"url": "sms.example"}},
        senders={"email": ["tw"], "sms": "tw", "voice": "tw"},
    )

    assert found == (
        "OTPAUTH_PROVIDERS['local']['url']: expected a URL that begins with https:// or http://",
        "OTPAUTH_SENDERS['email'][0]: cannot send on channel 'email': the profile has no such channel",
        "OTPAUTH_SENDERS['voice']: cannot send on channel 'voice': needs 'voice_from'",
    )
