"""The optional verification: the service draws the code and checks it (contract/voice.md, "Defaults")."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_otpauth.testing import Outbox
from tests.flows.voice_caller import (
    ABSENT,
    PHONE,
    VoiceCaller,
    new_campaign,
    outcome,
)
from tests.hosts import MakeApp

OK = (200, "")
INVALID = (400, "invalid otp")


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(voice_verify=True)


def fresh_code(caller: VoiceCaller) -> str:
    """Have a code drawn and spoken, and listen to it."""
    answer = caller.call(otp=ABSENT)
    assert outcome(answer) == OK, answer.json
    return caller.outbox.last.code


# -- off by default -------------------------------------------------------------------------


def test_by_default_the_path_is_the_hosts_own_404_and_an_otp_is_required(
    make_app: MakeApp, outbox: Outbox
) -> None:
    caller = VoiceCaller(make_app(), outbox)

    assert caller.verify("123456").status_code == 404
    assert caller.verify("123456").mimetype == "text/html"
    assert outcome(caller.call(otp=ABSENT)) == (400, "contact.otp is required")


# -- drawing and verifying ------------------------------------------------------------------


@pytest.mark.parametrize("otp", [ABSENT, None, ""], ids=["absent", "null", "blank"])
def test_without_an_otp_the_service_draws_six_digits(caller: VoiceCaller, outbox: Outbox, otp: Any) -> None:
    answer = caller.call(otp)

    assert outcome(answer) == OK
    assert "otp" not in answer.get_data(as_text=True)
    assert len(outbox.last.code) == 6
    assert ", ".join(outbox.last.code) in outbox.last.text


def test_the_right_code_is_answered_with_the_campaign(caller: VoiceCaller) -> None:
    answer = caller.verify(fresh_code(caller), phone="+84 77 112 2330")

    assert answer.status_code == 200
    assert answer.json == {
        "message": "OK",
        "code": 200,
        "status": True,
        "data": {"campaign_id": caller.campaign_id},
    }


def test_a_code_that_the_client_chose_may_be_verified_as_well(caller: VoiceCaller) -> None:
    caller.call("8675309")

    assert [outcome(caller.verify(otp)) for otp in ("8675308", "8675309", "8675309")] == [
        INVALID,
        OK,
        INVALID,
    ]


def test_two_requests_without_an_otp_are_two_calls(caller: VoiceCaller, outbox: Outbox) -> None:
    first, second = fresh_code(caller), fresh_code(caller)

    assert len(outbox.messages) == 2
    assert first == second or outcome(caller.verify(first)) == INVALID
    assert outcome(caller.verify(second)) == OK


def test_a_retry_with_an_otp_still_places_no_second_call(caller: VoiceCaller, outbox: Outbox) -> None:
    caller.call("123456")
    caller.call("123456")

    assert len(outbox.messages) == 1
    assert outcome(caller.verify("123456")) == OK


def test_a_code_of_the_wrong_shape_is_named_and_not_counted(caller: VoiceCaller) -> None:
    code = fresh_code(caller)

    answers = [
        outcome(caller.verify(otp))
        for otp in ("123", "12345678901", "12a456", 123456, "１２３４５６", " 123456")
    ]

    assert set(answers) == {(400, "contact.otp must be 4 to 10 digits")}
    assert outcome(caller.verify(ABSENT)) == (400, "contact.otp is required")
    assert outcome(caller.verify(code)) == OK


# -- whose code it is -----------------------------------------------------------------------


def test_a_code_is_worth_nothing_for_another_phone_client_or_campaign(
    caller: VoiceCaller, app: Flask, outbox: Outbox
) -> None:
    code = fresh_code(caller)
    campaign = caller.campaign_id

    tries = [
        outcome(caller.verify(code, phone="0912345678")),
        outcome(VoiceCaller(app, outbox).verify(code)),
    ]
    caller.campaign_id = new_campaign(app, caller.client.id).id
    tries.append(outcome(caller.verify(code)))
    admin = VoiceCaller(app, outbox, scope="admin", campaign_id=campaign)
    tries.append(outcome(admin.verify(code, userid=caller.client.id)))
    caller.campaign_id = campaign

    assert tries == [INVALID] * 4
    assert outcome(caller.verify(code)) == OK


def test_the_refusals_before_are_those_of_a_call(caller: VoiceCaller, app: Flask, outbox: Outbox) -> None:
    other = VoiceCaller(app, outbox)
    body = caller.body("123456", PHONE)
    told_of = [
        outcome(caller.post("/voiceotp/verify", body, "unknown")),
        outcome(caller.verify("123456", userid="somebody")),
    ]
    mine, caller.campaign_id = caller.campaign_id, other.campaign_id
    told_of.append(outcome(caller.verify("123456")))
    caller.campaign_id = mine
    with app.app_context():
        caller.campaigns.pause(mine)
    told_of.append(outcome(caller.verify("123456")))

    assert told_of == [
        (401, "invalid access token"),
        (403, "userid does not match the access token"),
        (404, "campaign not found"),
        (403, "campaign is paused"),
    ]
