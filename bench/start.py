"""
What :mod:`bench.cold_start` runs in new processes: ``python -P bench/start.py THING... then THING...``.

A thing is a module, ``module:name``, or one of the steps below. This prints the CPU milliseconds of what is
after ``then``, and the memory of the process in MiB: all of it, and what is not shared with other processes.
It imports little itself, because a module that it has imported costs the others nothing.
"""

from __future__ import annotations

import secrets
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

#: Nothing connects to these.
URLS = {
    "postgresql": "postgresql+psycopg://nobody@127.0.0.1:9/none",
    "sqlite": "sqlite:////nowhere/none.sqlite",
}
APPS: list[Flask] = []


def main() -> None:
    """Do one thing after the other."""
    begun = time.process_time()
    for thing in sys.argv[1:]:
        if thing == "then":
            begun = time.process_time()
        elif thing in STEPS:
            STEPS[thing]()
        else:
            module, _, name = thing.partition(":")
            getattr(__import__(module), name or "__doc__")
    milliseconds = (time.process_time() - begun) * 1000
    print(milliseconds, *memory())


def memory() -> tuple[float, float]:
    """Return the memory of this process in MiB, and its part that is not shared."""
    with open("/proc/self/smaps_rollup") as lines:  # noqa: PTH123 - pathlib is not imported yet
        kib = {line.split()[0]: int(line.split()[1]) for line in lines if line.endswith(" kB\n")}
    return kib["Rss:"] / 1024, (kib["Private_Clean:"] + kib["Private_Dirty:"]) / 1024


def define_model() -> None:
    """Define a model, as every app with pydantic does: pydantic imports most of itself only then."""
    from pydantic import BaseModel

    class Model(BaseModel):
        name: str


def make_host(database: str) -> None:
    """Make an app with Flask-SQLAlchemy, whose engine exists."""
    from flask import Flask
    from flask_sqlalchemy import SQLAlchemy

    app = Flask("cold")
    app.config.update(
        SECRET_KEY=secrets.token_hex(32),
        SQLALCHEMY_DATABASE_URI=URLS[database],
        OTPAUTH_FLOWS=("email", "sms", "flashcall", "voice", "account"),
        OTPAUTH_SENDERS=dict.fromkeys(("email", "sms", "whatsapp", "voice", "flashcall"), "console"),
    )
    SQLAlchemy(app)
    APPS.append(app)


def init_app() -> None:
    """Prepare the app with five flows."""
    from flask_otpauth import OtpAuth

    OtpAuth().init_app(APPS[0])


STEPS: dict[str, Callable[[], None]] = {
    "model": define_model,
    "init_app": init_app,
    "postgresql": lambda: make_host("postgresql"),
    "sqlite": lambda: make_host("sqlite"),
}

if __name__ == "__main__":
    main()
