"""
Make every call of the five documents, and compare each answer with the documented one.

``python -m example_app.documented_calls`` starts an app for this. With the URL of a running example app, it
uses that app, and deletes its data first.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

import click

from example_app import create_app
from example_app.documents import FLOWS, credentials, page
from example_app.live import serving
from example_app.replay import Answer, Request, Result, Step, Values, documented, replay


class RunningApp:
    """An example app, over HTTP. Its clock cannot be moved."""

    waits = False

    def __init__(self, url: str) -> None:
        self._url = urlsplit((url if "://" in url else f"http://{url}").rstrip("/"))

    def send(self, request: Request) -> Answer:
        """Make a request, on a connection of its own."""
        connect = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = connect(self._url.netloc, timeout=30)
        try:
            target, body = self._url.path + request.target, request.body.encode() or None
            connection.request(request.method, target, body, dict(request.headers))
            came = connection.getresponse()
            return Answer.of(f"{came.status} {came.reason}", dict(came.getheaders()), came.read().decode())
        except (OSError, HTTPException) as error:
            raise click.ClickException(f"{self._url.geturl()} does not answer: {error}") from error
        finally:
            connection.close()

    def newest_code(self, recipient: str) -> str:
        """Return the code in the newest message to an address, as the inbox has it."""
        return str(self._fetch("GET", f"/otpauth/inbox/code?to={quote(recipient)}") or "")

    def act(self, step: Step, values: Values) -> Iterator[str]:
        """Do nothing: the examples of the documents need only requests and codes."""
        return iter(())

    def start_over(self) -> Any:
        """Delete the data, and return the new keys."""
        self._fetch("POST", "/backend/start-over", "{}")
        return self._fetch("GET", "/keys.json")

    def _fetch(self, method: str, target: str, body: str = "") -> Any:
        answer = self.send(Request(method, target, {"Content-Type": "application/json"}, body))
        if answer.status != "200 OK":
            raise click.ClickException(f"{self._url.geturl()}{target} is answered with {answer.status}")
        return answer.body


def check(url: str) -> Iterator[tuple[str, Result]]:
    """Delete the data of the app at ``url``, and make every call of each flow."""
    app = RunningApp(url)
    keys = app.start_over()
    for flow in FLOWS:
        for result in replay(documented(page(flow)), app, Values(credentials(flow, keys))):
            if result.step.title or result.differences:
                yield flow, result


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
        for flow, result in check(url):
            failures += bool(result.differences)
            outcome, title = "FAILS" if result.differences else "ok", result.step.title
            click.echo(f"{outcome:6}{flow:10}{title}")
            for difference in result.differences:
                click.echo(f"{'':16}{difference}")
    click.echo(f"{failures} answers differ." if failures else "Every answer is the documented one.")
    sys.exit(failures != 0)


if __name__ == "__main__":
    main()
