from __future__ import annotations

from collections.abc import Mapping

import pytest

from flask_otpauth.adapters.senders.sip.declaration import SipTrunk
from flask_otpauth.core.errors import ConfigurationError
from tests.hosts import MakeApp

TRUNK = {"profile": "sip", "server": "sip.example.com"}


def speak(text: str, locale: str) -> bytes:
    """A host's own text to speech."""
    return b"\x00\x00" * 100


def problems(make_app: MakeApp, declared: Mapping[str, object]) -> str:
    with pytest.raises(ConfigurationError) as raised:
        make_app(flows=("flashcall",), providers={"trunk": declared}, senders={"flashcall": "trunk"})
    return str(raised.value)


def test_a_trunk_can_be_declared_by_name_for_both_channels(make_app: MakeApp) -> None:
    make_app(
        flows=("flashcall", "voice"),
        providers={"trunk": {**TRUNK, "username": "shop", "password": "secret"}},
        senders={"flashcall": "trunk", "voice": "trunk"},
    )


@pytest.mark.parametrize(
    ("declared", "key", "sentence"),
    [
        ({"server": None}, "['server']", "expected a valid string"),
        ({"server": ""}, "['server']", "expected a host and a port, such as 'sip.example.com:5060'"),
        ({"server": "one.test:0"}, "['server']", "expected a host and a port"),
        ({"server": "one.test:70000"}, "['server']", "expected a host and a port"),
        ({"server": "sip:one.test"}, "['server']", "expected a host and a port"),
        ({"transport": "tls"}, "['transport']", "expected 'udp' or 'tcp'"),
        ({"usrname": "shop"}, "['usrname']", "unknown key; did you mean username?"),
        ({"username": "shop\n"}, "['username']", "a header cannot have a line break"),
        ({"size": "large"}, "['size']", "unknown key"),
        ({"domain": "x\r\ny"}, "['domain']", "expected a domain"),
        ({"uri": "sip:1234@one.test"}, "['uri']", "expected a SIP address with {recipient}"),
        ({"uri": "sip:{domain}"}, "['uri']", "expected a SIP address with {recipient}"),
        ({"uri": "sip:{recipient.x}@one.test"}, "['uri']", "expected a SIP address with {recipient}"),
        ({"uri": "sip:{recipient@one.test"}, "['uri']", "expected a SIP address with {recipient}"),
        ({"uri": "sip:{phone}@one.test"}, "['uri']", "expected a SIP address with {recipient}"),
        ({"uri": "sip:{recipient}@x\r\nA: b"}, "['uri']", "expected a SIP address with {recipient}"),
        ({"uri": "tel:{recipient}"}, "['uri']", "expected a SIP address with {recipient}"),
        ({"caller_number": "shop"}, "['caller_number']", "expected a phone number"),
        ({"asserted_identity": "yes"}, "['asserted_identity']", "expected a valid boolean"),
        ({"connect_seconds": 0}, "['connect_seconds']", "expected greater than 0"),
        ({"total_seconds": 3600}, "['total_seconds']", "expected less than or equal to 600"),
        ({"speech": 7}, "['speech']", "expected 'espeak-ng', a function or"),
        ({"speech": "nowhere:speak"}, "['speech']", "cannot import 'nowhere:speak'"),
    ],
)
def test_a_wrong_declaration_stops_the_app_and_names_the_key(
    make_app: MakeApp, declared: dict[str, object], key: str, sentence: str
) -> None:
    assert f"OTPAUTH_PROVIDERS['trunk']{key}: {sentence}" in problems(make_app, {**TRUNK, **declared})


def test_a_trunk_cannot_be_declared_for_another_channel(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError) as raised:
        make_app(flows=("sms",), senders={"sms": TRUNK})

    assert "cannot send on channel 'sms': a SIP trunk places calls only" in str(raised.value)


def test_a_declaration_without_a_server_stops_the_app(make_app: MakeApp) -> None:
    assert "OTPAUTH_PROVIDERS['trunk']['server']: this key is required" in problems(
        make_app, {"profile": "sip", "password": "secret"}
    )


def test_all_problems_are_named_at_once_and_no_password(make_app: MakeApp) -> None:
    found = problems(make_app, {**TRUNK, "transport": "tls", "password": ["secret"], "x": 1})

    assert found.count("OTPAUTH_PROVIDERS['trunk']") == 3
    assert "secret" not in found


@pytest.mark.parametrize(
    ("declared", "host", "port", "callee"),
    [
        ({"server": "sip.example.com"}, "sip.example.com", 5060, "sip:+8498@sip.example.com"),
        ({"server": "192.0.2.7:5080"}, "192.0.2.7", 5080, "sip:+8498@192.0.2.7"),
        ({"server": "[2001:db8::7]:5080"}, "2001:db8::7", 5080, "sip:+8498@[2001:db8::7]"),
        ({"server": "a.test", "domain": "b.test"}, "a.test", 5060, "sip:+8498@b.test"),
        ({"server": "a.test", "uri": "sip:00{digits}@c.test"}, "a.test", 5060, "sip:008498@c.test"),
        (
            {"server": "a.test", "uri": "sip:{recipient}@{domain};user=phone"},
            "a.test",
            5060,
            "sip:+8498@a.test;user=phone",
        ),
    ],
)
def test_a_trunk_has_its_addresses(declared: dict[str, object], host: str, port: int, callee: str) -> None:
    trunk = SipTrunk.model_validate(declared)

    assert (trunk.host, trunk.port, trunk.callee("+8498")) == (host, port, callee)


def test_a_message_without_a_number_is_called_from_that_of_the_trunk() -> None:
    trunk = SipTrunk(server="a.test", caller_number="+842400")

    assert trunk.caller("") == "sip:+842400@a.test"
    assert trunk.caller("7487") == "sip:7487@a.test"
    assert SipTrunk(server="a.test").caller("") == "sip:a.test"


@pytest.mark.parametrize("named", [speak, f"{__name__}:speak"])
def test_a_host_speaks_by_its_own_function(named: object) -> None:
    trunk = SipTrunk.model_validate({"server": "a.test", "speech": named})

    assert trunk.speak()("text", "en") == b"\x00\x00" * 100
