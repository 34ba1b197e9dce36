"""API tokens: bought at the token path (RFC 6749), presented as ``Bearer`` (contract/sms.md)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flask_otpauth.engine.clients import Credentials
from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.sms_caller import PHONE, RESEND, TOKEN, VERIFY, SmsCaller, new_client
from tests.hosts import MakeApp, otpauth_of

GRANT = {"grant_type": "client_credentials"}
SIGN_IN = {
    "message": "Vui lòng đăng nhập để tiếp tục",
    "status": "UNAUTHORIZED",
    "status_code": 401,
    "captcha": [],
}
YEAR = 31_536_000

#: RFC 6749 §5.2: what an ``error_description`` may be made of.
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")


@pytest.fixture
def client(app: Flask) -> Credentials:
    return new_client(app, "sms")


def basic(user: str, password: str) -> dict[str, str]:
    pair = f"{quote_plus(user)}:{quote_plus(password)}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def ask(app: Flask, **options: Any) -> TestResponse:
    return app.test_client().post(TOKEN, **options)


def in_json(app: Flask, client: Credentials) -> TestResponse:
    return ask(app, json={**GRANT, "scope": "*", "client_id": client.id, "client_secret": client.secret})


def in_form(app: Flask, client: Credentials) -> TestResponse:
    return ask(app, data={**GRANT, "scope": "*", "client_id": client.id, "client_secret": client.secret})


def in_form_of_a_charset(app: Flask, client: Credentials) -> TestResponse:
    form = f"grant_type=client_credentials&client_id={client.id}&client_secret={client.secret}"
    return ask(app, data=form, content_type="application/x-www-form-urlencoded; charset=UTF-8")


def by_basic_and_form(app: Flask, client: Credentials) -> TestResponse:
    return ask(app, data=GRANT, headers=basic(client.id, client.secret))


def by_basic_and_json(app: Flask, client: Credentials) -> TestResponse:
    return ask(app, json=GRANT, headers=basic(client.id, client.secret))


def by_basic_naming_the_client_twice(app: Flask, client: Credentials) -> TestResponse:
    return ask(app, data={**GRANT, "client_id": client.id}, headers=basic(client.id, client.secret))


WAYS = [
    in_json,
    in_form,
    in_form_of_a_charset,
    by_basic_and_form,
    by_basic_and_json,
    by_basic_naming_the_client_twice,
]


def call_with(app: Flask, authorization: str | None, path: str = RESEND) -> TestResponse:
    headers = {} if authorization is None else {"Authorization": authorization}
    return app.test_client().post(path, json=PHONE, headers=headers)


def is_accepted(app: Flask, token: str) -> bool:
    answer = call_with(app, f"Bearer {token}", VERIFY)
    return answer.json["status_code"] == 422  # it got as far as asking for the otp


# -- buying ---------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_token_is_bought_in_every_way_of_the_rfc(
    app: Flask, client: Credentials, way: Callable[[Flask, Credentials], TestResponse]
) -> None:
    answer = way(app, client)

    assert answer.status_code == 200
    assert answer.json == {
        "token_type": "Bearer",
        "expires_in": YEAR,
        "access_token": answer.json["access_token"],
    }
    assert answer.json["access_token"].startswith("eyJ")
    assert answer.content_type == "application/json"
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    assert is_accepted(app, answer.json["access_token"])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_token_is_not_bought_by_another_method(app: Flask, method: str) -> None:
    answer = app.test_client().open(TOKEN, method=method)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST, OPTIONS"
    assert answer.json["error"] == "invalid_request"


def test_the_token_path_is_absolute_and_a_setting(make_app: MakeApp) -> None:
    app = make_app(sms_token_path="/token")

    assert app.test_client().post("/token", json=GRANT).status_code == 401
    assert app.test_client().post("/oauth/token", json=GRANT).status_code == 404


SECRET = "5ad1e4c1-6f2c-44e5-9d0b-8ef6f2f6a8c5"


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"client_id": "x", "client_secret": SECRET}, 400, "invalid_request"),
        ({"grant_type": "", "client_id": "x"}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "Client_Credentials"}, 400, "unsupported_grant_type"),
        ({"grant_type": ["client_credentials"]}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "unsupported_grant_type"),
        ({**GRANT, "scope": "read"}, 400, "invalid_scope"),
        ({**GRANT, "scope": "* read"}, 400, "invalid_scope"),
        ({**GRANT, "scope": 5}, 400, "invalid_scope"),
        (GRANT, 401, "invalid_client"),
        ({**GRANT, "client_id": "x"}, 401, "invalid_client"),
        ({**GRANT, "client_id": "x", "client_secret": SECRET}, 401, "invalid_client"),
        ({**GRANT, "client_id": "x", "client_secret": 5}, 401, "invalid_client"),
        ({**GRANT, "client_id": {}, "client_secret": SECRET}, 401, "invalid_client"),
        ({**GRANT, "client_id": "é\0", "client_secret": "ü\0"}, 401, "invalid_client"),
    ],
    ids=str,
)
def test_refusals_are_those_of_the_rfc(app: Flask, body: dict[str, Any], status: int, error: str) -> None:
    answer = ask(app, json=body)

    assert answer.status_code == status
    assert answer.json.keys() == {"error", "error_description"}
    assert answer.json["error"] == error
    assert DESCRIPTION.fullmatch(answer.json["error_description"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    "options",
    [
        {"data": "{", "content_type": "application/json"},
        {"data": "[]", "content_type": "application/json"},
        {"data": "grant_type=client_credentials&grant_type=password"},
        {"data": "grant_type=a&client_id=1&client_id=2"},
    ],
    ids=str,
)
def test_a_malformed_request_is_an_invalid_one(app: Flask, options: dict[str, str]) -> None:
    answer = ask(app, **{"content_type": "application/x-www-form-urlencoded", **options})

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": "<xml/>", "content_type": "text/xml"}, 415),
        ({"data": {"a": "b"}, "content_type": "multipart/form-data"}, 415),
        ({"data": "x" * 16_385, "content_type": "application/x-www-form-urlencoded"}, 413),
        ({"data": " " * 16_385, "content_type": "application/json"}, 413),
    ],
    ids=["xml", "multipart", "large form", "large JSON"],
)
def test_what_is_no_form_and_no_json_or_too_large_is_told_so(
    app: Flask, options: dict[str, Any], status: int
) -> None:
    answer = ask(app, **options)

    assert (answer.status_code, answer.json["error"]) == (status, "invalid_request")


def test_whoever_failed_by_basic_is_asked_for_basic(app: Flask, client: Credentials) -> None:
    tries = [
        basic(client.id, "wrong"),
        basic("nobody", client.secret),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": f"Basic {base64.b64encode(b'no colon').decode()}"},
        {"Authorization": f"Basic {base64.b64encode(bytes([0xFF, 0x3A, 0xFE])).decode()}"},
    ]

    answers = [ask(app, data=GRANT, headers=headers) for headers in tries]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json["error"] for answer in answers} == {"invalid_client"}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {'Basic realm="otpauth"'}


def test_a_client_shows_itself_in_one_way_only(app: Flask, client: Credentials) -> None:
    headers = basic(client.id, client.secret)
    bodies = [
        {"client_id": client.id, "client_secret": client.secret},
        {"client_secret": client.secret},
        {"client_id": "another"},
        {"client_id": 5},
    ]

    answers = [ask(app, json={**GRANT, **body}, headers=headers) for body in bodies]

    assert {(answer.status_code, answer.json["error"]) for answer in answers} == {(400, "invalid_request")}


def test_a_secret_opens_its_own_client_alone(app: Flask, client: Credentials) -> None:
    other = new_client(app, "sms")

    answer = ask(app, json={**GRANT, "client_id": other.id, "client_secret": client.secret})

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_a_blocked_client_and_one_of_another_flow_read_as_an_unknown_one(
    app: Flask, client: Credentials
) -> None:
    other_flow = new_client(app, "voice")
    with app.app_context():
        otpauth_of(app).clients.block(client.id)

    answers = [in_json(app, each) for each in (client, other_flow, Credentials("unknown", SECRET))]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.get_data() for answer in answers}) == 1
    assert len({answer.headers["WWW-Authenticate"] for answer in answers}) == 1


# -- presenting -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", [RESEND, VERIFY])
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Basic {token}",
        "Token {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer {token} {token}",
        "Bearer {secret}",
    ],
)
def test_whoever_presents_no_api_token_is_asked_to_sign_in(
    app: Flask, client: Credentials, path: str, authorization: str | None
) -> None:
    token = in_json(app, client).json["access_token"]
    given = authorization and authorization.format(token=token, secret=client.secret)

    answer = call_with(app, given, path)

    assert answer.status_code == 401
    assert answer.json == SIGN_IN
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_scheme_is_read_in_any_case(app: Flask, client: Credentials) -> None:
    token = in_json(app, client).json["access_token"]

    assert [call_with(app, f"{scheme} {token}", VERIFY).status_code for scheme in ("bearer", "BEARER")] == [
        200,
        200,
    ]


def test_a_token_is_not_looked_for_in_the_query_or_the_body(app: Flask, client: Credentials) -> None:
    token = in_json(app, client).json["access_token"]

    answer = app.test_client().post(f"{RESEND}?access_token={token}", json={**PHONE, "access_token": token})

    assert answer.status_code == 401


def test_a_token_lives_365_days(app: Flask, client: Credentials, clock: MovableClock) -> None:
    clock.now = clock.now.replace(microsecond=0)
    token = in_json(app, client).json["access_token"]
    clock.tick(YEAR - 1)
    last_second = is_accepted(app, token)
    clock.tick(1)

    assert last_second
    assert call_with(app, f"Bearer {token}").json == SIGN_IN


def test_the_life_of_a_token_is_a_setting(make_app: MakeApp, clock: MovableClock) -> None:
    app = make_app(sms_token_ttl=3600)
    answer = in_json(app, new_client(app, "sms"))
    clock.tick(3600)

    assert answer.json["expires_in"] == 3600
    assert call_with(app, f"Bearer {answer.json['access_token']}").status_code == 401


def test_a_token_dies_with_the_secret_that_bought_it(
    app: Flask, client: Credentials, clock: MovableClock
) -> None:
    old = in_json(app, client).json["access_token"]
    with app.app_context():
        rotated = otpauth_of(app).clients.rotate(client.id)

    assert call_with(app, f"Bearer {old}").json == SIGN_IN
    assert in_json(app, client).json["error"] == "invalid_client"
    assert is_accepted(app, in_json(app, rotated).json["access_token"])


def test_in_an_overlap_secret_and_token_work_to_its_end(
    app: Flask, client: Credentials, clock: MovableClock
) -> None:
    old = in_json(app, client).json["access_token"]
    with app.app_context():
        rotated = otpauth_of(app).clients.rotate(client.id, overlap=3600)
    new = in_json(app, rotated).json["access_token"]
    bought_in_overlap = in_json(app, client).json["access_token"]

    clock.tick_ms(3_599_999)
    during = [is_accepted(app, token) for token in (old, bought_in_overlap, new)]
    clock.tick_ms(1)
    after = [call_with(app, f"Bearer {token}", VERIFY).status_code for token in (old, bought_in_overlap, new)]

    assert during == [True, True, True]
    assert after == [401, 401, 200]
    assert in_json(app, client).status_code == 401


def test_a_blocked_clients_token_is_refused_at_once_and_works_again_later(
    app: Flask, client: Credentials
) -> None:
    token = in_json(app, client).json["access_token"]
    with app.app_context():
        clients = otpauth_of(app).clients
        clients.block(client.id)
        blocked = call_with(app, f"Bearer {token}")
        clients.unblock(client.id)

    assert blocked.status_code == 403
    assert blocked.json == {
        "message": "Yêu cầu bị từ chối",
        "status": "REQUEST_DENIED",
        "status_code": 403,
        "captcha": [],
    }
    assert is_accepted(app, token)


def test_a_token_that_another_flow_sold_is_not_an_api_token(app: Flask, outbox: Outbox) -> None:
    client = new_client(app, "sms", "account", "voice")
    http = app.test_client()
    account = http.post("/api/auth/get-access-token", json={"token": client.secret}).json["access_token"]
    voice = http.post("/api/v1/users/generate_access_token", json={"secret_key": client.secret}).json
    sms = SmsCaller(app, outbox, client).headers

    foreign = [
        call_with(app, f"Bearer {token}").status_code for token in (account, voice["data"]["access_token"])
    ]
    elsewhere = http.post("/api/pin/unblock", json={"user": 1}, headers=sms)

    assert foreign == [401, 401]
    assert elsewhere.status_code == 401
