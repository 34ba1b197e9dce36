"""Whether this process will serve requests, and by what. When the app is made, this can only be guessed."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

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


def runs_a_script() -> bool:
    """
    Return whether Python runs a file of the host, as in ``python app.py``, which may call ``app.run`` later.

    A program that was installed, such as ``flask``, ``gunicorn`` or ``pytest``, does not call it.
    """
    file = getattr(sys.modules["__main__"], "__file__", None)
    if file is None:
        return False
    installed = {sysconfig.get_path(name) for name in ("scripts", "purelib", "platlib", "stdlib")}
    return not any(Path(file).resolve().is_relative_to(Path(folder).resolve()) for folder in installed)
