"""
Replays the examples of a page against a host app.

A page tells a story in blocks. An ``http`` block is a request or the response to the one before
it, a ``console`` block a command and what it prints, a ``pycon`` block an expression of the host and
its value. What comes back must be what the page shows, but for values that vary by nature
(``VARYING``): such a value must look like the one on the page (as long, with dashes in the same
places; ``…`` stands for anything), and wherever the page uses it later on, the real one is used.

HTML comments, which a reader does not see, say what happens in between:

- ``<!-- sent: 482913 -->``: the newest message holds a code, and this is how the page shows it;
- ``<!-- wait: 90 -->``: so many seconds pass;
- ``<!-- fails -->``: the next message cannot be handed over;
- ``<!-- repeat: 5 -->``: the next request is made so often, and the last answer is shown;
- ``<!-- app: {"voice_verify": true} -->``: from here on the app has these settings as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from example_app.calls import Answer, differences
from flask_otpauth.cli import otpauth
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox

#: Values of these names vary by nature.
VARYING = frozenset(
    {
        *("id", "secret", "userId", "user_id", "client_id", "campaign_id", "otp", "value"),
        *("accessToken", "refreshToken", "access_token", "account_token"),
    }
)

_STEP = re.compile(
    r"^```(?P<kind>http|console|pycon)\n(?P<body>.*?)^```$"
    r"|^<!-- (?P<verb>sent|wait|fails|repeat|app)(?:: (?P<word>.*?))? -->$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Step:
    """One block or comment of a page, and the line that it begins in."""

    line: int
    kind: str
    text: str


def steps(page: Path) -> Iterator[Step]:
    """What happens on a page, in order."""
    text = page.read_text("utf-8")
    for found in _STEP.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Step(line, found["verb"] or found["kind"], (found["word"] or found["body"] or "").strip("\n"))


@dataclass
class Replay:
    """One page on one app: what stands for what, and what was answered."""

    page: Path
    make_app: Callable[..., Flask]
    settings: dict[str, Any]
    outbox: Outbox
    clock: MovableClock
    real: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    commands: int = 0
    times: int = 1

    def __post_init__(self) -> None:
        self.app = self.make_app(**self.settings)

    def run(self) -> None:
        """Let everything happen, and compare."""
        answer: TestResponse | None = None
        for step in steps(self.page):
            where = f"{self.page.name}, line {step.line}"
            if step.kind == "http" and step.text.startswith("HTTP/"):
                assert answer is not None, f"{where}: a response without a request"
                self._compare_response(step.text, answer, where)
                answer = None
            elif step.kind == "http":
                assert answer is None, f"{where}: the request before it has no response"
                answer = self._request(step.text)
            else:
                self._act(step, where)
        assert answer is None, f"{self.page.name}: the last request has no response"

    def _act(self, step: Step, where: str) -> None:
        match step.kind:
            case "console":
                self._command(step.text, where)
            case "pycon":
                self._expression(step.text, where)
            case "sent":
                self.real[step.text] = self.outbox.last.code
            case "wait":
                self.clock.tick(int(step.text))
            case "repeat":
                self.times = int(step.text)
            case "fails":
                self.outbox.answer = lambda message: Receipt(Status.UNAVAILABLE)
            case "app":
                self.settings |= json.loads(step.text)
                self.app = self.make_app(**self.settings)

    def _request(self, text: str) -> TestResponse:
        head, _, body = self._filled(text).partition("\n\n")
        first, *lines = head.splitlines()
        method, target, _ = first.split(" ")
        self.requests.append(f"{method} {target.partition('?')[0]}")
        headers = dict(line.split(": ", 1) for line in lines)
        client = self.app.test_client()
        for _ in range(self.times):
            response = client.open(target, method=method, headers=headers, data=body.encode())
        self.times, self.outbox.answer = 1, None
        return response

    def _filled(self, text: str) -> str:
        """``text`` with the real values in place of the page's."""
        if not self.real:
            return text
        shown = "|".join(re.escape(each) for each in sorted(self.real, key=len, reverse=True))
        return re.sub(rf"(?<!\w)({shown})(?!\w)", lambda found: self.real[found[0]], text)

    def _compare_response(self, text: str, answer: TestResponse, where: str) -> None:
        shown = Answer.parse(text)
        assert text.partition("\n")[0].lower() == f"http/1.1 {answer.status}".lower(), where
        assert shown.body is not None or answer.data == b"", where
        self._compare(shown, Answer(answer.status_code, answer.headers, answer.get_json(silent=True)), where)

    def _compare(self, shown: Answer, came: Answer, where: str) -> None:
        assert list(differences(shown, came, partial(self._alike, where))) == [], where

    def _alike(self, where: str, place: str, shown: Any, real: Any) -> bool:
        """Compare two values. A value that varies stands for the real one from here on."""
        (name, *_) = [name for name in reversed(place.split(".")) if not name.isdigit()] or [""]
        if name in VARYING and shown is not None and type(shown) is type(real):
            self._learn(str(shown), str(real), where)
            return isinstance(real, int) or _looks_like(shown, real)
        return bool((self._filled(shown) if isinstance(shown, str) else shown) == real)

    def _learn(self, shown: str, real: str, where: str) -> None:
        known = self.real.setdefault(shown, real)
        assert real == known, f"{where}: {shown} was {known} before, and is {real}"

    def _command(self, text: str, where: str) -> None:
        self.commands += 1
        command, *printed = text.splitlines()
        assert command.startswith("$ flask otpauth "), where
        words = re.findall(r"'[^']*'|\S+", self._filled(command.removeprefix("$ flask otpauth ")))
        result = self.app.test_cli_runner().invoke(otpauth, [word.strip("'") for word in words])
        assert result.exit_code == 0, f"{where}: {result.output}"
        lines = result.output.splitlines()
        for number, shown in enumerate(printed):
            if shown.strip() == "…":  # and so on, to the line that is shown next, or to the end
                following = printed[number + 1 : number + 2]
                lines = lines[lines.index(following[0]) :] if following else []
                continue
            assert lines, f"{where}: {result.output}"
            self._compare_line(shown, lines.pop(0), where)
        assert not lines, f"{where}: {result.output}"

    def _compare_line(self, shown: str, real: str, where: str) -> None:
        if facts := _facts(shown):
            self._compare(Answer(0, {}, facts), Answer(0, {}, _facts(real)), where)
        else:
            assert self._filled(shown) == real, where

    def _expression(self, text: str, where: str) -> None:
        for found in re.finditer(r"^>>> (.*)\n(.*)$", text, re.MULTILINE):
            with self.app.app_context():
                value = eval(self._filled(found[1]), {"otpauth": self.app.extensions["test_otpauth"]})
            if "…" in found[2]:
                assert _looks_like(found[2].strip("'"), str(value)), f"{where}: {value!r}"
                self._learn(found[2].strip("'"), str(value), where)
            else:
                assert self._filled(found[2]) == repr(value), where


def _facts(line: str) -> dict[str, str]:
    """``name=value  name=value`` as a dict, empty for another line."""
    return dict(re.findall(r"(?:^|  )(\w+)=(.*?)(?=  \w+=|$)", line))


def _looks_like(shown: str, real: str) -> bool:
    """Whether ``real`` is as long as ``shown``, with the same marks between; ``…`` stands for anything."""
    if "…" in shown:
        start, end = map(len, shown.split("…"))
        return re.fullmatch(rf"[\w.-]{{{start}}}.+[\w.-]{{{end}}}", real) is not None
    kind = "[0-9]" if shown.isdigit() else "[0-9a-zA-Z]"
    return (
        re.fullmatch(re.sub("[0-9a-zA-Z]+", lambda run: f"{kind}{{{len(run[0])}}}", shown), real) is not None
    )
