"""The commands ``flask otpauth flows`` and ``flask otpauth config``."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
from flask.cli import with_appcontext

from flask_otpauth.cli.groups import as_json, show, show_json, state, wrap


@click.command()
@as_json
@with_appcontext
def flows(as_json: bool) -> None:
    """List the registered flows and their paths."""
    rows = [
        {
            "flow": name,
            "method": operation.method,
            "path": _readable(path),
            "does": _first_line(operation.handler.__doc__),
        }
        for name, mount in state().mounts.items()
        for path, operation in mount.operations()
    ]
    show(rows, as_json)


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _readable(path: str) -> str:
    """Return a path with its variables as in documentation: ``{order_id}``."""
    return re.sub("<(?:[^:<>]+:)?([^:<>]+)>", r"{\1}", path)


@click.command()
@as_json
@with_appcontext
def config(as_json: bool) -> None:
    """Show all settings with their values and meanings. Secrets are masked."""
    rows = list(_settings())
    if as_json:
        show_json(rows)
        return
    for row in rows:
        click.echo(wrap(row["meaning"], "# ", "# "))
        click.echo(f"{row['key']} = {row['value']}\n")


def _settings() -> Iterator[dict[str, str]]:
    from flask_otpauth.settings.described import describe, format_value

    by_prefix = {"": state().shared, **{f"{flow.upper()}_": each for flow, each in state().by_flow.items()}}
    for prefix, values in by_prefix.items():
        for each in describe(type(values), prefix):
            value = getattr(values, each.name)
            shown = "***" if each.is_secret and value is not None else format_value(value)
            yield {"key": each.key, "value": shown, "default": each.default, "meaning": each.meaning}
