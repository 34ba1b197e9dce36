from __future__ import annotations

import re

import pytest

from flask_otpauth.adapters.senders.sip.digest import Credentials, authorization, challenge_in
from tests.adapters.senders.sip.samples import an_invite, response_to

# The examples of RFC 7616 §3.9.1 and RFC 2069 §2.4 (with the erratum), whose user is Mufasa.
MUFASA = Credentials("Mufasa", "Circle of Life")
RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMA'
    'FRtzCUYo5tdS"'
)
CLIENT_NONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def values_of(header: str) -> dict[str, str]:
    assert header.startswith("Digest ")
    return {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|[^,]*)', header)}


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_the_standard_give_its_responses(algorithm: str, response: str) -> None:
    challenged = response_to(an_invite(), 401, ("WWW-Authenticate", RFC_7616.format(algorithm)))
    challenge = challenge_in(challenged)
    assert challenge is not None

    name, value = authorization(challenge, MUFASA, "GET", "/dir/index.html", client_nonce=CLIENT_NONCE)

    assert name == "Authorization"
    assert values_of(value) == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "nc": "00000001",
        "cnonce": CLIENT_NONCE,
        "qop": "auth",
        "response": response,
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    }


def test_a_proxy_without_quality_of_protection_gets_the_old_form() -> None:
    line = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    challenge = challenge_in(response_to(an_invite(), 407, ("Proxy-Authenticate", line)))
    assert challenge is not None

    name, value = authorization(challenge, Credentials("Mufasa", "CircleOfLife"), "GET", "/dir/index.html")

    assert name == "Proxy-Authorization"
    assert values_of(value)["response"] == "1949323746fe6a43ef61f9606e7febea"
    assert not {"qop", "nc", "cnonce", "algorithm"} & values_of(value).keys()


def test_the_first_challenge_that_can_be_answered_is_taken() -> None:
    lines = [
        ("WWW-Authenticate", 'Digest realm="r", nonce="1", algorithm=SHA-512-256, qop="auth"'),
        ("WWW-Authenticate", 'Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth"'),
        ("WWW-Authenticate", 'Digest realm="r", nonce="3", algorithm=MD5, qop="auth"'),
    ]

    challenge = challenge_in(response_to(an_invite(), 401, *lines))

    assert challenge is not None
    assert challenge.nonce == "2"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Basic realm=x",
        "Digest",
        'Digest realm="r"',
        'Digest nonce="n"',
        'Digest realm="r", nonce="n", algorithm=MD5-sess',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Digest realm="r, nonce=n',
    ],
)
def test_a_challenge_that_cannot_be_answered_is_passed_over(line: str) -> None:
    assert challenge_in(response_to(an_invite(), 401, ("WWW-Authenticate", line))) is None


def test_quotes_in_a_realm_and_a_name_are_escaped() -> None:
    line = 'Digest realm="a \\"b\\" \\\\", nonce="n"'
    challenge = challenge_in(response_to(an_invite(), 401, ("WWW-Authenticate", line)))
    assert challenge is not None

    _, value = authorization(challenge, Credentials('u"', "p"), "INVITE", "sip:1@one.test")

    assert challenge.realm == 'a "b" \\'
    assert 'realm="a \\"b\\" \\\\"' in value
    assert 'username="u\\""' in value


def test_a_password_is_not_shown() -> None:
    assert "Circle" not in repr(MUFASA)
