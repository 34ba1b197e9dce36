"""
Run every call of the five documents with ``curl``, and compare each answer with the documented one.

``python -m example_app.documented_calls`` starts an app for this. With the URL of a running example app, it
uses that app, and deletes its data first.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from example_app import create_app
from example_app.calls import Answer, Chapter, Example, chapters, differences
from example_app.live import serving

#: Options of curl: no progress, no proxy, and the headers of the last answer in a file.
CURLRC = 'silent\nnoproxy = "*"\nconnect-timeout = 5\nmax-time = 30\ndump-header = "{}"\n'


@dataclass(frozen=True)
class Verdict:
    """The result of one call. Without ``differences``, its answer is the documented one."""

    flow: str
    example: Example
    differences: tuple[str, ...]


def check(url: str) -> Iterator[Verdict]:
    """Delete the data of the app at ``url``, and make every call."""
    _fetch("POST", f"{url}/backend/start-over")
    for chapter in chapters(url, _fetch("GET", f"{url}/keys.json")):
        for example, answer in zip(chapter.examples, _answers(chapter), strict=True):
            alike = partial(_alike, example.varies)
            yield Verdict(chapter.flow, example, tuple(differences(example.answer, answer, alike)))


def _answers(chapter: Chapter) -> list[Answer]:
    """Run the lines of a chapter in one shell, because later lines use variables of earlier ones."""
    with tempfile.TemporaryDirectory() as folder:
        work, headers = Path(folder), Path(folder) / "headers"
        (work / ".curlrc").write_text(CURLRC.format(headers))
        script = "".join(
            f"{{\n{example.command}\n}} >{number}.body\nmv headers {number}.head\n"
            for number, example in enumerate(chapter.examples)
        )
        _run(["sh", "-eu", "-c", script], work)
        return [
            _answer(work / f"{number}.head", work / f"{number}.body")
            for number in range(len(chapter.examples))
        ]


def _answer(head: Path, body: Path) -> Answer:
    headers, shown = head.read_text("utf-8").strip(), body.read_text("utf-8")
    # With -i, curl shows the headers before the body.
    return Answer.parse(f"{headers}\n\n{shown.replace(chr(13), '').removeprefix(headers).strip()}")


def _fetch(method: str, url: str) -> Any:
    line = ["curl", "-sf", "--noproxy", "*", "-X", method, "-H", "Content-Type: application/json", url]
    return json.loads(_run(line if method == "GET" else [*line, "-d", "{}"], Path.cwd()))


def _run(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "CURL_HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120, check=False)  # noqa: S603  # lines of our own
    if done.returncode:
        raise click.ClickException(f"{command[0]} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


def _alike(varies: Collection[str], place: str, documented: Any, came: Any) -> bool:
    return documented == came or (place in varies and type(documented) is type(came) and bool(came))


@click.command(help=__doc__)
@click.argument("url", required=False)
def main(url: str | None) -> None:
    """Print a line for each call. The exit status says whether all answers were as documented."""
    with ExitStack() as stack:
        if url is None:
            logging.getLogger("werkzeug").setLevel(logging.WARNING)
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            url = stack.enter_context(serving(create_app(folder)))
        failures = 0
        for verdict in check(url.rstrip("/")):
            failures += bool(verdict.differences)
            click.echo(
                f"{'FAILS' if verdict.differences else 'ok':6}{verdict.flow:10}{verdict.example.title}"
            )
            for difference in verdict.differences:
                click.echo(f"{'':16}{difference}")
    click.echo(f"{failures} answers differ." if failures else "Every answer is the documented one.")
    sys.exit(failures != 0)


if __name__ == "__main__":
    main()
