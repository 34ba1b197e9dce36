"""Whether this process will serve requests. When the app is made, this can only be guessed."""

from __future__ import annotations

import click
from flask.cli import FlaskGroup


def will_serve() -> bool:
    """
    Return ``False`` if a ``flask`` command other than ``flask run`` makes the app, such as ``flask routes``.

    Everything else can serve requests: gunicorn, a script, a test. A command of the host counts as one that
    does not, because its name is not known when the app is made.
    """
    context = click.get_current_context(silent=True)
    command = context.info_name if context else ""
    while context is not None:
        if isinstance(context.command, FlaskGroup):
            return command == "run"
        context = context.parent
    return True
