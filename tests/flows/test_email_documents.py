"""The document's own examples, replayed to the letter (``documents/email.json``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth.testing import MovableClock, Outbox
from tests.codes import another
from tests.flows.email_caller import ADDRESS, EmailCaller

DOCUMENT = json.loads((Path(__file__).parent / "documents" / "email.json").read_text("utf-8"))


def arranged(given: str, caller: EmailCaller, clock: MovableClock) -> str:
    """Bring the address into the state that the example speaks of; the code that was mailed."""
    if not given:
        return ""
    code = caller.fresh_code()
    if given == "used":
        caller.verify(code)
    if given == "expired":
        clock.tick(300)
    return code


def without_what_varies(body: dict[str, Any]) -> dict[str, Any]:
    """``body`` with the type of each value that varies by nature instead of the value."""
    data = {name: type(v) if name in DOCUMENT["varies"] else v for name, v in body["data"].items()}
    return {**body, "data": data}


@pytest.mark.parametrize("example", DOCUMENT["examples"], ids=lambda example: example["name"])
def test_an_example_of_the_document_is_answered_to_the_letter(
    example: dict[str, Any], app: Flask, outbox: Outbox, clock: MovableClock
) -> None:
    app.extensions["otpauth"].services.directory.create(
        id=12345, email=ADDRESS, full_name="Nguyen Van A", avatar_url="https://example.com/avatar.jpg"
    )
    code = arranged(example.get("given", ""), EmailCaller(app, outbox), clock)
    placeholders = {"the code": code, "another code": another(code or "0")}
    body = {name: placeholders.get(value, value) for name, value in example["request"].items()}

    answer = app.test_client().post(example["path"], json=body)

    assert answer.status_code == 200
    assert without_what_varies(answer.json) == without_what_varies(example["response"])
    assert list(answer.json) == list(example["response"])
    assert list(answer.json["data"]) == list(example["response"]["data"])


def test_the_access_token_is_a_jwt_as_in_the_example(app: Flask, outbox: Outbox) -> None:
    data = EmailCaller(app, outbox).login()

    assert data["accessToken"].startswith("eyJ")
    assert data["accessToken"].count(".") == 2
    assert data["refreshToken"].count(".") == 0
