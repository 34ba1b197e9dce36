"""The paths of the providers' reports: what is believed, what changes, and what is answered."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, request
from flask_wtf import CSRFProtect
from sqlalchemy import create_engine, text
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import TestResponse

from flask_otpauth import ConfigurationError, OtpAuth, signals
from flask_otpauth.core.deliveries import DeliveryReport, DeliveryRow, DeliveryState, DeliveryStatus
from flask_otpauth.core.instants import epoch_ms
from flask_otpauth.ports.storage import Storage
from flask_otpauth.receipts import ForgedReport, ProviderReport, ReportRequest
from flask_otpauth.senders import MemorySender, Message, Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.email_caller import EmailCaller
from tests.flows.sms_caller import new_user
from tests.hosts import MakeApp
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

ROOT = "http://localhost/otpauth/receipts"


class Reporting(MemorySender):
    """A sender of the host that says how its provider signs."""

    def __init__(self, receipts: object, answer: Callable[[Message], Receipt] | None = None) -> None:
        super().__init__(answer)
        self.receipts = receipts


PROVIDERS: dict[str, object] = {
    "twilio": Reporting({"scheme": "twilio", "token": TOKEN}),
    "vonage": Reporting({"scheme": "vonage", "token": TOKEN}),
    "plivo": Reporting({"scheme": "plivo", "token": (TOKEN, "an older token")}),
    "mail": Reporting({"scheme": "standard-webhooks", "token": WEBHOOK_SECRET}),
    "whatsapp": Reporting({"scheme": "whatsapp", "token": TOKEN, "verify_token": "a word of ours"}),
}
PROVIDERS["resend"] = PROVIDERS.pop("mail")


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(providers=PROVIDERS)


def storage_of(app: Flask) -> Storage:
    storage: Storage = app.extensions["otpauth"].services.storage
    return storage


def sent(app: Flask, clock: MovableClock, sender: str, provider_id: str = "SM1") -> Callable[[], DeliveryRow]:
    """Note that a sender handed a message over. Return what reads its row."""
    deliveries, now_ms = storage_of(app).deliveries, epoch_ms(clock())
    row = DeliveryRow(
        id=f"message of {sender}"[:16],
        challenge_key=None,
        nonce="",
        channel="sms",
        due_at=now_ms,
        expires_at=None,
        needed_until=now_ms + 86_400_000,
        state=DeliveryState.HANDED_OVER,
    )
    deliveries.add(row)
    deliveries.settle(row, DeliveryReport(DeliveryStatus.ACCEPTED, sender, provider_id), failed=False)

    def read() -> DeliveryRow:
        found = deliveries.find(row.id)
        assert found is not None
        return found

    return read


def post(app: Flask, report: ReportRequest, **options: Any) -> TestResponse:
    return app.test_client().post(report.url, data=report.body, headers=dict(report.headers), **options)


def twilio(status: str, sid: str = "SM1", **more: str) -> ReportRequest:
    return by_twilio(f"{ROOT}/twilio", {"MessageSid": sid, "MessageStatus": status, **more})


# -- what a report changes ---------------------------------------------------------------------


@pytest.mark.parametrize("sender", PROVIDERS)
def test_a_genuine_report_of_each_provider_is_noted(app: Flask, clock: MovableClock, sender: str) -> None:
    row = sent(app, clock, sender)
    url = f"{ROOT}/{sender}"
    reports = {
        "twilio": lambda: by_twilio(url, {"MessageSid": "SM1", "MessageStatus": "delivered"}),
        "vonage": lambda: by_vonage(url, {"message_uuid": "SM1", "status": "delivered"}, clock()),
        "plivo": lambda: by_plivo(url, {"MessageUUID": "SM1", "Status": "delivered"}, "an older token"),
        "resend": lambda: by_standard_webhooks(
            url, {"type": "email.delivered", "data": {"email_id": "SM1"}}, clock()
        ),
        "whatsapp": lambda: by_whatsapp(url, whatsapp_event({"id": "SM1", "status": "delivered"})),
    }

    answer = post(app, reports[sender]())

    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert row().status is DeliveryStatus.DELIVERED


def test_a_report_tells_the_listeners_its_status_and_price(app: Flask, clock: MovableClock) -> None:
    row = sent(app, clock, "vonage")
    heard: list[dict[str, Any]] = []

    def hear(sender: Flask, **facts: Any) -> None:
        heard.append(facts)

    event = {
        "message_uuid": "SM1",
        "status": "delivered",
        "timestamp": clock().isoformat(),
        "usage": {"price": "0.0333", "currency": "EUR"},
    }
    with signals.delivery_reported.connected_to(hear, app):
        post(app, by_vonage(f"{ROOT}/vonage", event, clock()))

    report = ProviderReport(
        "SM1", DeliveryStatus.DELIVERED, row().id, Decimal("0.0333"), "EUR", clock().replace(microsecond=0)
    )
    heard[0]["report"] = replace(heard[0]["report"], at=clock().replace(microsecond=0))
    assert heard == [{"channel": "sms", "sender_name": "vonage", "report": report}]
    assert (row().cost, row().currency) == ("0.0333", "EUR")


def test_late_doubled_and_disordered_reports_never_take_a_status_back(
    app: Flask, clock: MovableClock
) -> None:
    row = sent(app, clock, "twilio")
    heard: list[str] = []

    def hear(sender: Flask, report: ProviderReport, **facts: Any) -> None:
        heard.append(report.status.value)

    with signals.delivery_reported.connected_to(hear, app):
        for status in ("sent", "delivered", "delivered", "undelivered", "queued", "sent"):
            assert post(app, twilio(status)).status_code == 200
        clock.tick(hours=20)
        assert post(app, twilio("undelivered")).status_code == 200

    assert heard == ["delivered"]
    assert row().status is DeliveryStatus.DELIVERED


def test_a_message_that_was_not_delivered_at_first_may_still_be_reported_as_delivered(
    app: Flask, clock: MovableClock
) -> None:
    row = sent(app, clock, "twilio")

    post(app, twilio("undelivered"))
    assert row().status is DeliveryStatus.UNDELIVERABLE
    post(app, twilio("delivered"))

    assert row().status is DeliveryStatus.DELIVERED


def test_an_unknown_message_is_answered_like_a_known_one_and_changes_nothing(
    app: Flask, clock: MovableClock
) -> None:
    row = sent(app, clock, "twilio")
    before = row()

    answer = post(app, twilio("undelivered", sid="SM2"))

    assert (answer.status_code, answer.data) == (200, b"")
    assert row() == before


def test_a_provider_reports_nothing_about_the_messages_of_another(app: Flask, clock: MovableClock) -> None:
    row = sent(app, clock, "resend")
    before = row()
    own_id = {"message_uuid": "other", "client_ref": before.id, "status": "rejected"}

    assert post(app, twilio("undelivered")).status_code == 200
    assert post(app, by_vonage(f"{ROOT}/vonage", own_id, clock())).status_code == 200

    assert row() == before


def test_a_report_may_name_the_message_by_our_own_id(app: Flask, clock: MovableClock) -> None:
    row = sent(app, clock, "vonage", provider_id="")
    event = {"message_uuid": "new", "client_ref": row().id, "status": "rejected"}

    post(app, by_vonage(f"{ROOT}/vonage", event, clock()))

    assert row().status is DeliveryStatus.UNDELIVERABLE
    assert row().provider_id == "new"


def test_a_message_that_is_not_sent_does_not_get_the_id_and_the_cost_of_another_one(
    make_app: MakeApp, outbox: Outbox, database_file: str
) -> None:
    sender = Reporting(
        {"scheme": "twilio", "token": TOKEN},
        lambda message: Receipt(Status.ACCEPTED, "SM1", Decimal("0.01"), "EUR"),
    )
    app = make_app(
        flows=("email",),
        email_create_user=False,
        delivery="thread",
        database_uri=database_file,
        providers={"gateway": sender},
        senders={"email": "gateway"},
    )
    new_user(app, email="known@example.com")

    for kind in ("known", "unknown"):
        assert EmailCaller(app, outbox).ask(f"{kind}@example.com").status_code == 200
        assert app.extensions["otpauth"].services.codes.messenger.delivery.drain(10)

    engine = create_engine(database_file)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT provider_id, cost, currency FROM otpauth_deliveries"))
        assert sorted(map(tuple, found)) == [("", "", ""), ("SM1", "0.01", "EUR")]
    engine.dispose()


# -- what is not believed ----------------------------------------------------------------------


def test_a_forged_report_is_refused_without_a_word_and_changes_nothing(
    app: Flask, clock: MovableClock
) -> None:
    row = sent(app, clock, "twilio")
    before, genuine = row(), twilio("undelivered")
    forged = [
        by_twilio(genuine.url, {"MessageSid": "SM1", "MessageStatus": "undelivered"}, "a guessed token"),
        replace(genuine, headers={"content-type": genuine.headers["content-type"]}),
        replace(genuine, body=genuine.body.replace(b"undelivered", b"delivered")),
        replace(genuine, url=f"{genuine.url}?added=1"),
        replace(genuine, url=f"{ROOT}/plivo"),
    ]

    for each in forged:
        answer = post(app, each)
        assert (answer.status_code, answer.data) == (403, b"")

    assert row() == before


def test_a_report_that_was_recorded_and_sent_again_later_is_refused(app: Flask, clock: MovableClock) -> None:
    sent(app, clock, "resend")
    event = {"type": "email.delivered", "data": {"email_id": "SM1"}}
    recorded = by_standard_webhooks(f"{ROOT}/resend", event, clock())

    assert post(app, recorded).status_code == 200
    clock.tick(minutes=6)

    assert post(app, recorded).status_code == 403


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", b"[" * 10_000, b'{"entry": 5}', b"null", b"a=b&" * 900]
)
def test_a_genuine_request_without_sense_is_answered_so_that_it_is_not_sent_again(
    app: Flask, body: bytes
) -> None:
    signature = hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()
    report = ReportRequest(f"{ROOT}/whatsapp", {"x-hub-signature-256": f"sha256={signature}"}, body)

    assert post(app, report).status_code == 200


@pytest.mark.parametrize("broken", ["\ud800", "SM\x001"])
@pytest.mark.parametrize("key", ["id", "email_id", "currency"])
def test_a_text_that_no_database_stores_is_no_id_and_no_currency(
    app: Flask, clock: MovableClock, key: str, broken: str
) -> None:
    row = sent(app, clock, "resend")
    data = {"email_id": "SM1", "cost": "0.01", "currency": "EUR", key: f"{broken}AB"[:3]}

    answer = post(app, by_standard_webhooks(f"{ROOT}/resend", {"type": "email.sent", "data": data}, clock()))

    assert answer.status_code == 200
    assert (row().provider_id, row().currency) == ("SM1", "EUR" if key == "id" else "")


def test_a_body_that_is_too_long_is_refused(app: Flask) -> None:
    report = by_whatsapp(f"{ROOT}/whatsapp", {"padding": "x" * 300_000})

    assert post(app, report).status_code == 413


def test_an_address_with_many_forged_reports_is_refused_for_a_while(make_app: MakeApp) -> None:
    app = make_app(providers=PROVIDERS, ip_limits={"receipts.authentication": "2 per minute"})
    genuine = twilio("delivered")
    forged = replace(genuine, headers={})

    answers = [post(app, each).status_code for each in (genuine, forged, genuine, forged, genuine)]

    assert answers == [200, 403, 200, 403, 429]
    assert int(post(app, genuine).headers["Retry-After"]) > 0
    other = {"REMOTE_ADDR": "198.51.100.7"}
    assert post(app, genuine, environ_base=other).status_code == 200


# -- where the paths are -----------------------------------------------------------------------


def test_without_a_provider_that_reports_there_is_no_path(make_app: MakeApp) -> None:
    app = make_app(providers={"gateway": MemorySender()})

    assert post(app, twilio("delivered")).status_code == 404
    assert not [rule for rule in app.url_map.iter_rules() if "receipts" in rule.rule]


def test_a_provider_that_does_not_report_has_no_path(app: Flask) -> None:
    assert post(app, replace(twilio("delivered"), url=f"{ROOT}/unknown")).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_refused(app: Flask, method: str) -> None:
    assert app.test_client().open(f"{ROOT}/twilio", method=method).status_code == 405


def test_the_handshake_of_whatsapp_is_answered(app: Flask) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "a word of ours", "hub.challenge": "<b>1158</b>"}

    answer = app.test_client().get(f"{ROOT}/whatsapp", query_string=query)
    wrong = app.test_client().get(
        f"{ROOT}/whatsapp", query_string={**query, "hub.verify_token": "another word"}
    )

    assert (answer.status_code, answer.text, answer.mimetype) == (200, "<b>1158</b>", "text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (wrong.status_code, wrong.data) == (403, b"")


def test_the_url_is_that_which_the_provider_called_through_a_proxy(app: Flask, clock: MovableClock) -> None:
    row = sent(app, clock, "twilio")
    public = "https://shop.example/otpauth/receipts/twilio?id=5"
    report = by_twilio(public, {"MessageSid": "SM1", "MessageStatus": "delivered"})
    proxied = {**report.headers, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
    inside = replace(report, url=f"{ROOT}/twilio?id=5", headers=proxied)

    assert post(app, inside).status_code == 403
    app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=1)  # type: ignore[method-assign]

    assert post(app, inside).status_code == 200
    assert row().status is DeliveryStatus.DELIVERED


def test_a_hook_of_the_host_that_reads_forms_does_not_use_the_body_up(
    app: Flask, clock: MovableClock
) -> None:
    row = sent(app, clock, "twilio")
    seen: list[str | None] = []
    app.before_request(lambda: seen.append(request.form.get("MessageSid")))

    assert post(app, twilio("delivered")).status_code == 200
    assert row().status is DeliveryStatus.DELIVERED
    assert seen == ["SM1"]


def test_the_csrf_protection_of_the_host_lets_reports_through(app: Flask, clock: MovableClock) -> None:
    sent(app, clock, "twilio")
    CSRFProtect(app)

    assert post(app, twilio("delivered")).status_code == 200


def test_an_app_that_matches_hosts_has_the_paths_on_every_host(make_app: MakeApp) -> None:
    app = Flask("host", host_matching=True, static_folder=None)
    app.config.update(
        make_app(providers=PROVIDERS).config, OTPAUTH_STORAGE="memory", OTPAUTH_DATABASE_URI=None
    )
    OtpAuth(app)

    report = by_twilio(
        "http://shop.example/otpauth/receipts/twilio", {"MessageSid": "SM1", "MessageStatus": "sent"}
    )

    assert post(app, report).status_code == 200


def test_an_outage_is_answered_so_that_the_report_comes_again(make_app: MakeApp, database_file: str) -> None:
    app = make_app(providers=PROVIDERS, database_uri=database_file)
    engine = create_engine(database_file)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE otpauth_deliveries"))
    engine.dispose()

    answer = post(app, twilio("delivered"))

    assert (answer.status_code, answer.data) == (503, b"")


# -- a scheme of the host, and wrong settings ----------------------------------------------------


class OwnScheme:
    """A scheme of the host: the body is a word."""

    def read(self, request: ReportRequest, now: object) -> list[ProviderReport]:
        if request.body != b"delivered SM1":
            raise ForgedReport
        return [ProviderReport("SM1", DeliveryStatus.DELIVERED)]


@pytest.mark.parametrize("scheme", [OwnScheme(), OwnScheme, "tests.test_receipts:OwnScheme"])
def test_a_host_can_write_a_scheme(make_app: MakeApp, clock: MovableClock, scheme: object) -> None:
    app = make_app(providers={"own": Reporting(scheme)})
    row = sent(app, clock, "own")

    assert post(app, ReportRequest(f"{ROOT}/own", {}, b"other")).status_code == 403
    assert post(app, ReportRequest(f"{ROOT}/own", {}, b"delivered SM1")).status_code == 200
    assert row().status is DeliveryStatus.DELIVERED


@pytest.mark.parametrize(
    ("receipts", "sentence"),
    [
        ({"scheme": "twillio", "token": "x"}, "did you mean twilio?"),
        ({"token": "x"}, "'scheme' is one of"),
        ({"scheme": "twilio"}, "'token' is the secret"),
        ({"scheme": "twilio", "token": ""}, "'token' is the secret"),
        ({"scheme": "twilio", "token": ()}, "'token' is the secret"),
        ({"scheme": "twilio", "token": 5}, "'token' is the secret"),
        ({"scheme": "twilio", "token": "x", "tolerance": 5}, "unknown key 'tolerance'"),
        ({"scheme": "whatsapp", "token": "x"}, "'verify_token' is the secret"),
        ({"scheme": "standard-webhooks", "token": "not base64"}, "'whsec_' and base64"),
        (object(), "has no method read()"),
    ],
)
def test_a_wrong_declaration_is_a_start_up_error_that_names_the_key(
    make_app: MakeApp, receipts: object, sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        make_app(providers={"gateway": Reporting(receipts)})

    assert "OTPAUTH_PROVIDERS['gateway']['receipts']: " in str(error.value)
    assert sentence in str(error.value)


def test_the_name_of_a_sender_that_reports_must_fit_into_a_path(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="the name of the sender is a part of the path"):
        make_app(providers={"my gateway": Reporting({"scheme": "twilio", "token": "x"})})
