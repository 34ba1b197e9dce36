"""The reports of each provider: how they are signed, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from flask_otpauth.adapters.receipts.plivo import PlivoReports
from flask_otpauth.adapters.receipts.standard_webhooks import StandardWebhooks
from flask_otpauth.adapters.receipts.twilio import TwilioReports
from flask_otpauth.adapters.receipts.vonage import VonageReports
from flask_otpauth.adapters.receipts.whatsapp import WhatsAppReports
from flask_otpauth.core.deliveries import DeliveryStatus
from flask_otpauth.ports.reports import ForgedReport, ProviderReport, ReportRequest, ReportScheme
from tests.reporting import (
    TOKEN,
    WEBHOOK_SECRET,
    by_plivo,
    by_standard_webhooks,
    by_twilio,
    by_vonage,
    by_whatsapp,
    whatsapp_event,
)

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
URL = "https://shop.example/otpauth/receipts/gateway"
Signed = Callable[[], ReportRequest]

SCHEMES: dict[str, tuple[ReportScheme, Signed]] = {
    "twilio": (
        TwilioReports([TOKEN]),
        lambda: by_twilio(URL, {"MessageSid": "SM1", "MessageStatus": "delivered"}),
    ),
    "vonage": (
        VonageReports([TOKEN]),
        lambda: by_vonage(URL, {"message_uuid": "SM1", "status": "delivered"}, NOW),
    ),
    "plivo": (PlivoReports([TOKEN]), lambda: by_plivo(URL, {"MessageUUID": "SM1", "Status": "delivered"})),
    "standard-webhooks": (
        StandardWebhooks([WEBHOOK_SECRET]),
        lambda: by_standard_webhooks(URL, {"type": "email.delivered", "data": {"email_id": "SM1"}}, NOW),
    ),
    "whatsapp": (
        WhatsAppReports([TOKEN], "verify"),
        lambda: by_whatsapp(URL, whatsapp_event({"id": "SM1", "status": "delivered"})),
    ),
}
every_scheme = pytest.mark.parametrize(("scheme", "signed"), SCHEMES.values(), ids=SCHEMES)


@every_scheme
def test_a_genuine_report_is_read(scheme: ReportScheme, signed: Signed) -> None:
    assert scheme.read(signed(), NOW) == [ProviderReport("SM1", DeliveryStatus.DELIVERED)]


@every_scheme
def test_a_changed_body_is_forged(scheme: ReportScheme, signed: Signed) -> None:
    request = signed()
    changed = replace(request, body=request.body.replace(b"SM1", b"SM2"))

    with pytest.raises(ForgedReport):
        scheme.read(changed, NOW)


@every_scheme
def test_a_request_without_a_signature_is_forged(scheme: ReportScheme, signed: Signed) -> None:
    with pytest.raises(ForgedReport):
        scheme.read(replace(signed(), headers={}), NOW)


@every_scheme
@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe", b"[" * 5000, b"{}", b"a=b&" * 500, b'"text"', b"[1]"])
def test_garbage_without_a_right_signature_is_forged(
    scheme: ReportScheme, signed: Signed, garbage: bytes
) -> None:
    with pytest.raises(ForgedReport):
        scheme.read(replace(signed(), body=garbage), NOW)


@pytest.mark.parametrize("header", ["é", "v1,", ", ,", "Bearer ..", "sha256=", "Bearer a.b.c.d"])
@every_scheme
def test_garbage_in_the_signature_is_forged(scheme: ReportScheme, signed: Signed, header: str) -> None:
    request = signed()

    with pytest.raises(ForgedReport):
        scheme.read(replace(request, headers=dict.fromkeys(request.headers, header)), NOW)


def test_the_documented_example_of_twilio_has_the_documented_signature() -> None:
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    headers = {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}

    assert TwilioReports(["12345"]).read(ReportRequest(url, headers, urlencode(fields).encode()), NOW) == []


def test_a_body_of_json_by_twilio_is_signed_by_its_hash_in_the_url() -> None:
    body = b'{"property": "value", "boolean": true}'
    url = (
        "https://mycompany.com/myapp.php?foo=1&bar=2"
        "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    )
    headers = {"x-twilio-signature": "a9nBmqA0ju/hNViExpshrM61xv4="}
    request = ReportRequest(url, headers, body)

    assert TwilioReports(["12345"]).read(request, NOW) == []
    with pytest.raises(ForgedReport):
        TwilioReports(["12345"]).read(replace(request, body=body + b" "), NOW)


def test_the_documented_example_of_standard_webhooks_has_the_documented_signature() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    scheme = StandardWebhooks(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    request = ReportRequest(URL, headers, b'{"test": 2432232314}')

    assert scheme.read(request, datetime.fromtimestamp(1614265330, UTC)) == []


def test_twilio_may_sign_the_url_with_its_port_or_without() -> None:
    signed = by_twilio("https://shop.example:443/otpauth/receipts/t", {"MessageSid": "SM1"})
    other = by_twilio("https://shop.example/otpauth/receipts/t", {"MessageSid": "SM1"})

    assert TwilioReports([TOKEN]).read(replace(signed, url=other.url), NOW) == []
    assert TwilioReports([TOKEN]).read(replace(other, url=signed.url), NOW) == []


def test_the_url_is_signed_by_twilio_and_plivo() -> None:
    twilio = by_twilio(URL, {"MessageSid": "SM1", "MessageStatus": "delivered"})
    plivo = by_plivo(f"{URL}?a=1&b=2", {"MessageUUID": "SM1", "Status": "delivered"})

    with pytest.raises(ForgedReport):
        TwilioReports([TOKEN]).read(replace(twilio, url="https://other.example/"), NOW)
    with pytest.raises(ForgedReport):
        PlivoReports([TOKEN]).read(replace(plivo, url=f"{URL}?a=1"), NOW)
    assert PlivoReports([TOKEN]).read(replace(plivo, url=f"{URL}?b=2&a=1"), NOW)


@pytest.mark.parametrize("name", ["vonage", "standard-webhooks"])
@pytest.mark.parametrize("away", [timedelta(minutes=5, seconds=1), -timedelta(minutes=5, seconds=1)])
def test_a_signature_from_another_time_is_forged(name: str, away: timedelta) -> None:
    scheme, signed = SCHEMES[name]

    assert scheme.read(signed(), NOW + timedelta(minutes=5))
    with pytest.raises(ForgedReport):
        scheme.read(signed(), NOW + away)


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJub25lIn0.eyJpYXQiOjB9.",
        "eyJhbGciOiJub25lIn0.eyJpYXQiOjB9",
        "..",
        "",
    ],
)
def test_a_token_of_another_algorithm_is_forged(token: str) -> None:
    request = ReportRequest(URL, {"authorization": f"Bearer {token}"}, b"{}")

    with pytest.raises(ForgedReport):
        VonageReports([TOKEN]).read(request, NOW)


def test_each_of_several_tokens_is_accepted_while_they_are_replaced() -> None:
    request = by_twilio(URL, {"MessageSid": "SM1", "MessageStatus": "sent"}, "the older token")

    assert TwilioReports([TOKEN, "the older token"]).read(request, NOW)
    with pytest.raises(ForgedReport):
        TwilioReports([TOKEN]).read(request, NOW)


def test_one_of_several_signatures_of_plivo_and_standard_webhooks_is_enough() -> None:
    plivo = by_plivo(URL, {"MessageUUID": "SM1", "Status": "sent"})
    both = {**plivo.headers, "x-plivo-signature-v3": f"b3RoZXI=,{plivo.headers['x-plivo-signature-v3']}"}
    webhook = by_standard_webhooks(URL, {"type": "email.sent", "data": {"email_id": "SM1"}}, NOW)
    two = {**webhook.headers, "webhook-signature": f"v1,b3RoZXI= {webhook.headers['webhook-signature']}"}

    assert PlivoReports([TOKEN]).read(replace(plivo, headers=both), NOW)
    assert StandardWebhooks([WEBHOOK_SECRET]).read(replace(webhook, headers=two), NOW)


def test_the_headers_of_resend_have_the_names_of_svix() -> None:
    request = by_standard_webhooks(URL, {"type": "email.bounced", "data": {"email_id": "SM1"}}, NOW)
    headers = {name.replace("webhook-", "svix-"): value for name, value in request.headers.items()}

    reports = StandardWebhooks([WEBHOOK_SECRET]).read(replace(request, headers=headers), NOW)

    assert reports == [ProviderReport("SM1", DeliveryStatus.UNDELIVERABLE)]


def test_a_secret_of_standard_webhooks_that_is_not_base64_is_refused() -> None:
    with pytest.raises(ValueError, match="base64"):
        StandardWebhooks(["not base64"])


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"MessageStatus": "queued"}, DeliveryStatus.ACCEPTED),
        ({"MessageStatus": "sent"}, DeliveryStatus.ACCEPTED),
        ({"MessageStatus": "read"}, DeliveryStatus.DELIVERED),
        ({"MessageStatus": "undelivered", "ErrorCode": "30003"}, DeliveryStatus.UNDELIVERABLE),
        ({"MessageStatus": "failed", "ErrorCode": "21610"}, DeliveryStatus.OPTED_OUT),
        ({"CallStatus": "no-answer"}, DeliveryStatus.UNDELIVERABLE),
        ({"CallStatus": "completed"}, DeliveryStatus.DELIVERED),
    ],
)
def test_what_twilio_reports(fields: dict[str, str], status: DeliveryStatus) -> None:
    sid = "CallSid" if "CallStatus" in fields else "MessageSid"

    assert TwilioReports([TOKEN]).read(by_twilio(URL, {sid: "SM1", **fields}), NOW) == [
        ProviderReport("SM1", status)
    ]


def test_what_vonage_reports_about_a_message() -> None:
    event = {
        "message_uuid": "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab",
        "to": "447700900000",
        "timestamp": "2026-11-30T11:59:58.000Z",
        "status": "submitted",
        "client_ref": "our own id",
        "usage": {"currency": "EUR", "price": "0.0333"},
    }

    assert VonageReports([TOKEN]).read(by_vonage(URL, event, NOW), NOW) == [
        ProviderReport(
            "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab",
            DeliveryStatus.ACCEPTED,
            "our own id",
            Decimal("0.0333"),
            "EUR",
            NOW - timedelta(seconds=2),
        )
    ]


def test_what_vonage_reports_about_a_call() -> None:
    event = {"uuid": "SM1", "status": "unanswered"}
    completed = {"uuid": "SM1", "status": "completed", "price": "0.00450000", "rate": "0.0027"}

    assert VonageReports([TOKEN]).read(by_vonage(URL, event, NOW), NOW) == [
        ProviderReport("SM1", DeliveryStatus.UNDELIVERABLE)
    ]
    assert VonageReports([TOKEN]).read(by_vonage(URL, completed, NOW), NOW) == [
        ProviderReport("SM1", DeliveryStatus.DELIVERED, cost=Decimal("0.00450000"), currency="EUR")
    ]


def test_what_plivo_reports() -> None:
    fields = {"MessageUUID": "SM1", "Status": "undelivered", "ErrorCode": "200", "TotalAmount": "0.00840"}

    assert PlivoReports([TOKEN]).read(by_plivo(URL, fields), NOW) == [
        ProviderReport("SM1", DeliveryStatus.OPTED_OUT, cost=Decimal("0.00840"), currency="USD")
    ]


def test_what_a_gateway_of_the_host_reports_by_standard_webhooks() -> None:
    event = {
        "type": "message.complained",
        "timestamp": "2026-11-30T12:00:00+00:00",
        "data": {"id": "our own id", "cost": "200.0", "currency": "vnd"},
    }

    assert StandardWebhooks([WEBHOOK_SECRET]).read(by_standard_webhooks(URL, event, NOW), NOW) == [
        ProviderReport("", DeliveryStatus.COMPLAINED, "our own id", Decimal("200.0"), "VND", NOW)
    ]


@pytest.mark.parametrize("cost", [None, "free", "NaN", "Infinity", True, {}, "1e999999999"])
def test_a_cost_that_is_no_amount_is_left_out(cost: object) -> None:
    event = {"type": "message.sent", "data": {"id": "our own id", "cost": cost, "currency": "EUR"}}

    reports = StandardWebhooks([WEBHOOK_SECRET]).read(by_standard_webhooks(URL, event, NOW), NOW)

    assert reports == [ProviderReport("", DeliveryStatus.ACCEPTED, "our own id")]


def test_what_whatsapp_reports_in_one_request() -> None:
    event = whatsapp_event(
        {"id": "wamid.1", "status": "read", "timestamp": str(int(NOW.timestamp()))},
        {"id": "wamid.2", "status": "failed", "errors": [{"code": 131026, "title": "undeliverable"}]},
        {
            "id": "wamid.3",
            "status": "failed",
            "errors": [{"code": 131050}],
            "biz_opaque_callback_data": "own",
        },
        {"id": "wamid.4", "status": "deleted"},
    )

    assert WhatsAppReports([TOKEN], "verify").read(by_whatsapp(URL, event), NOW) == [
        ProviderReport("wamid.1", DeliveryStatus.DELIVERED, at=NOW),
        ProviderReport("wamid.2", DeliveryStatus.UNDELIVERABLE),
        ProviderReport("wamid.3", DeliveryStatus.OPTED_OUT, "own"),
    ]


def test_the_handshake_of_whatsapp_needs_the_verify_token() -> None:
    scheme = WhatsAppReports([TOKEN], "verify")

    query = {"hub.mode": "subscribe", "hub.verify_token": "verify", "hub.challenge": "1158201444"}

    assert scheme.handshake(query) == "1158201444"
    with pytest.raises(ForgedReport):
        scheme.handshake({**query, "hub.verify_token": "guessed"})
    with pytest.raises(ForgedReport):
        scheme.handshake({})


@pytest.mark.parametrize("value", [{}, [], "x", 1, None, {"statuses": 5}, {"statuses": [1, [], None]}])
def test_a_genuine_request_with_another_event_has_no_reports(value: object) -> None:
    event = {"entry": [{"changes": [{"value": value}]}, value]}

    assert WhatsAppReports([TOKEN], "verify").read(by_whatsapp(URL, event), NOW) == []


@pytest.mark.parametrize("event", [{"type": "email.opened"}, {"type": 5}, {"data": []}, {}])
def test_a_genuine_webhook_with_another_event_has_no_reports(event: dict[str, object]) -> None:
    assert StandardWebhooks([WEBHOOK_SECRET]).read(by_standard_webhooks(URL, event, NOW), NOW) == []


def test_an_id_that_no_provider_gives_is_left_out() -> None:
    event = {"type": "email.sent", "data": {"email_id": "x" * 256}}

    assert StandardWebhooks([WEBHOOK_SECRET]).read(by_standard_webhooks(URL, event, NOW), NOW) == []
