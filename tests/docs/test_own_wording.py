"""The page on own sentences: an app's words in the answers, and nothing else changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from docs.examples import own_wording
from docs.examples.own_wording import OwnWords
from flask_otpauth import Refusal
from flask_otpauth.envelopes import Failure, FieldError, Success
from flask_otpauth.flows import FLOWS
from flask_otpauth.testing import MovableClock, Outbox
from flask_otpauth.wiring.envelopes import packaged_envelopes
from tests.docs.shell import DOCS
from tests.flows.email_caller import EmailCaller
from tests.hosts import SECRET_KEY, MakeApp

PACKAGED = packaged_envelopes(FLOWS)
PAGE = (DOCS / "howto/own-wording.md").read_text("utf-8")
OWN = "A sentence of the host"


@pytest.fixture
def app(outbox: Outbox, clock: MovableClock, database_uri: str) -> Flask:
    """The app of the page."""
    app = own_wording.create_app(
        {
            "SECRET_KEY": SECRET_KEY,
            "TESTING": True,
            "OTPAUTH_SENDERS": outbox.senders,
            "OTPAUTH_CLOCK": clock,
            "OTPAUTH_IP_LIMITS": None,
            "OTPAUTH_DATABASE_URI": database_uri,
        }
    )
    with app.app_context():
        own_wording.otpauth.create_all()
    return app


def conversation(caller: EmailCaller) -> list[TestResponse]:
    """A login with everything that can go wrong on the way."""
    answers = [caller.ask("nobody"), caller.ask(), caller.miss(), caller.verify(caller.code)]
    return [*answers, *(caller.ask() for _ in range(5))]


def test_the_app_of_the_page_changes_the_sentences_alone(
    app: Flask, make_app: MakeApp, outbox: Outbox, tmp_path: Path
) -> None:
    plain_app = make_app(email_http_status="semantic", database_uri=f"sqlite:///{tmp_path}/plain.sqlite")

    own = conversation(EmailCaller(app, outbox))
    plain = conversation(EmailCaller(plain_app, outbox))

    codes = [(answer.status_code, answer.json["code"]) for answer in own]
    assert codes == [(answer.status_code, answer.json["code"]) for answer in plain]
    assert [status for status, _ in codes] == [400, 200, 400, 200, 200, 200, 200, 200, 429]
    changed = [answer.json["message"] for answer in (own[0], own[2], own[3], own[-1])]
    named = ("invalid_email", "code_wrong", "Login successful", "quota_exceeded")
    assert changed == [own_wording.SENTENCES[key] for key in named]
    assert own[1].json["message"] == plain[1].json["message"]  # which the page does not replace


def refusals(error: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """Every class of refusal."""
    yield error
    for child in error.__subclasses__():
        yield from refusals(child)


def said(payload: Any) -> Any:
    """A payload in which one sentence of a refusal is as good as another."""
    if isinstance(payload, dict):
        return {key: said(value) for key, value in payload.items()}
    if isinstance(payload, list):
        return [said(value) for value in payload]
    return re.sub(f"packaged sentence|{OWN}", "…", payload) if isinstance(payload, str) else payload


@pytest.mark.parametrize("fields", [(), (FieldError("phone", "some_kind", "packaged sentence"),)], ids=str)
@pytest.mark.parametrize("error", sorted(set(refusals()), key=lambda error: error.__name__))
@pytest.mark.parametrize("name", PACKAGED)
def test_every_refusal_keeps_its_answer_but_for_the_sentence(
    name: str, error: type[Refusal], fields: tuple[FieldError, ...]
) -> None:
    envelope = PACKAGED[name](None)
    failure = Failure(error, "packaged sentence", "some_kind", fields)

    payload, status, headers = OwnWords(envelope, {error.code: OWN}).failure(failure)
    expected, expected_status, expected_headers = envelope.failure(failure)

    assert (said(payload), status, headers) == (said(expected), expected_status, expected_headers)
    assert OWN in str(payload)
    assert "packaged sentence" not in str(payload)


def test_the_word_for_a_field_comes_before_the_code_of_the_error() -> None:
    sentences = {"invalid_email": "The address, please", Refusal.code: "No"}
    envelope = OwnWords(PACKAGED["email"](None), sentences)

    payload, _, _ = envelope.failure(Failure(Refusal, "Invalid email", "invalid_email"))

    assert payload["message"] == "The address, please"


def test_a_success_without_a_sentence_of_the_host_has_the_packaged_one() -> None:
    payload, _, _ = OwnWords(PACKAGED["email"](None), {}).success(Success(message="OTP sent"))

    assert payload["message"] == "OTP sent"


TABLE = re.findall(r"^\| `(OTPAUTH_.*)` \| `(\w+)\((.*)\)` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("settings", "envelope", "arguments"), TABLE)
def test_the_page_names_the_settings_that_an_envelope_takes(
    settings: str, envelope: str, arguments: str
) -> None:
    flow = envelope.removesuffix("Envelope").lower()
    chosen = {"email": ("semantic", "table"), "sms": ("semantic",), "voice": ("messsage",)}[flow]
    keys = re.findall(rf"OTPAUTH_{flow.upper()}_(\w+)", settings)

    packaged = getattr(import_module(f"flask_otpauth.flows.{flow}"), envelope)
    own = packaged(**dict(zip(re.findall(r"(\w+)=", arguments), chosen, strict=True)))
    configured = PACKAGED[flow](SimpleNamespace(**dict(zip(map(str.lower, keys), chosen, strict=True))))

    assert vars(own) == vars(configured)
    assert set(keys) <= {field.upper() for field in FLOWS[flow].settings.model_fields}
