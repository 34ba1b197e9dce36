"""The document's own examples, replayed to the letter (``documents/flashcall.json``)."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth.testing import Outbox
from tests.codes import another
from tests.flows.flashcall_caller import Application

DOCUMENT = json.loads((Path(__file__).parent / "documents" / "flashcall.json").read_text("utf-8"))


@pytest.fixture
def application(app: Flask, outbox: Outbox) -> Application:
    return Application(app, outbox)


@pytest.mark.parametrize("example", DOCUMENT["ordering"], ids=lambda example: example["name"])
def test_an_order_is_answered_to_the_letter(
    example: dict[str, Any], application: Application, app: Flask, outbox: Outbox
) -> None:
    answer = app.test_client().post(example["path"], json=example["request"], headers=application.headers)

    expected = example["response"]
    expected["data"]["id"] = outbox.last.reference
    if "value" in expected["data"]["code"]:
        expected["data"]["code"]["value"] = example["request"].get("code", outbox.last.code)
    assert (answer.status_code, answer.json) == (200, expected)
    assert answer.headers["Content-Type"] == "application/json"
    assert uuid.UUID(answer.json["data"]["id"]).version == 4


def test_a_code_is_answered_to_the_letter(application: Application, app: Flask) -> None:
    path = DOCUMENT["authenticating"]["path"]
    order_id, code = application.ordered(), application.seen()

    wrong, right = (
        app.test_client().get(
            path.format(order_id=order_id, order_code=submitted), headers=application.headers
        )
        for submitted in (another(code), code)
    )

    assert wrong.json == {"data": None, "errors": [{"message": "invalid code"}]}
    assert wrong.json.keys() == DOCUMENT["authenticating"]["failure"].keys()
    assert (right.status_code, right.json) == (200, DOCUMENT["authenticating"]["success"])
    assert [answer.headers["Cache-Control"] for answer in (wrong, right)] == ["no-store"] * 2


def test_an_application_without_a_token_is_told_what_the_table_says(app: Flask) -> None:
    answer = app.test_client().post("/v1/orders", json={"phone": "79991234567"})

    denied = DOCUMENT["denied"]
    assert answer.status_code == denied["status"]
    assert answer.json == {"data": None, "errors": [{"message": denied["message"]}]}
