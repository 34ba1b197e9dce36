"""
The examples of the five documents, with the keys of the example app, as commands for a shell.

They are written only on the pages in ``docs/api``.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from example_app.replay import (
    Answer,
    Request,
    Step,
    Values,
    code_and_recipient,
    documented,
    leaves,
    mentions,
    varies,
)

FLOWS = ("email", "sms", "flashcall", "voice", "account")


@dataclass(frozen=True)
class Call:
    """An example of a document: a command for a shell, and the answer that the document shows."""

    title: str
    note: str
    command: str
    answer: str


def page(flow: str) -> Path:
    """Return the page with the examples of a flow."""
    return Path(__file__).parents[1] / "docs" / "api" / f"{flow}.md"


def credentials(flow: str, keys: Mapping[str, Any]) -> dict[str, str]:
    """Return the credentials that the page of a flow shows, each with the one in ``/keys.json``."""
    if flow not in keys["clients"]:
        return {}
    client = keys["clients"][flow]
    return {
        "5f0c7d2a9b1e4c33": client["client_id"],
        "f4610c7d2a9b1e4c": client["client_id"],
        "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed": client["secret"],
        "c78af01b2d": keys["campaigns"]["en"],
        "eyJz…Xg": keys["account_token"],
    }


def chapters(url: str, keys: Mapping[str, Any]) -> dict[str, list[Call]]:
    """Return the calls of each flow, in the order in which they must be made, for the app at ``url``."""
    return {flow: list(_calls(flow, url, Values(_held(flow, keys)))) for flow in FLOWS}


def _held(flow: str, keys: Mapping[str, Any]) -> dict[str, str]:
    """Return the credentials, and the token that the app requested on its first start."""
    shown = {"sms": "eyJ0eXAiOiJKV-pmnw....8Dbv_l03p5WK2zHh8", "voice": "1ebe8f88…"}
    tokens = {shown[flow]: keys["clients"][flow]["token"]} if flow in shown else {}
    return credentials(flow, keys) | tokens


def _calls(flow: str, url: str, held: Values) -> Iterator[Call]:
    sources: dict[str, str] = {}
    said = ""
    for step in documented(page(flow)):
        if step.kind == "sent":
            new = {code_and_recipient(step)[0]: "the code of the newest message in the inbox"}
        else:
            request = held.filled(step.text)
            command = curl(url, Request.parse(request))
            yield Call(step.title, _note(request, sources), command, held.filled(step.response))
            said += request
            new = _new_values(step)
        # The sender of a request knows the values that it chose.
        sources |= {value: source for value, source in new.items() if value not in said}


def _new_values(step: Step) -> dict[str, str]:
    """Return the values of an answer that are different each time, each with its place."""
    return {
        value: f"{place} of the answer to “{step.title}”"
        for place, value in leaves(Answer.parse(step.response).body)
        if varies(place) and isinstance(value, str)
    }


def _note(request: str, sources: Mapping[str, str]) -> str:
    """Say where to find the values that are different each time."""
    shown = dict.fromkeys(mentions(sources).findall(request))
    return " ".join(f"Replace “{each}” with {sources[each]}." for each in shown)


def curl(url: str, request: Request) -> str:
    """Return a request as a command for a shell."""
    headers = [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in request.headers.items()]
    body = [f"-d {shlex.quote(request.body)}"] if request.body else []
    return " \\\n  ".join(
        [f"curl -i -X {request.method} {shlex.quote(url + request.target)}", *headers, *body]
    )
