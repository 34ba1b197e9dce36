"""The document's own examples, replayed to the letter (``documents/account.json``)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.flows.account_caller import OK, PASSWORD_CODE, PIN, Merchant, give_password, new_customer

DOCUMENT = json.loads((Path(__file__).parent / "documents" / "account.json").read_text("utf-8"))
SUCCESSES, FAILURES = DOCUMENT["successes"], DOCUMENT["failures"]


@pytest.fixture
def merchant(app: Flask) -> Merchant:
    """A merchant whose customers are those of the document."""
    directory = app.extensions["otpauth"].services.directory
    directory.create(id=1, email="foo@bar.com", full_name="Foo")
    give_password(app, directory.create(id=123, email="customer@stamps.co.id", phone="+6281234567890"))
    new_customer(app, email="test@gmail.com", phone=None, member_id=None, password="secure_password")
    return Merchant(app, user=123)


def arranged(given: str, merchant: Merchant) -> str:
    """Bring the customer into the state that the example speaks of; the code, where there is one."""
    if given.startswith("the PIN is"):
        assert merchant.set_pin(PIN).json == OK
    if given == "the PIN is blocked":
        merchant.block_pin()
    if given.startswith("a code to reset"):
        return merchant.code(PASSWORD_CODE if given.endswith("password") else "/pin/request-otp-for-reset")
    return "123123"


def authorization(merchant: Merchant, token_type: str) -> dict[str, str]:
    """``Authorization: <token_type> <token>``, as the document has it."""
    token = merchant.client.secret
    if token_type == "Bearer":
        token = merchant.post("/auth/get-access-token/", {"token": token}).json["access_token"]
    return {"Authorization": f"{token_type} {token}"}


def posted(merchant: Merchant, example: dict[str, Any], token_type: str = "Token") -> TestResponse:
    """The answer to the example's request, with the code that there is."""
    code = arranged(example.get("given", ""), merchant)
    body = {**example["request"], **({"otp": code} if "otp" in example["request"] else {})}
    headers = authorization(merchant, token_type)
    return merchant.app.test_client().post(example["path"], json=body, headers=headers)


@pytest.mark.parametrize("token_type", ["Token", "Bearer"])
@pytest.mark.parametrize("example", SUCCESSES, ids=lambda example: example["path"])
def test_a_success_is_answered_to_the_letter(
    example: dict[str, Any], token_type: str, merchant: Merchant
) -> None:
    answer = posted(merchant, example, token_type)

    expected = dict(example["response"])
    if "otp" in expected:
        assert re.fullmatch("[0-9]{6}", answer.json["otp"])
        expected["otp"] = answer.json["otp"]
    assert (answer.status_code, answer.json) == (200, expected)
    assert answer.headers["Vary"] == "Accept"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Allow"] == example["allow"]


@pytest.mark.parametrize("example", FAILURES, ids=lambda example: example["response"]["detail"])
def test_a_failure_is_answered_to_the_letter(example: dict[str, Any], merchant: Merchant) -> None:
    answer = posted(merchant, example)

    assert (answer.status_code, answer.json) == (400, example["response"])
    assert answer.headers["Vary"] == "Accept"
    assert answer.headers["Content-Type"] == "application/json"
    assert "Allow" not in answer.headers


@pytest.mark.parametrize(
    "example",
    [example for example in SUCCESSES if "misprint" in example],
    ids=lambda example: example["path"],
)
def test_a_body_with_the_documents_misprint_is_malformed(example: dict[str, Any], merchant: Merchant) -> None:
    answer = merchant.app.test_client().post(
        example["path"], data=example["misprint"], content_type="application/json", headers=merchant.headers
    )

    assert answer.status_code == 400
    assert answer.json == {
        "detail": "Malformed request",
        "errors": {},
        "error_code": "malformed_request",
        "error_message": "Malformed request",
    }


def test_the_document_is_replayed_path_by_path(merchant: Merchant) -> None:
    served = {
        rule.rule
        for rule in merchant.app.url_map.iter_rules()
        if rule.endpoint.startswith("otpauth_account.")
    }

    assert served == {example["path"] for example in SUCCESSES} | {"/api/auth/get-access-token"}
