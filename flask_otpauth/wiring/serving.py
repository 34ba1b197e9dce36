"""Whether this process is going to serve requests, as far as can be known when an app is made."""

from __future__ import annotations

import click
from flask.cli import FlaskGroup


def will_serve() -> bool:
    """
    Not where a command of ``flask`` makes the app, such as ``flask db migrate`` or ``flask routes``.

    ``flask run`` serves, and so may everything that is no such command: gunicorn, a script, a test.
    A command of the host itself is looked for before it has a name here: it counts as one that does
    not serve.
    """
    context = click.get_current_context(silent=True)
    command = context.info_name if context else ""
    while context is not None:
        if isinstance(context.command, FlaskGroup):
            return command == "run"
        context = context.parent
    return True
