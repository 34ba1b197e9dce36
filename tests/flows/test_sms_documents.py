"""The document's own examples, replayed to the letter (``documents/sms.json``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth.testing import MovableClock, Outbox
from tests.flows.sms_caller import PHONE, SmsCaller

DOCUMENT = json.loads((Path(__file__).parent / "documents" / "sms.json").read_text("utf-8"))

ARRANGED = {
    "nothing was sent today": [],
    "the last code was sent 22 seconds ago": [22],
    "three codes were sent today": [90, 90, 90],
}


@pytest.mark.parametrize("example", DOCUMENT["examples"], ids=lambda example: example["name"])
def test_an_example_of_the_document_is_answered_to_the_letter(
    example: dict[str, Any], app: Flask, outbox: Outbox, clock: MovableClock
) -> None:
    caller = SmsCaller(app, outbox)
    for seconds in ARRANGED[example["given"]]:
        caller.fresh_code()
        clock.tick(seconds)

    answer = caller.post(DOCUMENT["path"], PHONE)

    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.json == example["response"]
    assert list(answer.json) == list(example["response"])
    assert example["response"]["message"] in answer.get_data(as_text=True)
