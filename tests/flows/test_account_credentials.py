"""Who may call the ``account`` flow, and with which methods (contract/account.md, "Authentication")."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from flask_otpauth.testing import MovableClock
from tests.flows.account_caller import (
    EMAIL,
    OK,
    PASSWORD,
    Merchant,
    new_client,
    refused,
)
from tests.hosts import otpauth_of

BUY = "/auth/get-access-token"
MISSING = (401, {"detail": "Authentication credentials were not provided."})
INVALID = (401, {"detail": "Invalid token"})
FORBIDDEN = (403, {"detail": "You do not have permission to perform this action."})

PATHS = [
    "/auth/validate-password",
    "/pin/set",
    "/pin/change",
    "/pin/validate",
    "/pin/unblock",
    "/pin/request-otp-for-reset",
    "/pin/reset",
    "/pin/reset-with-password",
    "/auth/change-password",
    "/auth/set-password",
    "/auth/request-otp-for-password-reset",
    "/auth/reset-password-with-otp",
    "/auth/validate-mobile-number",
    "/auth/reset-otp-limit",
]


def status_and_json(answer: TestResponse) -> tuple[int, Any]:
    return answer.status_code, answer.json


def asked(merchant: Merchant, authorization: str | None) -> TestResponse:
    """The answer to a request that shows these credentials."""
    headers = {} if authorization is None else {"Authorization": authorization}
    return merchant.post("/auth/validate-password", {"user": EMAIL, "password": PASSWORD}, headers=headers)


def bearer(merchant: Merchant) -> str:
    """A bearer token, bought with the secret."""
    answer = merchant.post(BUY, {"token": merchant.client.secret}, headers={})
    assert answer.status_code == 200, answer.json
    return f"Bearer {answer.json['access_token']}"


@pytest.mark.parametrize("path", PATHS)
def test_every_path_asks_for_credentials_before_it_reads_the_body(merchant: Merchant, path: str) -> None:
    answer = merchant.app.test_client().post(f"/api{path}", data=b"{", content_type="text/plain")

    assert status_and_json(answer) == MISSING
    assert answer.headers["WWW-Authenticate"] == "Token"
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Token", "Token ", "Bearer", "Basic dXNlcjpwYXNz", "{secret}", "Digest {secret}"],
)
def test_without_a_token_of_the_two_types_credentials_are_missing(
    merchant: Merchant, authorization: str | None
) -> None:
    shown = authorization and authorization.format(secret=merchant.client.secret)

    answer = asked(merchant, shown)

    assert status_and_json(answer) == MISSING
    assert answer.headers["WWW-Authenticate"] == "Token"


UNKNOWN: dict[str, Callable[[Merchant], str]] = {
    "somebody's uuid": lambda merchant: f"Token {uuid.uuid4()}",
    "the client's id": lambda merchant: f"Token {merchant.client.id}",
    "the secret as a bearer token": lambda merchant: f"Bearer {merchant.client.secret}",
    "a bearer token as the secret": lambda merchant: bearer(merchant).replace("Bearer", "Token"),
    "a secret with a bit more": lambda merchant: f"Token {merchant.client.secret}0",
    "a secret in capitals": lambda merchant: f"Token {merchant.client.secret.upper()}",
    "no characters of a token": lambda merchant: "Token ÿþ\x7f",
    "a torn bearer token": lambda merchant: bearer(merchant)[:-1],
    "not a bearer token": lambda merchant: "Bearer a.b.c",
}


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_a_token_that_is_unknown_is_invalid(merchant: Merchant, unknown: str) -> None:
    answer = asked(merchant, UNKNOWN[unknown](merchant))

    assert status_and_json(answer) == INVALID
    assert answer.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("token_type", ["Token", "token", "TOKEN"])
def test_the_secret_lets_in_whatever_the_case_of_its_type(merchant: Merchant, token_type: str) -> None:
    assert status_and_json(asked(merchant, f"{token_type} {merchant.client.secret}")) == (200, OK)


def test_a_bearer_token_lives_for_24_hours(merchant: Merchant, clock: MovableClock) -> None:
    token = bearer(merchant)
    clock.tick_ms(86_400_000 - 1)
    in_time = asked(merchant, token)
    clock.tick_ms(1)

    assert status_and_json(in_time) == (200, OK)
    assert status_and_json(asked(merchant, token)) == INVALID


@pytest.mark.parametrize("path", [BUY, f"{BUY}/"])
@pytest.mark.parametrize("beside", [{}, {"crm_merchant_id": 7}, {"crm_merchant_id": "x", "z": []}])
def test_a_bearer_token_is_bought_with_the_secret(
    merchant: Merchant, path: str, beside: dict[str, Any]
) -> None:
    answer = merchant.post(path, {"token": merchant.client.secret, **beside}, headers={})

    assert answer.status_code == 200
    assert list(answer.json) == ["access_token"]
    assert status_and_json(asked(merchant, f"Bearer {answer.json['access_token']}")) == (200, OK)


@pytest.mark.parametrize("body", [{}, {"token": None}, {"token": ""}, {"token": "  "}])
def test_buying_without_a_secret_is_400(merchant: Merchant, body: dict[str, Any]) -> None:
    answer = merchant.post(BUY, body, headers={})

    assert status_and_json(answer) == (400, refused("token", "This field is required.", "required"))


@pytest.mark.parametrize("token", [123, True, ["x"], {"x": 1}])
def test_buying_with_something_else_than_a_string_is_400(merchant: Merchant, token: Any) -> None:
    answer = merchant.post(BUY, {"token": token}, headers={})

    assert status_and_json(answer) == (400, refused("token", "Not a valid string.", "invalid"))


def test_buying_with_a_wrong_secret_is_401(merchant: Merchant) -> None:
    answer = merchant.post(BUY, {"token": str(uuid.uuid4())}, headers={})

    assert status_and_json(answer) == INVALID
    assert answer.headers["WWW-Authenticate"] == "Token"


def test_a_client_of_other_flows_may_do_nothing_here(merchant: Merchant) -> None:
    stranger = new_client(merchant.app, ("voice", "sms", "flashcall"))

    assert status_and_json(asked(merchant, f"Token {stranger.secret}")) == FORBIDDEN
    assert status_and_json(merchant.post(BUY, {"token": stranger.secret}, headers={})) == FORBIDDEN


def test_a_blocked_client_may_do_nothing_until_it_is_unblocked(merchant: Merchant) -> None:
    clients, token = otpauth_of(merchant.app), bearer(merchant)
    static = f"Token {merchant.client.secret}"
    with merchant.app.app_context():
        clients.clients.block(merchant.client.id)
    blocked = [asked(merchant, shown) for shown in (token, static)]
    with merchant.app.app_context():
        clients.clients.unblock(merchant.client.id)

    assert [status_and_json(answer) for answer in blocked] == [FORBIDDEN] * 2
    assert [status_and_json(asked(merchant, shown)) for shown in (token, static)] == [(200, OK)] * 2


@pytest.mark.parametrize("overlap", [0, 60])
def test_rotation_ends_the_old_secret_and_what_was_bought_with_it(
    merchant: Merchant, clock: MovableClock, overlap: int
) -> None:
    old = (bearer(merchant), f"Token {merchant.client.secret}")
    with merchant.app.app_context():
        renewed = otpauth_of(merchant.app).clients.rotate(merchant.client.id, overlap=overlap)

    clock.tick_ms(max(0, overlap * 1000 - 1))
    overlapping = [asked(merchant, shown).status_code for shown in old]
    clock.tick_ms(1)

    assert overlapping == [200 if overlap else 401] * 2
    assert [status_and_json(asked(merchant, shown)) for shown in old] == [INVALID] * 2
    assert status_and_json(asked(merchant, f"Token {renewed.secret}")) == (200, OK)


def test_all_merchants_see_one_directory(merchant: Merchant) -> None:
    other = Merchant(merchant.app)

    assert merchant.set_pin().json == OK
    assert other.validate().json == OK


def test_answers_are_not_stored_and_are_json_whatever_is_accepted(merchant: Merchant) -> None:
    headers = {**merchant.headers, "Accept": "text/html"}

    answers = [
        merchant.post("/auth/validate-password", {"user": EMAIL, "password": each}, headers=headers)
        for each in (PASSWORD, "another")
    ]

    assert [answer.headers["Cache-Control"] for answer in answers] == ["no-store"] * 2
    assert [answer.headers["Content-Type"] for answer in answers] == ["application/json"] * 2
