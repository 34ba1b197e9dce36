"""The document's own examples, replayed to the letter (``documents/voice.json``)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask

from flask_otpauth.core.clients import Campaign, Client
from flask_otpauth.core.keys import KeyRing
from flask_otpauth.testing import Outbox
from tests.flows.voice_caller import VoiceCaller
from tests.hosts import SECRET_KEY, MakeApp

DOCUMENT = json.loads((Path(__file__).parent / "documents" / "voice.json").read_text("utf-8"))
BUYING, CALLING = DOCUMENT["buying"], DOCUMENT["calling"]


@pytest.fixture
def token(app: Flask) -> str:
    """The document's client and campaign, and an access token that its secret key bought."""
    store = app.extensions["otpauth"].services.storage.clients
    keys = KeyRing((SECRET_KEY.encode(),), SECRET_KEY.encode())
    digest = keys.row_key("client", "secret", BUYING["request"]["secret_key"])
    store.add(Client("f461", "the document's", ("voice",), "member", 0, digest))
    store.add_campaign(Campaign("c78af", "f461", "the document's", "", "vi", 0))
    bought: str = app.test_client().post(BUYING["path"], json=BUYING["request"]).json["data"]["access_token"]
    return bought


def test_an_access_token_is_bought_as_in_the_example(app: Flask, token: str) -> None:
    answer = app.test_client().post(BUYING["path"], json=BUYING["request"])

    varies = {"access_token": answer.json["data"]["access_token"]}
    assert answer.status_code == 200
    assert answer.json == {**BUYING["response"], "data": {**BUYING["response"]["data"], **varies}}
    assert list(answer.json) == list(BUYING["response"])
    assert list(answer.json["data"]) == list(BUYING["response"]["data"])


def test_a_call_is_placed_as_in_the_example(app: Flask, token: str, outbox: Outbox) -> None:
    answer = app.test_client().post(
        CALLING["path"], json=CALLING["request"], headers={"Authorization": token}
    )

    assert answer.status_code == 200
    assert answer.json == CALLING["response"]
    assert list(answer.json) == list(CALLING["response"])
    assert (outbox.last.recipient, outbox.last.code) == ("+84771122330", "123456")


@pytest.mark.parametrize(
    ("setting", "key"), [({}, "message"), ({"voice_failure_message_key": "messsage"}, "messsage")]
)
def test_failures_have_the_examples_form_and_their_misprint_where_it_is_wanted(
    make_app: MakeApp, outbox: Outbox, setting: dict[str, str], key: str
) -> None:
    caller = VoiceCaller(make_app(**setting), outbox)

    bad = caller.app.test_client().post(BUYING["path"], json={})
    missing = VoiceCaller(caller.app, outbox, caller.client, campaign_id="c78af").call()

    for answer, documented, detail in (
        (bad, BUYING["failure"], "secret_key is required"),
        (missing, CALLING["failure"], "campaign not found"),
    ):
        mended = {key if name == "messsage" else name: value for name, value in documented.items()}
        assert answer.status_code == documented["code"]
        assert answer.json == {**mended, "data": {"error": detail}}
        assert list(answer.json) == list(mended)
    assert caller.call().json["message"] == "OK"
