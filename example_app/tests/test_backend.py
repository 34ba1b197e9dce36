from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from example_app import create_app


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return create_app(str(tmp_path)).test_client()


def test_the_server_decides_whose_pin_it_is(client: FlaskClient) -> None:
    pins = {"pin": "123456", "confirm_pin": "123456"}

    shown = client.post("/backend/account/set-pin", json={**pins, "user": 1}).get_json()

    assert shown["body"] == {"user": 123, **pins}
    assert shown["answer"] == {"status": "ok"}


def test_a_page_is_told_of_no_credential(client: FlaskClient) -> None:
    held = client.get("/keys.json").get_json()["clients"]

    shown = client.post("/backend/flashcall/order", json={"phone": "79991234567"}).text

    assert not [
        name for client in held.values() for name, value in client.items() if value and value in shown
    ]


@pytest.mark.parametrize("action", ["delete-pin", "", "../../keys"])
def test_what_no_page_needs_is_not_passed_on(client: FlaskClient, action: str) -> None:
    assert client.post(f"/backend/account/{action}", json={}).status_code == 404


def test_a_form_of_another_site_is_refused(client: FlaskClient) -> None:
    assert client.post("/backend/start-over", data={"yes": "1"}).status_code == 415


@pytest.mark.parametrize("order_id", ["../keys", "a/b", "?x"])
def test_an_order_id_cannot_name_another_path(client: FlaskClient, order_id: str) -> None:
    shown = client.post("/backend/flashcall/redeem", json={"order_id": order_id, "code": "1234"}).get_json()

    assert shown["path"].count("/") == len(("v1", "auth", "order", "code"))
    assert shown["answer"]["errors"]


def test_a_campaign_of_no_language_is_refused(client: FlaskClient) -> None:
    body = {"phone_number": "0771122330", "otp": "1234", "language": "xx"}

    assert client.post("/backend/voice/call", json=body).status_code == 400


def test_the_profile_is_for_those_who_are_logged_in(client: FlaskClient) -> None:
    refused = client.get("/apis/user/profile")

    assert refused.status_code == 401
    assert refused.get_json() == {"code": -1, "message": "Unauthorized", "data": {}}


def test_pages_let_none_but_their_own_scripts_run(client: FlaskClient) -> None:
    policy = client.get("/email").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_what_is_not_there_is_a_page_that_says_so(client: FlaskClient) -> None:
    missing = client.get("/nothing")

    assert missing.status_code == 404
    assert "Nothing here" in missing.text
