"""
Each call that the five documents show, as a line for the shell, with the answer that they show.

The pages beside this file have them in the documents' own words. Replaced are only the values that
say where and who: hosts, credentials, ids that a provider gives out. A value that only an earlier
call can tell (a code, a token) is fetched into a shell variable in the lines before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLOWS = ("email", "sms", "flashcall", "voice", "account")

_EXAMPLE = re.compile(
    r"^## (?P<title>.+?)\n+(?P<note>.*?)\n*```sh\n(?P<command>.+?)\n```\n+```http\n(?P<answer>.+?)\n```",
    re.MULTILINE | re.DOTALL,
)
_VARIES = re.compile(r"Varies: (.+?)\.$", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """An answer as a document shows it."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @classmethod
    def parse(cls, text: str) -> Answer:
        """Read a status line, headers, and a body of JSON. Without a body it is ``None``."""
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        status_line, *lines = head.split("\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return cls(int(status_line.split()[1]), headers, json.loads(body) if body.strip() else None)


#: Tells whether the value at a place (``errors.0.message``) is the one that is shown there.
Alike = Callable[[str, Any, Any], bool]


def differences(shown: Answer, came: Answer, alike: Alike) -> Iterator[str]:
    """Say in what an answer differs from the one that is shown. It may have more headers."""
    if shown.status != came.status:
        yield f"status: {shown.status} is documented, {came.status} came"
    for name, value in shown.headers.items():
        if came.headers.get(name) != value:
            yield f"{name}: {value!r} is documented, {came.headers.get(name)!r} came"
    documented, real = dict(_leaves(shown.body)), dict(_leaves(came.body))
    for place in documented | real:
        both = place in documented and place in real
        if not both or not alike(place, documented[place], real[place]):
            yield f"{place}: {documented.get(place)!r} is documented, {real.get(place)!r} came"


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the place and the value of everything in it, and the keys of each object in their order."""
    if not isinstance(value, (Mapping, list)):
        yield place, value
        return
    inner = dict(value.items() if isinstance(value, Mapping) else enumerate(value))
    yield f"{place} ({type(value).__name__})", list(inner)
    for name, each in inner.items():
        yield from _leaves(each, f"{place}.{name}".lstrip("."))


@dataclass(frozen=True)
class Example:
    """One call. ``varies`` are the places in the answer whose values are new each time."""

    title: str
    note: str
    command: str
    shown: str
    varies: frozenset[str]

    @property
    def answer(self) -> Answer:
        """The documented answer."""
        return Answer.parse(self.shown)


@dataclass(frozen=True)
class Chapter:
    """The calls of one flow, in the order in which they must be made."""

    flow: str
    examples: tuple[Example, ...]


def chapters(url: str, keys: Mapping[str, Any]) -> list[Chapter]:
    """Return all calls, for the app at ``url`` and its keys (``GET /keys.json``)."""
    values = _values(url, keys)
    mention = re.compile("|".join(re.escape(each) for each in values))
    folder = Path(__file__).parent
    pages = ((flow, (folder / f"{flow}.md").read_text("utf-8")) for flow in FLOWS)
    filled = ((flow, mention.sub(lambda found: values[found[0]], page)) for flow, page in pages)
    return [Chapter(flow, tuple(_examples(page))) for flow, page in filled]


def _examples(page: str) -> Iterator[Example]:
    for found in _EXAMPLE.finditer(page):
        note, varies = found["note"].strip(), _VARIES.search(found["note"])
        places = re.findall("`(.+?)`", varies[1]) if varies else []
        yield Example(found["title"], note, found["command"], found["answer"], frozenset(places))


def _values(url: str, keys: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of the documents, each with the value that replaces it."""
    clients = keys["clients"]
    return {
        "https://api.esimlao.com": url,
        "https://jotun.mhvn.vn": url,
        "https://<адрес сервиса CallUp>": url,
        "https://<voice>": url,
        "https://stamps.co.id": url,
        "eyJ0eXAiOiJKV-pmnw....8Dbv_l03p5WK2zHh8": clients["sms"]["token"],
        "<account_token>": keys["account_token"],
        "<client_id>": clients["sms"]["client_id"],
        "<client_secret>": clients["sms"]["secret"],
        "uuid-v4-app-token": clients["flashcall"]["secret"],
        "<телефон пользователя>": "79991234567",
        "<желаемый код аутентификации>": "0345",
        "30511f666-f888-411b-a6e0-11111fb6gg7a": clients["voice"]["secret"],
        "1ebe8f88MzA1MTNkZjMtZjc3My00MTmY": clients["voice"]["token"],
        "f461": clients["voice"]["client_id"],
        "c78af": keys["campaigns"]["vi"],
        "<token_type> <token>": f"Token {clients['account']['secret']}",
    }
