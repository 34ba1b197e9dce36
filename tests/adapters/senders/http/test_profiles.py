"""Each profile against a provider that behaves as its public documentation says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from flask_otpauth.adapters.senders.http.declaration import KEYS
from flask_otpauth.adapters.senders.http.profiles import PROFILES
from flask_otpauth.adapters.senders.http.requests import MESSAGE_VARIABLES
from flask_otpauth.ports.senders import CHANNELS as CHANNEL_NAMES
from flask_otpauth.senders import HttpSender, Message, Receipt, Status
from tests.adapters.senders.http.fake_providers import FAKES, FakeProvider, serving

#: A declaration for each profile. The fakes know these credentials.
DECLARATIONS: Mapping[str, Mapping[str, str]] = {
    "twilio": {
        "account_sid": "AC1",
        "auth_token": "swordfish",
        "from": "+15005550006",
        "whatsapp_from": "+15005550007",
        "content_sid": "HX1",
        "voice_from": "+15005550008",
    },
    "vonage": {"api_key": "key1", "api_secret": "swordfish", "from": "Shop", "voice_from": "+15005550008"},
    "infobip": {"host": "xyz.api.infobip.com", "api_key": "swordfish", "from": "Shop"},
    "plivo": {"auth_id": "MA1", "auth_token": "swordfish", "from": "+15005550006"},
    "messagebird": {"access_key": "swordfish", "from": "Shop", "voice_from": "+15005550008"},
    "sinch": {
        "service_plan_id": "plan-1",
        "api_token": "swordfish",
        "from": "Shop",
        "application_key": "app-key",
        "application_secret": "swordfish",
        "voice_from": "+15005550008",
    },
    "whatsapp": {"phone_number_id": "1555", "access_token": "swordfish", "template_name": "login_code"},
    "resend": {"api_key": "swordfish", "from": "Shop <codes@shop.example>"},
    "postmark": {"server_token": "swordfish", "from": "Shop <codes@shop.example>"},
    "mailgun": {"domain": "shop.example", "api_key": "swordfish", "from": "Shop <codes@shop.example>"},
    "brevo": {"api_key": "swordfish", "from": "codes@shop.example", "from_name": "Shop"},
}
CHANNELS = [(name, channel) for name, profile in PROFILES.items() for channel in profile.channels]
#: What the documentation of a provider does not tell apart.
SILENT = {
    ("vonage", "voice"): {"2", "4"},
    ("sinch", "sms"): {"2"},
    ("sinch", "voice"): {"1", "2"},
    ("resend", "email"): {"2"},
    ("mailgun", "email"): {"2"},
    ("brevo", "email"): {"2"},
}
OUTCOMES = {
    "0": Status.ACCEPTED,
    "1": Status.INVALID_RECIPIENT,
    "2": Status.OPTED_OUT,
    "3": Status.RATE_LIMITED,
    "4": Status.REJECTED,
}
REFUSALS = [
    (name, channel, ending)
    for name, channel in CHANNELS
    for ending in OUTCOMES
    if ending not in SILENT.get((name, channel), ())
]


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, FakeProvider]]:
    """All fakes, by the names of their profiles."""
    entered = {name: serving(name) for name in FAKES}
    yield {name: each.__enter__() for name, each in entered.items()}
    for each in entered.values():
        each.__exit__(None, None, None)


@pytest.fixture(scope="module")
def private_key() -> str:
    """A key for the calls of Vonage. To make one takes long."""
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


@pytest.fixture
def fakes(
    running: dict[str, FakeProvider], private_key: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, FakeProvider]]:
    """The fakes without the requests of other tests. None may complain about a request."""
    key = {"application_id": "app-1", "private_key": private_key}
    monkeypatch.setitem(DECLARATIONS, "vonage", {**DECLARATIONS["vonage"], **key})  # type: ignore[arg-type]
    for each in running.values():
        each.requests.clear()
        each.complaints.clear()
    yield running
    assert [complaint for each in running.values() for complaint in each.complaints] == []


def sender(fake: FakeProvider, name: str, **keys: Any) -> HttpSender:
    """The sender of a profile, whose URLs lead to the fake."""
    declared: dict[str, Any] = {"profile": name, **DECLARATIONS[name], **keys}
    for channel, declaration in PROFILES[name].channels.items():
        url = re.sub("^https://[^/]+", fake.url, str(declaration["url"]))
        declared[channel] = {"url": url, **declared.get(channel, {})}
    return HttpSender(declared)


def message(channel: str, ending: str = "0", **fields: Any) -> Message:
    recipient = f"user{ending}@example.com" if channel == "email" else f"+8490123456{ending}"
    given = {
        "text": "Shop: your code is 035790",
        "subject": "Your code",
        "html": "<p>035790</p>" if channel == "email" else None,
        "locale": "vi",
        "id": "abcdefghij012345",
    }
    return Message(channel, recipient, code="035790", **{**given, **fields})


def send(fakes: dict[str, FakeProvider], name: str, *sent: Message, **keys: Any) -> Receipt:
    made = sender(fakes[name], name, **keys)
    return [made.send(each) for each in sent][-1]


@pytest.mark.parametrize(("name", "channel", "ending"), REFUSALS)
def test_a_documented_outcome_is_told_apart(
    fakes: dict[str, FakeProvider], name: str, channel: str, ending: str
) -> None:
    expected = OUTCOMES[ending]
    if (name, ending) == ("resend", "4"):
        expected = Status.RATE_LIMITED  # a quota that begins anew

    receipt = send(fakes, name, message(channel, ending))

    assert receipt.status is expected, receipt.detail
    assert bool(receipt.provider_id) is (expected is Status.ACCEPTED)


@pytest.mark.parametrize(("name", "channel"), CHANNELS)
def test_wrong_credentials_are_told_apart(fakes: dict[str, FakeProvider], name: str, channel: str) -> None:
    wrong = {key: "wrong" for key, value in DECLARATIONS[name].items() if value == "swordfish"}
    if (name, channel) == ("vonage", "voice"):
        wrong = {"application_id": "another"}

    receipt = send(fakes, name, message(channel), **wrong)

    assert receipt.status is Status.AUTH_ERROR


@pytest.mark.parametrize(("name", "channel"), CHANNELS)
@pytest.mark.parametrize("text", ["Shop: mã của bạn là <035790> & \"'{}%", "Код 035790\nстрока"])
def test_a_text_arrives_as_it_was_written(
    fakes: dict[str, FakeProvider], name: str, channel: str, text: str
) -> None:
    receipt = send(fakes, name, message(channel, text=text))

    assert receipt.status is Status.ACCEPTED
    (request,) = fakes[name].requests
    if (name, channel) in {("twilio", "whatsapp"), ("whatsapp", "whatsapp")}:
        assert "мã" not in str(request.fields)  # the text of a WhatsApp template is fixed
    elif (name, channel) == ("twilio", "voice"):
        assert request.fields["Twiml"].count("<") == 4
    else:
        assert text in _texts(request.fields)


def _texts(fields: Any) -> list[str]:
    if isinstance(fields, str):
        return [fields]
    parts = fields.values() if isinstance(fields, dict) else fields if isinstance(fields, list) else ()
    return [text for part in parts for text in _texts(part)]


@pytest.mark.parametrize("name", ["twilio", "vonage", "messagebird", "sinch"])
@pytest.mark.parametrize(("own", "shown"), [("+84287300000", "84287300000"), ("", "15005550008")])
def test_a_call_shows_the_number_of_its_message(
    fakes: dict[str, FakeProvider], name: str, own: str, shown: str
) -> None:
    send(fakes, name, message("voice", caller_number=own))

    (request,) = fakes[name].requests
    assert shown in str(request.fields)


@pytest.mark.parametrize("name", ["twilio", "whatsapp"])
def test_a_template_of_the_message_comes_before_that_of_the_declaration(
    fakes: dict[str, FakeProvider], name: str
) -> None:
    own = DECLARATIONS[name].get("content_sid") or DECLARATIONS[name]["template_name"]

    send(fakes, name, message("whatsapp"), message("whatsapp", template_id="HX2"))

    first, second = (str(request.fields) for request in fakes[name].requests)
    assert (own in first, own in second, "HX2" in second) == (True, False, True)


@pytest.mark.parametrize(("locale", "code"), [("vi", "vi"), ("en", "en"), ("en-US", "en_US")])
def test_whatsapp_gets_its_own_codes_of_languages(
    fakes: dict[str, FakeProvider], locale: str, code: str
) -> None:
    send(fakes, "whatsapp", message("whatsapp", locale=locale))

    (request,) = fakes["whatsapp"].requests
    assert request.fields["template"]["language"] == {"code": code}


def test_vonage_tells_what_a_message_costs(fakes: dict[str, FakeProvider]) -> None:
    receipt = send(fakes, "vonage", message("sms"), currency="EUR")

    assert (str(receipt.cost), receipt.currency) == ("0.03330000", "EUR")


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_names_its_sources_and_explains_its_parameters(name: str) -> None:
    profile = PROFILES[name]

    assert all(source.startswith("https://") for source in profile.sources)
    assert all(meaning.endswith((".", "…`.")) for meaning in profile.parameters.values())
    assert {*profile.defaults} <= {*profile.parameters}
    assert {*profile.parameters}.isdisjoint({*MESSAGE_VARIABLES, *KEYS, *CHANNEL_NAMES})
