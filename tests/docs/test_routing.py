"""The page on several providers: its configuration sends by the gateways that it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from flask_otpauth import OtpAuth, signals
from flask_otpauth.cli import otpauth
from flask_otpauth.engine.router import Router
from flask_otpauth.senders import Message, Status
from flask_otpauth.settings import Shared
from flask_otpauth.testing import Answer, MovableClock
from flask_otpauth.testing.sender_contract.provider import HostileProvider, answers
from tests.hosts import SECRET_KEY

PAGE = (Path(__file__).parents[2] / "docs/howto/routing.md").read_text("utf-8")
PROVIDERS, ROUTES, ALERT = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
GATEWAYS = {"local": Answer(200, {"status": "queued"}), "distant": Answer(200, {"status": "ok"})}
#: An SMS to whom, and who gets it: the rows of the table.
SENT = re.findall(r"^\| (\+[\d ]+\d)(?:, for the client `(\w+)`)? \| (.+?) \|$", PAGE, re.MULTILINE)
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
DOWN = Answer(503)


@pytest.fixture
def gateways() -> Iterator[dict[str, HostileProvider]]:
    found = {name: HostileProvider(answers(answer)) for name, answer in GATEWAYS.items()}
    yield found
    for gateway in found.values():
        gateway.close()


@pytest.fixture
def app(gateways: dict[str, HostileProvider]) -> Flask:
    """The app of the page, with its gateways on the loopback interface."""
    app = Flask("shop")
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        TESTING=True,
        MAIL_DEFAULT_SENDER="shop@example.com",
        OTPAUTH_STORAGE="memory",
        OTPAUTH_CLOCK=MovableClock(NOON),
        LOCAL_TOKEN="local-token",
        DISTANT_KEY="distant-key",
    )
    exec(PROVIDERS, {"app": app})
    exec(ROUTES, {"app": app})
    for name, declaration in app.config["OTPAUTH_PROVIDERS"].items():
        declaration["url"] = re.sub("^https?://[^/]+", gateways[name].url, declaration["url"])
    OtpAuth(app)
    return app


def router_of(app: Flask) -> Router:
    router: Router = app.extensions["otpauth"].services.codes.messenger.router
    return router


def send(app: Flask, number: str, client_id: str = "") -> Any:
    message = Message("sms", number.replace(" ", ""), "012345", text="012345", client_id=client_id)
    return router_of(app).send(message)


@pytest.mark.parametrize(("number", "client_id", "names"), SENT)
def test_a_message_goes_by_the_gateways_of_the_table(
    app: Flask, gateways: dict[str, HostileProvider], number: str, client_id: str, names: str
) -> None:
    expected = re.findall("`(.+?)`", names)

    first = send(app, number, client_id)
    gateways[expected[0]].behavior = answers(DOWN)
    second = send(app, number, client_id)

    assert (first.status, first.sender) == (Status.ACCEPTED, expected[0])
    assert second.sender == expected[-1]
    assert second.status is (Status.ACCEPTED if len(expected) > 1 else Status.UNAVAILABLE)


def test_the_table_has_a_row_for_each_route() -> None:
    assert len(SENT) == 4


def test_the_command_shows_what_the_page_shows_and_the_app_is_alerted_once(
    app: Flask, gateways: dict[str, HostileProvider]
) -> None:
    gateways["local"].behavior, paged = answers(DOWN), []
    exec(ALERT, names := {"signals": signals, "page_somebody": paged.append})

    for _ in range(7):
        assert send(app, "+84987654321").sender == "distant"
    signals.circuit_opened.disconnect(names["alert"])
    shown = app.test_cli_runner().invoke(otpauth, ["routes"]).output

    assert paged == ["The SMS gateway local is down: unavailable"]
    assert len(gateways["local"].requests) == 5
    assert f"```text\n$ flask otpauth routes\n{shown}```" in PAGE


def test_the_numbers_of_the_page_are_the_defaults() -> None:
    defaults = SimpleNamespace(**{name: field.default for name, field in Shared.model_fields.items()})
    shown = dict(re.findall(r"^\| `OTPAUTH_(CIRCUIT_\w+)` \| .*?(\d+ ?\w*)", PAGE, re.MULTILINE))

    assert shown == {
        "CIRCUIT_FAILURES": f"{defaults.circuit_failures} failures",
        "CIRCUIT_WINDOW": f"{defaults.circuit_window.total_seconds() / 60:.0f} minutes",
        "CIRCUIT_REST": f"{defaults.circuit_rest.total_seconds():.0f} seconds",
        "CIRCUIT_LONGEST_REST": f"{defaults.circuit_longest_rest.total_seconds() / 60:.0f} minutes",
    }
