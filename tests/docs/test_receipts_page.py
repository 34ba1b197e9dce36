"""The page on receipts: its app takes reports, its listener hears them, and its JSON is understood."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask

from docs.examples import receipts_listening
from docs.examples.receipts import create_app
from flask_otpauth import signals
from flask_otpauth.adapters.receipts.standard_webhooks import StandardWebhooks
from flask_otpauth.receipts import DeliveryStatus, ProviderReport
from tests.reporting import WEBHOOK_SECRET, by_standard_webhooks, by_twilio

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "receipts.md").read_text("utf-8")
HOST = "https://shop.example"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    settings = {
        "SECRET_KEY": "docs/howto/receipts.md: not a secret",
        "OTPAUTH_DATABASE_URI": f"sqlite:///{tmp_path}/otpauth.sqlite",
        "TWILIO_SID": "AC1",
        "TWILIO_TOKEN": "a token of twilio",
        "TWILIO_NUMBER": "'+15005550006'",
        "RESEND_KEY": "re_1",
        "RESEND_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"FLASK_{name}", value)
    return create_app()


def test_the_app_of_the_page_has_the_paths_that_it_names(app: Flask) -> None:
    paths = re.findall(r"^    POST (/otpauth/receipts/\S+)$", PAGE, re.MULTILINE)

    assert sorted(paths) == sorted(
        rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/otpauth/receipts/")
    )


def test_the_app_of_the_page_believes_only_its_providers(app: Flask) -> None:
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    event = {"type": "email.delivered", "data": {"email_id": "e-1"}}
    genuine = [
        by_twilio(f"{HOST}/otpauth/receipts/twilio", fields, "a token of twilio"),
        by_standard_webhooks(f"{HOST}/otpauth/receipts/resend", event, datetime.now(UTC)),
    ]
    with app.app_context():
        app.extensions["otpauth"].services.upkeep.create_all()
    client = app.test_client()

    answers = [client.post(each.url, data=each.body, headers=dict(each.headers)) for each in genuine]
    forged = client.post(genuine[0].url, data=genuine[0].body)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert forged.status_code == 403


def test_the_listener_of_the_page_adds_up_what_messages_cost(app: Flask) -> None:
    report = ProviderReport("SM1", DeliveryStatus.DELIVERED, cost=Decimal("0.05"), currency="EUR")
    opted_out = ProviderReport("SM2", DeliveryStatus.OPTED_OUT)

    for each in (report, report, opted_out):
        signals.delivery_reported.send(app, channel="sms", sender_name="twilio", report=each)

    assert receipts_listening.spent["EUR"] == Decimal("0.10")
    assert receipts_listening.opted_out == ["sms SM2"]


def test_the_report_that_the_page_shows_is_understood() -> None:
    (shown,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    at = datetime(2026, 11, 30, 12, tzinfo=UTC)
    request = by_standard_webhooks(f"{HOST}/otpauth/receipts/own", json.loads(shown), at)

    assert StandardWebhooks([WEBHOOK_SECRET]).read(request, at) == [
        ProviderReport("m-1", DeliveryStatus.DELIVERED, "", Decimal("0.05"), "EUR", at)
    ]
