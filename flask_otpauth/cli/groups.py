"""What the commands share: the state of the app, printing, and how errors are shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click
from flask import current_app
from flask.cli import AppGroup

from flask_otpauth.core.errors import ConfigurationError, OtpAuthError
from flask_otpauth.core.sensitive import encodable, one_line, printable

if TYPE_CHECKING:
    from flask_otpauth.wiring import AppState

_WIDTH = 100
_LONGEST_ERROR = 1000

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class OtpAuthGroup(AppGroup):
    """Commands with an app context. An error is shown as a sentence, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:  # a line for each problem
            raise click.ClickException(str(error)) from error
        except (OtpAuthError, ValueError) as error:  # ValueError: an argument makes no sense
            raise click.ClickException(one_line(str(error), _LONGEST_ERROR)) from error


def state() -> AppState:
    """Return the state of the current app."""
    found: AppState | None = current_app.extensions.get("otpauth")
    if found is None:
        raise click.ClickException("OtpAuth is not initialized for this app: call otpauth.init_app(app)")
    return found


def show(rows: Sequence[Mapping[str, object]], as_json: bool) -> None:
    """Print rows for people or for scripts."""
    if as_json:
        show_json(rows)
        return
    for row in rows:
        _print("  ".join(f"{name}={_plain(value)}" for name, value in row.items()))


def show_json(value: object) -> None:
    """Print a value for scripts."""
    _print(printable(json.dumps(value, ensure_ascii=False, indent=2), but="\n"))


def _print(text: str) -> None:
    """Print a text that may contain names of people, on a terminal of any encoding."""
    click.echo(encodable(text, getattr(sys.stdout, "encoding", None)))


def wrap(text: str, first: str, then: str) -> str:
    """Return ``text`` in lines for a terminal. ``first`` and ``then`` are what the lines begin with."""
    return click.wrap_text(text, _WIDTH, first, then)


def demand(found: bool, what: str, name: str) -> None:
    """
    End the command with an error unless the object was found.

    :raises ClickException: with the name of the object.
    """
    if not found:
        raise click.ClickException(f"no such {what}: {one_line(name)!r}")


def _plain(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(_plain(each) for each in value)
    return "-" if value in (None, "") else one_line(str(value))
