"""The page on a gateway of one's own: its settings start an app, and send through a gateway as described."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.senders import Message, Receipt, Status
from flask_otpauth.testing import Answer
from flask_otpauth.testing.sender_contract.provider import HostileProvider, answers
from tests.hosts import SECRET_KEY

PAGE = (Path(__file__).parents[2] / "docs/howto/sms-gateway.md").read_text("utf-8")
JSON, TEXT, SEVERAL = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MESSAGE = Message(
    "sms", "+84901234567", code="035790", text="Shop: mã của bạn là 035790", id="abcdefghij012345"
)


@pytest.fixture
def gateway() -> Iterator[HostileProvider]:
    gateway = HostileProvider(answers(Answer(500)))
    yield gateway
    gateway.close()


def host(*blocks: str) -> Flask:
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        OTPAUTH_STORAGE="memory",
        OTPAUTH_FLOWS=["sms"],
        GATEWAY_TOKEN="gateway-token",
        KANNEL_PASSWORD="kannel-password",
    )
    providers: dict[str, Any] = {}
    for block in blocks:
        exec(block, {"app": app})
        providers |= app.config["OTPAUTH_PROVIDERS"]
    app.config["OTPAUTH_PROVIDERS"] = providers
    return app


def send(app: Flask, gateway: HostileProvider, answer: Answer) -> Receipt:
    """Start the app with its gateway on the loopback interface, and send a message."""
    gateway.behavior = answers(answer)
    for declaration in app.config["OTPAUTH_PROVIDERS"].values():
        declaration["url"] = re.sub("^https?://[^/]+", gateway.url, declaration["url"])
    OtpAuth(app)
    receipt: Receipt = app.extensions["otpauth"].services.codes.messenger.router.send(MESSAGE)
    return receipt


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(200, {"id": "m-1", "status": "queued"}), Status.ACCEPTED),
        (Answer(200, {"error": {"code": 21}}), Status.INVALID_RECIPIENT),
        (Answer(400, {"error": {"code": 22}}), Status.OPTED_OUT),
        (Answer(200, {"error": {"code": 31}}), Status.RATE_LIMITED),
        (Answer(402, {"error": {"code": 40}}), Status.REJECTED),
        (Answer(401, {"error": {"code": 1}}), Status.AUTH_ERROR),
    ],
)
def test_the_gateway_that_takes_json_answers(
    gateway: HostileProvider, answer: Answer, status: Status
) -> None:
    receipt = send(host(JSON), gateway, answer)

    assert receipt.status is status


def test_the_gateway_that_takes_json_gets_the_message(gateway: HostileProvider) -> None:
    price = {"amount": "0.03", "currency": "EUR"}

    receipt = send(host(JSON), gateway, Answer(200, {"id": "m-1", "status": "queued", "price": price}))

    (request,) = gateway.requests
    assert request.raw.startswith(b"POST /v1/messages HTTP/1.1\r\n")
    assert b"Authorization: Bearer gateway-token\r\n" in request.raw
    assert (
        '"to": "84901234567", "from": "SHOP", "text": "Shop: mã của bạn là 035790", "reference"'
        in request.text
    )
    assert (receipt.provider_id, str(receipt.cost), receipt.currency) == ("m-1", "0.03", "EUR")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(202, "0: Accepted for delivery"), Status.ACCEPTED),
        (Answer(202, "3: Queued for later delivery"), Status.ACCEPTED),
        (Answer(403, "Authorization failed for sendsms"), Status.AUTH_ERROR),
        (Answer(503, "Temporal failure, try again later."), Status.UNAVAILABLE),
        (Answer(200, "<html>"), Status.TIMEOUT),
    ],
)
def test_the_gateway_that_takes_a_query_answers(
    gateway: HostileProvider, answer: Answer, status: Status
) -> None:
    receipt = send(host(TEXT), gateway, answer)

    assert receipt.status is status


def test_the_gateway_that_takes_a_query_gets_the_message(gateway: HostileProvider) -> None:
    send(host(TEXT), gateway, Answer(202, "0: Accepted for delivery"))

    (request,) = gateway.requests
    target = request.raw.split(b" ")[1].decode()
    assert parse_qs(urlsplit(target).query) == {
        "username": ["shop"],
        "password": ["kannel-password"],
        "to": ["+84901234567"],
        "from": ["SHOP"],
        "text": ["Shop: mã của bạn là 035790"],
        "charset": ["UTF-8"],
        "coding": ["2"],
    }


def test_several_gateways_are_tried_in_order(gateway: HostileProvider) -> None:
    receipt = send(host(JSON, TEXT, SEVERAL), gateway, Answer(503))

    assert receipt.status is Status.UNAVAILABLE
    assert [request.raw[:4] for request in gateway.requests] == [b"POST", b"GET "]
