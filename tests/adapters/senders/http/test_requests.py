"""The request that is written for a message. No value of a message can change its form."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flask_otpauth.adapters.senders.http.declaration import read
from flask_otpauth.adapters.senders.http.network import Request
from flask_otpauth.adapters.senders.http.requests import NotWritable
from flask_otpauth.senders import HttpSender, Message, Status

HOSTILE = '123"}, {"to": "x\r\nX-Evil: 1&to=y#z?a=b%00</Say>{recipient}\\'
MESSAGE = Message(
    "sms",
    "+84901234567",
    code="035790",
    text="Shop: your code is 035790",
    locale="vi",
    values={"brand": "Shop", "minutes": 5, "nothing": None},
    id="abcdefghij012345",
)


def request(message: Message = MESSAGE, **declaration: Any) -> Request:
    given = {
        "url": "https://sms.example/send",
        "query": {"to": "{recipient}", "text": "{text}"},
        **declaration,
    }
    return read(given, {}).call.request(message)


def hostile(**fields: Any) -> Message:
    return Message("sms", fields.pop("recipient", HOSTILE), code="1", text=HOSTILE, values={"a": HOSTILE})


def test_a_value_stays_within_its_json_string() -> None:
    body = {"to": "{recipient}", "text": "<{text}>", "list": ["{values.a}"], "count": 1, "flash": False}

    written = request(hostile(), json=body)

    expected = {"to": HOSTILE, "text": f"<{HOSTILE}>", "list": [HOSTILE], "count": 1, "flash": False}
    assert json.loads(written.body) == expected
    assert written.headers["Content-Type"] == "application/json"


def test_a_value_stays_within_its_field_of_a_form() -> None:
    fields = {"to": ["{recipient}", "b"], "variables": {"1": "{text}"}, "count": 1, "flash": False}

    written = request(hostile(), form=fields)

    assert parse_qs(written.body.decode(), strict_parsing=True) == {
        "to": [HOSTILE, "b"],
        "variables": [json.dumps({"1": HOSTILE})],
        "count": ["1"],
        "flash": ["false"],
    }


def test_a_value_stays_within_its_place_in_a_url() -> None:
    url = "https://sms.example/to/{recipient}/send?key=k"

    written = request(hostile(), url=url, query={"text": "{text}"})

    parts = urlsplit(written.url)
    assert parts.netloc == "sms.example"
    assert parts.path.count("/") == 3
    assert parse_qs(parts.query) == {"key": ["k"], "text": [HOSTILE]}
    assert parts.fragment == ""


def test_a_value_stays_within_xml() -> None:
    written = request(hostile(), form={"xml": "<Say>{text:xml}</Say>"})

    (xml,) = parse_qs(written.body.decode())["xml"]
    assert xml.count("<") == 2


def test_xml_has_no_character_that_is_not_allowed_in_it() -> None:
    message = Message("voice", "+84901234567", code="1", text="Shop\x0b & Co\ufffe\ud800")

    written = request(message, query={"to": "{recipient}"}, form={"xml": "<Say>{text:xml}</Say>"})

    (xml,) = parse_qs(written.body.decode())["xml"]
    assert xml == "<Say>Shop &amp; Co</Say>"


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "m\u00fcde"])
def test_a_value_that_a_header_cannot_have_is_refused(text: str) -> None:
    message = Message("sms", "+84901234567", code="1", text=text)

    with pytest.raises(NotWritable) as caught:
        request(message, headers={"X-Text": "{text}"})

    assert text not in str(caught.value)
    sender = HttpSender(
        {"url": "http://127.0.0.1:9/", "headers": {"X-Text": "{text}"}, "query": {"to": "{recipient}"}}
    )
    assert sender.send(message).status is Status.REJECTED


def test_a_field_whose_variable_has_no_value_is_left_out() -> None:
    body = {"a": "{html}", "b": "{values.nothing}", "c": ["{subject}"], "d": "x{subject}", "e": None}

    written = request(json=body, headers={"X-Subject": "{subject}"})

    assert json.loads(written.body) == {"c": [], "d": "x", "e": None}
    assert "X-Subject" not in written.headers


def test_values_of_the_template_and_digits_of_a_number_are_variables() -> None:
    body = {"to": "{recipient:digits}", "brand": "{brand}", "for": "{values.minutes} min", "id": "{id}"}

    written = request(json=body)

    assert json.loads(written.body) == {
        "to": "84901234567",
        "brand": "Shop",
        "for": "5 min",
        "id": "abcdefghij012345",
    }


@pytest.mark.parametrize(("locale", "voice"), [("vi", "vi-VN"), ("vi-VN", "vi-VN"), ("lo", "en-US")])
def test_a_choice_depends_on_another_variable(locale: str, voice: str) -> None:
    message = Message("voice", "+84901234567", code="1", text="1", locale=locale)

    written = request(
        message, choices={"voice": {"locale": {"*": "en-US", "vi*": "vi-VN"}}}, json={"voice": "{voice}"}
    )

    assert json.loads(written.body) == {"voice": voice}


def test_a_header_replaces_ours_in_any_spelling() -> None:
    written = request(
        json={"a": "{text}"}, headers={"content-type": "application/vnd.gateway+json", "x-ID": "{id}"}
    )

    assert written.headers == {"Content-Type": "application/vnd.gateway+json", "X-Id": "abcdefghij012345"}


def test_a_doubled_brace_is_a_brace() -> None:
    written = request(json={"text": "{{{code}}}"}, auth={"basic": ["a", "{{b"]})

    assert json.loads(written.body) == {"text": "{035790}"}
    assert written.headers["Authorization"] == "Basic YTp7Yg=="


def test_nothing_of_a_request_is_shown() -> None:
    written = request(auth={"bearer": "swordfish"})

    assert repr(written) == "Request(method='POST')"
    assert repr((written.url, request(json=["{code}"]).body)) == "('***', '***')"
