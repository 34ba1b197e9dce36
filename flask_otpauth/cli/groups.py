"""What the commands have in common: the app's state, printing, and how errors are told."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
    """Commands with an app context, whose errors are told in a sentence and not by a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:  # a line for each problem, in our words
            raise click.ClickException(str(error)) from error
        except (OtpAuthError, ValueError) as error:  # ValueError: what was given makes no sense
            raise click.ClickException(one_line(str(error), _LONGEST_ERROR)) from error


def state() -> AppState:
    """What the current app has of this package."""
    found: AppState | None = current_app.extensions.get("otpauth")
    if found is None:
        raise click.ClickException("OtpAuth is not initialized for this app: call otpauth.init_app(app)")
    return found


def show(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows for people or for scripts."""
    if as_json:
        show_json(rows)
        return
    for row in rows:
        _say("  ".join(f"{name}={_plain(value)}" for name, value in row.items()))


def show_json(value: Any) -> None:
    """Print a value for scripts."""
    _say(printable(json.dumps(value, ensure_ascii=False, indent=2), but="\n"))


def _say(text: str) -> None:
    """Print what may hold people's names, on a terminal of whatever encoding."""
    click.echo(encodable(text, getattr(sys.stdout, "encoding", None)))


def wrapped(text: str, first: str, then: str) -> str:
    """``text`` in lines for a terminal; ``first`` and ``then`` are what they begin with."""
    return click.wrap_text(text, _WIDTH, first, then)


def demand(found: bool, what: str, name: str) -> None:
    """:raises ClickException: unless it was found."""
    if not found:
        raise click.ClickException(f"no such {what}: {one_line(name)!r}")


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(_plain(each) for each in value)
    return "-" if value in (None, "") else one_line(str(value))
