"""What an answer means."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from flask_otpauth.adapters.senders.http.answers import Judge
from flask_otpauth.adapters.senders.http.network import Answer
from flask_otpauth.senders import Receipt, Status

CODE = "035790"
JUDGE = Judge(
    success={"messages.0.status": ["0"]},
    errors={
        "messages.0.status": {"7": Status.OPTED_OUT, "1?": Status.RATE_LIMITED},
        "http": {"402": Status.REJECTED, "409": Status.ACCEPTED},
    },
    message_id="messages.0.id",
    cost="messages.0.price",
    currency="messages.0.currency",
)


def receipt(status: int, body: Any = "", judge: Judge = JUDGE, *, is_whole: bool = True) -> Receipt:
    content = body if isinstance(body, str) else json.dumps(body)
    return judge.receipt(Answer(status, content.encode(), is_whole), CODE)


def with_status(value: object, **more: object) -> dict[str, Any]:
    return {"messages": [{"status": value, "id": "m-1", **more}]}


@pytest.mark.parametrize(
    ("http", "body", "status", "detail"),
    [
        (200, with_status("0"), Status.ACCEPTED, ""),
        (200, with_status(0), Status.ACCEPTED, ""),
        (200, with_status("7"), Status.OPTED_OUT, "HTTP 200, messages.0.status=7"),
        (200, with_status(13), Status.RATE_LIMITED, "HTTP 200, messages.0.status=13"),
        # An error that the provider names counts more than the status.
        (500, with_status("7"), Status.OPTED_OUT, "HTTP 500, messages.0.status=7"),
        (200, with_status("9"), Status.REJECTED, "HTTP 200, messages.0.status=9"),
        (200, with_status("+84 90 123 45 67"), Status.REJECTED, "HTTP 200, messages.0.status=…"),
        (200, with_status(CODE), Status.REJECTED, "HTTP 200, messages.0.status=…"),
        (400, with_status("9"), Status.REJECTED, "HTTP 400, messages.0.status=9"),
        (200, {"messages": []}, Status.TIMEOUT, "HTTP 200, no messages.0.status"),
        (200, with_status(None), Status.TIMEOUT, "HTTP 200, no messages.0.status"),
        (200, with_status({"deep": 1}), Status.TIMEOUT, "HTTP 200, no messages.0.status"),
        (200, "[" * 100_000, Status.TIMEOUT, "HTTP 200, no messages.0.status"),
        (200, "<html>", Status.TIMEOUT, "HTTP 200, no messages.0.status"),
        (402, "", Status.REJECTED, "HTTP 402"),
        (401, "", Status.AUTH_ERROR, "HTTP 401"),
        (403, "", Status.AUTH_ERROR, "HTTP 403"),
        (404, "", Status.REJECTED, "HTTP 404"),
        (408, "", Status.UNAVAILABLE, "HTTP 408"),
        (429, "", Status.RATE_LIMITED, "HTTP 429"),
        (301, "", Status.UNAVAILABLE, "HTTP 301"),
        (303, "", Status.TIMEOUT, "HTTP 303"),
        (500, "", Status.TIMEOUT, "HTTP 500"),
        (502, "", Status.TIMEOUT, "HTTP 502"),
        (503, "", Status.UNAVAILABLE, "HTTP 503"),
        (504, "", Status.TIMEOUT, "HTTP 504"),
    ],
)
def test_an_answer_is_told_apart(http: int, body: Any, status: Status, detail: str) -> None:
    found = receipt(http, body)

    assert (found.status, found.detail) == (status, detail)


def test_an_answer_that_is_cut_off_is_not_read() -> None:
    assert receipt(200, with_status("0"), is_whole=False).status is Status.TIMEOUT
    assert receipt(200, with_status("7"), is_whole=False).status is Status.TIMEOUT
    assert receipt(401, with_status("7"), is_whole=False).status is Status.AUTH_ERROR


def test_a_success_has_the_id_and_the_cost() -> None:
    found = receipt(200, with_status("0", price="-0.0333", currency="EUR"))

    assert (found.provider_id, found.cost, found.currency) == ("m-1", Decimal("0.0333"), "EUR")


def test_a_cost_is_as_exact_as_it_was_written() -> None:
    body = '{"messages": [{"status": "0", "price": 0.1000000000000000000001, "currency": "VND"}]}'

    assert receipt(200, body).cost == Decimal("0.1000000000000000000001")


@pytest.mark.parametrize(
    ("price", "currency"),
    [
        ("free", "EUR"),
        ("0.1", "euro"),
        ("0.1", None),
        ("NaN", "EUR"),
        (None, "EUR"),
        ("1e9999999", "EUR"),
        ("9" * 400, "EUR"),
    ],
)
def test_a_cost_without_a_number_or_a_currency_is_not_guessed(price: Any, currency: Any) -> None:
    found = receipt(200, with_status("0", price=price, currency=currency))

    assert found.status is Status.ACCEPTED
    assert found.currency == ""


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "a\r\nb"])
def test_an_id_that_cannot_be_kept_or_logged_is_left_out(name: str) -> None:
    body = {"messages": [{"status": "0", "id": name}]}

    assert receipt(200, body) == Receipt(Status.ACCEPTED)


def test_the_currency_can_be_fixed() -> None:
    judge = Judge(cost="price", currency="EUR")

    assert receipt(200, {"price": "0.05"}, judge).currency == "EUR"


def test_a_text_can_be_tested_as_a_whole() -> None:
    judge = Judge(success={"$": ["0: *"]}, errors={"$": {"*barred*": Status.OPTED_OUT}})

    assert receipt(202, "0: Accepted for delivery\n", judge).status is Status.ACCEPTED
    assert receipt(202, "7: number barred", judge).status is Status.OPTED_OUT
    assert receipt(202, "<html>", judge).status is Status.TIMEOUT
    assert "barred" not in receipt(202, "7: number barred", judge).detail


def test_a_success_can_be_another_status() -> None:
    judge = Judge(success={"http": ["201"]})

    assert receipt(201, "", judge).status is Status.ACCEPTED
    assert receipt(200, "", judge).status is Status.TIMEOUT


def test_a_repeated_message_can_count_as_accepted() -> None:
    assert receipt(409).status is Status.ACCEPTED
