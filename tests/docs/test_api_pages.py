"""The examples of the API pages, replayed to the letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask, jsonify

from example_app.replay import steps
from flask_otpauth.flows import FLOWS
from flask_otpauth.testing import MovableClock, Outbox
from tests.docs.page_host import PageHost
from tests.hosts import MakeApp, otpauth_of

API = Path(__file__).parents[2] / "docs" / "api"


@pytest.fixture
def database_uri(database_file: str) -> str:
    return database_file


def with_profile(app: Flask) -> Flask:
    """The app with the protected route that the document of ``email`` shows."""
    otpauth = otpauth_of(app)
    app.json.sort_keys = False

    @app.get("/apis/user/profile")
    @otpauth.token_required
    def profile() -> object:
        user = otpauth.current_user
        names = {
            "userId": user.id,
            "email": user.email,
            "fullName": user.full_name,
            "avatarUrl": user.avatar_url,
        }
        return jsonify(code=0, message="Success", data=names)

    return app


@pytest.mark.parametrize("flow", FLOWS)
def test_what_the_page_shows_is_what_is_answered(
    flow: str, make_app: MakeApp, outbox: Outbox, clock: MovableClock
) -> None:
    host = PageHost(lambda **settings: with_profile(make_app(**settings)), {"flows": (flow,)}, outbox, clock)

    host.replay(API / f"{flow}.md")

    listed = [
        (operation.method, path)
        for path, operation in host.app.extensions["otpauth"].mounts[flow].operations()
    ]
    shown = [re.compile(f"{method} {re.sub('<.*?>', '[^/ ]+', path)}/?") for method, path in listed]
    missing = [
        each.pattern for each in shown if not any(each.fullmatch(request) for request in host.requests)
    ]
    assert missing == []


@pytest.mark.parametrize("flow", FLOWS)
def test_every_block_of_a_page_that_looks_like_http_is_replayed(flow: str) -> None:
    page = API / f"{flow}.md"
    text = page.read_text("utf-8")

    calls = [step for step in steps(page) if step.kind == "call"]

    assert 2 * len(calls) == text.count("```http") == len(re.findall("HTTP/1.1", text))
    assert len([call for call in calls if call.title]) == text.count("<!-- document")
    assert text.count("```") == 2 * len(re.findall("^```(?:http|console|pycon|python)$", text, re.MULTILINE))
