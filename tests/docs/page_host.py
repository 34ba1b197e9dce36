"""A host app that does everything that a page says, and moves its clock where the page waits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.security import generate_password_hash

from example_app.replay import Answer, Request, Step, Values, differences, replay, steps
from example_app.seeds import PASSWORDS, PEOPLE
from flask_otpauth.cli import otpauth
from flask_otpauth.senders import Receipt, Status
from flask_otpauth.testing import MovableClock, Outbox
from tests.hosts import MakeApp, new_row, otpauth_of


@dataclass
class PageHost:
    """An app, which is made again where the page changes its settings, and the requests that it got."""

    make_app: MakeApp
    settings: dict[str, Any]
    outbox: Outbox
    clock: MovableClock
    requests: list[str] = field(default_factory=list)
    commands: int = 0
    times: int = 1
    waits = True

    def __post_init__(self) -> None:
        self.app: Flask = self.make_app(**self.settings)

    def replay(self, page: Path) -> Values:
        """Do everything that a page says, and compare. Return what its values stand for."""
        values = Values()
        for result in replay(steps(page), self, values):
            assert not result.differences, f"{page.name}, line {result.step.line}: {result.differences}"
        return values

    def send(self, request: Request) -> Answer:
        self.requests.append(f"{request.method} {request.target.partition('?')[0]}")
        client = self.app.test_client()
        for _ in range(self.times):
            came = client.open(
                request.target,
                method=request.method,
                headers=dict(request.headers),
                data=request.body.encode(),
            )
        self.times, self.outbox.answer = 1, None
        return Answer.of(came.status, dict(came.headers), came.text)

    def newest_code(self, recipient: str) -> str:
        newest = self.outbox.last
        return newest.code if newest.recipient == recipient else ""

    def act(self, step: Step, values: Values) -> Iterator[str]:
        match step.kind:
            case "console":
                yield from self._command(step.text, values)
            case "pycon":
                yield from self._expressions(step.text, values)
            case "wait":
                self.clock.tick(int(step.text))
            case "repeat":
                self.times = int(step.text)
            case "fails":
                self.outbox.answer = lambda message: Receipt(Status.UNAVAILABLE)
            case "app":
                self.settings |= json.loads(step.text)
                self.app = self.make_app(**self.settings)
            case "user":
                (person,) = (person for person in PEOPLE if person["email"] == step.text)
                password = PASSWORDS.get(step.text)
                new_row(self.app, **person, password_hash=password and generate_password_hash(password))

    def _command(self, text: str, values: Values) -> Iterator[str]:
        self.commands += 1
        command, *printed = text.splitlines()
        prompt, _, line = values.filled(command).partition("$ flask otpauth ")
        words = re.findall(r"'[^']*'|\S+", line)
        result = self.app.test_cli_runner().invoke(otpauth, [word.strip("'") for word in words])
        if prompt or result.exit_code:
            yield f"{command}: {result.output}"
        yield from self._lines_differ(printed, result.output.splitlines(), values)

    def _lines_differ(self, printed: list[str], came: list[str], values: Values) -> Iterator[str]:
        for number, shown in enumerate(printed):
            if shown.strip() == "…":  # and so on, to the line that is shown next, or to the end
                following = printed[number + 1 : number + 2]
                came = came[came.index(following[0]) :] if following else []
            else:
                yield from self._line_differs(shown, came.pop(0) if came else "", values)
        yield from came

    def _line_differs(self, shown: str, came: str, values: Values) -> Iterator[str]:
        if facts := _facts(shown):
            yield from differences(Answer("", {}, facts), Answer("", {}, _facts(came)), values.alike)
        elif values.filled(shown) != came:
            yield f"{shown} is documented, {came} came"

    def _expressions(self, text: str, values: Values) -> Iterator[str]:
        for expression, shown in re.findall(r"^>>> (.*)\n(.*)$", text, re.MULTILINE):
            with self.app.app_context():
                came = eval(values.filled(expression), {"otpauth": otpauth_of(self.app)})
            if "…" in shown:  # a value that varies, whose repr is masked
                right = values.alike("value", shown.strip("'"), str(came))
            else:
                right = values.filled(shown) == repr(came)
            if not right:
                yield f"{expression}: {shown} is documented, {came} came"


def _facts(line: str) -> dict[str, str]:
    """``name=value  name=value`` as a dict, empty for another line."""
    return dict(re.findall(r"(?:^|  )(\w+)=(.*?)(?=  \w+=|$)", line))
