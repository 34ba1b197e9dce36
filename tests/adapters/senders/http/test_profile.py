"""A profile is a declaration with parameters, which a host can override key by key."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from flask_otpauth.adapters.senders.declarations import WrongDeclaration
from flask_otpauth.adapters.senders.http.profile import Expanded, Profile, expand
from flask_otpauth.senders import HttpSender, Message, Status

ACME = Profile(
    sources=("https://acme.example/docs",),
    parameters={
        "key": "The key.",
        "from": "The sender of SMS.",
        "speaker": "The voice.",
        "region": "The region.",
    },
    defaults={"region": "eu"},
    common={
        "auth": {"bearer": "{key}"},
        "errors": {"code": {"1": "rejected"}},
        "success": {"id": "*"},
    },
    channels={
        "sms": {
            "url": "https://{region}.acme.example/sms",
            "json": {"to": "{recipient}", "from": "{from}", "options": {"text": "{text}", "kind": "code"}},
        },
        "voice": {
            "url": "https://acme.example/calls",
            "json": {"to": "{recipient}", "say": "{text}", "voice": "{speaker}"},
        },
    },
)
KEYS = {"profile": "acme", "key": "k", "from": "Shop"}


def expanded(**keys: Any) -> Expanded:
    return expand(ACME, {**KEYS, **keys})


def body(found: Expanded, channel: str = "sms") -> Any:
    message = Message(channel, "+84901234567", code="1", text="Your code")
    return json.loads(found.channels[channel].call.request(message).body)


def problems(**keys: Any) -> list[str]:
    with pytest.raises(WrongDeclaration) as caught:
        expanded(**keys)
    return [each.under("P") for each in caught.value.problems]


def test_a_profile_has_the_channels_whose_parameters_are_given() -> None:
    found = expanded()

    assert set(found.channels) == {"sms"}
    assert found.lacking == {"voice": "needs 'speaker'"}
    assert set(expanded(speaker="ann").channels) == {"sms", "voice"}


def test_without_parameters_each_channel_tells_what_it_needs() -> None:
    with pytest.raises(WrongDeclaration) as caught:
        expand(ACME, {"profile": "acme"})

    assert str(caught.value) == ": sms needs 'key', 'from'; voice needs 'key', 'speaker'"


def test_a_parameter_can_be_left_out_if_it_has_a_default() -> None:
    message = Message("sms", "+84901234567", code="1")

    urls = [found.channels["sms"].call.request(message).url for found in (expanded(), expanded(region="us"))]

    assert urls == ["https://eu.acme.example/sms", "https://us.acme.example/sms"]


def test_a_parameter_is_no_template() -> None:
    assert body(expanded(**{"from": "{text}"}))["from"] == "{text}"


def test_a_key_of_the_profile_can_be_overridden_within_dicts() -> None:
    found = expanded(json={"options": {"kind": "login"}, "callback": "https://shop.example"})

    assert body(found) == {
        "to": "+84901234567",
        "from": "Shop",
        "options": {"text": "Your code", "kind": "login"},
        "callback": "https://shop.example",
    }


def test_a_key_of_none_is_left_out_with_the_parameter_that_it_needs() -> None:
    found = expand(ACME, {"profile": "acme", "key": "k", "json": {"from": None}})

    assert "from" not in body(found)


def test_an_overriding_pattern_comes_before_those_of_the_profile() -> None:
    profile = replace(ACME, common={**ACME.common, "errors": {"code": {"1*": "rejected", "*": "timeout"}}})
    given = {**KEYS, "errors": {"code": {"12*": "opted_out", "13": "rate_limited"}}}

    judge = expand(profile, given).channels["sms"].judge

    assert list(judge.errors["code"]) == ["13", "12*", "1*", "*"]


def test_a_channel_can_have_keys_of_its_own() -> None:
    found = expanded(speaker="ann", sms={"json": {"from": "Other"}}, total_seconds=5)

    assert body(found)["from"] == "Other"
    assert "from" not in body(found, "voice")
    assert {each.link.total_seconds for each in found.channels.values()} == {5.0}


def test_all_problems_are_told_with_their_keys() -> None:
    found = problems(
        frm="Shop",
        speaker="ann",
        region=["eu"],
        json={"x": "{y}"},
        sms={"method": "DELETE", "errors": {"code": {"2": "broken"}}},
        whatsapp={},
    )

    assert found == [
        "P['frm']: unknown key; did you mean from?",
        "P['whatsapp']: unknown key",
        "P['region']: expected a string",
        "P['sms']['method']: expected POST or GET or PUT",
        "P['json']['x']: unknown variable 'y'",
        "P['sms']['errors']['code']['2']: unknown status",
    ]


@pytest.mark.parametrize("region", ["https://eu", "eu:443", "eu/"])
def test_a_parameter_that_breaks_the_host_is_told(region: str) -> None:
    assert problems(region=region) == ["P['url']: expected a host without 'https://', a port and a path"]


def test_a_key_with_a_line_break_is_told() -> None:
    told = "a line break, or another character that a header cannot have there"

    assert problems(key="k\n") == [f"P['auth']['bearer']: {told}"]


def test_a_channel_is_a_dict() -> None:
    assert problems(sms="yes") == ["P['sms']: expected a dict of keys for this channel alone"]


def test_a_channel_that_the_profile_does_not_have_is_rejected() -> None:
    sender = HttpSender({"profile": "twilio", "account_sid": "AC1", "auth_token": "t", "from": "+1"})

    assert sender.problem_on("sms") == ""
    assert sender.problem_on("voice") == "needs 'voice_from'"
    assert sender.problem_on("email") == "the profile has no such channel"
    assert sender.send(Message("email", "user@example.com", code="1")).status is Status.REJECTED
