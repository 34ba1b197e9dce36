"""What is wrong with a declaration is told completely, with the name of each key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flask_otpauth.senders import HttpSender, WrongDeclaration

GOOD: dict[str, Any] = {"url": "https://sms.example/send", "json": {"to": "{recipient}", "text": "{text}"}}

NO_HEADER = "a line break, or another character that a header cannot have there"


def problems(**declaration: Any) -> list[str]:
    with pytest.raises(WrongDeclaration) as caught:
        HttpSender({**GOOD, **declaration})
    return [each.under("P") for each in caught.value.problems]


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        url="sms.example/send",
        methodic="POST",
        method="DELETE",
        headers={"Host": "a", "X Y": "b", "X-Fine": 3},
        auth={"digest": ("a", "b")},
        json={"to": "{recipint}", "text": "{text", "nested": [{"deep": object()}], "three": "{text:upper}"},
        success={"status": {"a": 1}},
        errors={"code": {"9": "invalid_recipientt"}, "other": "rejected"},
        message_id=["id"],
        cost=3,
        connect_seconds=0,
        total_seconds="10",
        choices={"voice": "vi", "tongue": {"locale": "vi"}, "x": {"localee": {"*": "{nothing}"}}},
        ca_file="/nowhere.pem",
    )

    assert found == [
        "P['methodic']: unknown key; did you mean method?",
        "P['url']: expected a URL that begins with https:// or http://",
        "P['method']: expected POST or GET or PUT",
        "P['headers']['Host']: not a header that can be set",
        "P['headers']['X Y']: not a header that can be set",
        "P['headers']['X-Fine']: expected a string",
        "P['auth']['digest']: unknown key",
        "P['json']['to']: unknown variable 'recipint'; did you mean recipient?",
        "P['json']['text']: a brace must be doubled unless it begins or ends a variable",
        "P['json']['nested'][0]['deep']: expected what JSON can have",
        "P['json']['three']: unknown filter 'upper': expected digits or underscores or xml",
        "P['choices']['voice']: expected one variable, such as {'locale': {'vi': 'vi-VN'}}",
        "P['choices']['tongue']['locale']: expected a dict of strings by value",
        "P['choices']['x']['localee']: unknown variable; did you mean locale?",
        "P['choices']['x']['localee']['*']: unknown variable 'nothing'; did you mean encoding?",
        "P['success']['status']: expected a value or a list of values",
        "P['errors']['code']['9']: unknown status; did you mean invalid_recipient?",
        "P['errors']['other']: expected a dict of statuses by value",
        "P['message_id']: expected the path to a value in the answer, such as 'messages.0.id'",
        "P['cost']: expected the path to a value in the answer, such as 'messages.0.id'",
        "P['connect_seconds']: expected a number of seconds, at most 60",
        "P['total_seconds']: expected a number of seconds, at most 60",
        "P['ca_file']: not a file of certificates (PEM)",
    ]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (None, "expected a string"),
        ("https://{recipient}.example/", "the host cannot depend on the message"),
        ("https://sms.example:port/", "not a URL"),
        ("https://sms..example/", "not a URL"),
        (
            "https://shop:secret@sms.example/",
            "a user, a password and a fragment cannot be in a URL: use auth",
        ),
        ("https://sms.example/#top", "a user, a password and a fragment cannot be in a URL: use auth"),
        ("ftp://sms.example/", "expected a URL that begins with https:// or http://"),
        ("https://sms.example/a b", "expected a URL that begins with https:// or http://"),
    ],
)
def test_a_url_leads_to_one_host(url: object, told: str) -> None:
    assert problems(url=url) == [f"P['url']: {told}"]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"form": {"a": "{text}"}}, "P['form']: cannot be combined with json"),
        ({"method": "GET"}, "P['json']: a GET request has no body: use query"),
        ({"query": ["a"]}, "P['query']: expected a dict"),
        ({"auth": "token"}, "P['auth']: expected a dict with one of basic, bearer, jwt"),
        ({"auth": {"basic": "user"}}, "P['auth']['basic']: expected a user and a password"),
        ({"auth": {"bearer": 7}}, "P['auth']['bearer']: expected a string"),
        (
            {"auth": {"jwt": {"key": "no key", "algorithm": "RS256", "claims": {"iss": "a"}}}},
            "P['auth']['jwt']['key']: not a key for this algorithm (RS256 needs the extra 'crypto')",
        ),
        (
            {"headers": {"X-A": "{}"}},
            "P['headers']['X-A']: expected variables such as {recipient} or {recipient:digits}",
        ),
        ({"headers": {"X-A": "key\n"}}, f"P['headers']['X-A']: {NO_HEADER}"),
        ({"headers": {"X-A": "clé"}}, f"P['headers']['X-A']: {NO_HEADER}"),
        ({"auth": {"bearer": "key\n"}}, f"P['auth']['bearer']: {NO_HEADER}"),
        ({"auth": {"bearer": "key "}}, f"P['auth']['bearer']: {NO_HEADER}"),
        (
            {"auth": {"jwt": {"key": "k" * 32, "algorithm": "HS256", "claims": ["iss"]}}},
            "P['auth']['jwt']['claims']: expected a dict",
        ),
        (
            {"choices": {5: {"locale": {}}}, "query": {"a": "{voice}"}},
            "P['query']['a']: unknown variable 'voice'",
        ),
        ({"success": {"status": []}}, "P['success']['status']: expected a value or a list of values"),
        ({"ca_file": "a\0b"}, "P['ca_file']: not a file of certificates (PEM)"),
        (
            {"json": {"text": "{purpose}"}, "query": {"to": "{recipient}"}},
            "P: no template has {text} or {code}",
        ),
        (
            {"choices": {"code": {"locale": {}}}},
            "P['choices']['code']: choose another name, a variable has this one",
        ),
        ({"json": {"text": "{text}"}}, "P: no template has {recipient}"),
        ({"profile": "twillio"}, "P['profile']: unknown profile; did you mean twilio?"),
    ],
)
def test_a_problem_is_told(keys: dict[str, Any], told: str) -> None:
    assert problems(**keys) == [told]


def test_a_problem_shows_no_value(tmp_path: Path) -> None:
    secret = "swordfish"

    with pytest.raises(WrongDeclaration) as caught:
        HttpSender(
            {
                "url": f"https://x:{secret}@sms.example",
                "auth": {"basic": [secret, 3]},
                "headers": {"X-Key": f"{{{secret}"},
                "ca_file": str(tmp_path / secret),
                "json": {"a": object()},
            }
        )

    assert secret not in str(caught.value)
    assert secret not in repr(caught.value)
