"""The pages on providers: what they set starts an app, and sends through the provider that it is about."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import OtpAuth
from flask_otpauth.adapters.senders.http.profiles import PROFILES
from flask_otpauth.senders import Message, Status
from tests.adapters.senders.http.fake_providers import FAKES, FakeProvider, serving
from tests.hosts import SECRET_KEY

HOWTO = Path(__file__).parents[2] / "docs/howto"
PAGES = ("twilio", "vonage", "more-sms-providers", "whatsapp", "email-apis")
#: The credentials that the fakes know, by the keys of the pages.
CREDENTIALS = {
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_API_KEY": "AC1",
    "VONAGE_API_KEY": "key1",
    "PLIVO_AUTH_ID": "MA1",
    "SINCH_SERVICE_PLAN_ID": "plan-1",
    "SINCH_APPLICATION_KEY": "app-key",
    "VONAGE_APPLICATION_ID": "app-1",
}
#: What all fakes take as the secret.
SECRET = "swordfish"


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, FakeProvider]]:
    entered = {name: serving(name) for name in FAKES}
    yield {name: each.__enter__() for name, each in entered.items()}
    for each in entered.values():
        each.__exit__(None, None, None)


@pytest.fixture
def fakes(running: dict[str, FakeProvider]) -> dict[str, FakeProvider]:
    for each in running.values():
        each.requests.clear()
        each.complaints.clear()
    return running


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = tmp_path / "vonage.pem"
    file.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return str(file)


def settings_after_each_block(page: str, key_file: str) -> Iterator[dict[str, Any]]:
    """What ``app.config`` holds after each block of a page that says who sends."""
    app = Flask("host")
    text = (HOWTO / f"{page}.md").read_text("utf-8")
    app.config.update(dict.fromkeys(re.findall(r'app\.config\["((?!OTPAUTH)\w+)"\]', text), SECRET))
    app.config.update(CREDENTIALS, VONAGE_PRIVATE_KEY_FILE=key_file)
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(block, {"app": app})
        yield {key: copy.deepcopy(value) for key, value in app.config.items() if key.startswith("OTPAUTH_")}


def redirected(value: Any, fakes: dict[str, FakeProvider]) -> None:
    """Have the declarations within ``value`` send to the fakes."""
    if isinstance(value, list):
        for each in value:
            redirected(each, fakes)
    elif isinstance(value, dict) and "profile" in value:
        for channel, declaration in PROFILES[value["profile"]].channels.items():
            url = re.sub("^https://[^/]+", fakes[value["profile"]].url, str(declaration["url"]))
            value[channel] = {**value.get(channel, {}), "url": url}
    elif isinstance(value, dict):
        for each in value.values():
            redirected(each, fakes)


def started(settings: dict[str, Any], fakes: dict[str, FakeProvider]) -> Flask:
    app = Flask("host")
    app.config.update(
        SECRET_KEY=SECRET_KEY, MAIL_DEFAULT_SENDER="codes@shop.example", OTPAUTH_STORAGE="memory"
    )
    flows = [] if "email" in settings["OTPAUTH_SENDERS"] else ["sms"]
    app.config.update(settings, OTPAUTH_FLOWS=flows or ["email"])
    if "sms" not in settings["OTPAUTH_SENDERS"] and flows:
        app.config["OTPAUTH_SENDERS"] = {**settings["OTPAUTH_SENDERS"], "sms": "memory"}
    redirected(app.config["OTPAUTH_SENDERS"], fakes)
    redirected(app.config.get("OTPAUTH_PROVIDERS", {}), fakes)
    OtpAuth(app)
    return app


@pytest.mark.parametrize("page", PAGES)
def test_each_step_of_a_page_sends_on_its_channels(
    page: str, fakes: dict[str, FakeProvider], key_file: str
) -> None:
    sent = 0
    for settings in settings_after_each_block(page, key_file):
        router = started(settings, fakes).extensions["otpauth"].services.codes.messenger.router
        for channel in settings["OTPAUTH_SENDERS"]:
            recipient = "user0@example.com" if channel == "email" else "+84901234560"
            message = Message(
                channel,
                recipient,
                code="035790",
                text="Shop: 035790",
                html="<p>035790</p>" if channel == "email" else None,
                subject="Your code",
                locale="en",
                id="abcdefghij012345",
                template_id=settings.get("OTPAUTH_TEMPLATE_IDS", {}).get((channel, "code", "en"), ""),
            )

            receipt = router.send(message)

            sent += 1
            assert receipt.status is Status.ACCEPTED, receipt

    assert sent
    assert [complaint for each in fakes.values() for complaint in each.complaints] == []


def test_the_pages_show_every_profile() -> None:
    shown = {
        name
        for page in PAGES
        for name in re.findall(r'"profile": "(\w+)"', (HOWTO / f"{page}.md").read_text("utf-8"))
    }

    assert shown == {*PROFILES}
