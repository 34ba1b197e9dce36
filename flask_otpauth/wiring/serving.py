"""Whether this process will serve requests, as far as that is known when the app is made."""

from __future__ import annotations

import click
from flask.cli import FlaskGroup


def will_serve() -> bool:
    """
    False if a ``flask`` command other than ``flask run`` makes the app, such as ``flask routes``.

    Everything else may serve: gunicorn, a script, a test. A command that the host defines counts as
    one that does not serve, because its name is not known yet when the app is made.
    """
    context = click.get_current_context(silent=True)
    command = context.info_name if context else ""
    while context is not None:
        if isinstance(context.command, FlaskGroup):
            return command == "run"
        context = context.parent
    return True
