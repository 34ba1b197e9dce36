"""The examples of the API pages, replayed to the letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flask_otpauth.flows import FLOWS
from flask_otpauth.testing import MovableClock, Outbox
from tests.docs.replay import Replay, steps
from tests.hosts import MakeApp

API = Path(__file__).parents[2] / "docs" / "api"


@pytest.fixture
def database_uri(database_file: str) -> str:
    return database_file


@pytest.mark.parametrize("flow", FLOWS)
def test_what_the_page_shows_is_what_is_answered(
    flow: str, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    replay = Replay(API / f"{flow}.md", make_app, {"flows": (flow,)}, outbox, clock)

    replay.run()

    listed = [
        (operation.method, path)
        for path, operation in replay.app.extensions["otpauth"].mounts[flow].operations()
    ]
    shown = [re.compile(f"{method} {re.sub('<.*?>', '[^/ ]+', path)}/?") for method, path in listed]
    missing = [
        each.pattern for each in shown if not any(each.fullmatch(request) for request in replay.requests)
    ]
    assert missing == []


@pytest.mark.parametrize("flow", FLOWS)
def test_every_block_of_a_page_that_looks_like_http_is_replayed(flow: str) -> None:
    page = API / f"{flow}.md"
    text = page.read_text("utf-8")

    replayed = [step for step in steps(page) if step.kind == "http"]

    assert len(replayed) == text.count("```http") == len(re.findall("HTTP/1.1", text))
    assert text.count("```") == 2 * len(re.findall("^```(?:http|console|pycon|python)$", text, re.MULTILINE))
