"""
What :mod:`bench.cold_start` runs in new processes: ``python -P bench/start.py THING...``.

A thing is a module, ``module:name``, or ``init_app``, which prepares an app with five flows. This prints the
CPU milliseconds of all imports, or of ``init_app`` alone, and the memory of the process in MiB. It imports
little itself: what it has imported would be free for the others.
"""

from __future__ import annotations

import resource
import secrets
import sys
import time


def main() -> None:
    """Import, and prepare an app if that is asked for."""
    begun = time.process_time()
    for thing in sys.argv[1:]:
        if thing == "init_app":
            begun = init_app()
        else:
            module, _, name = thing.partition(":")
            getattr(__import__(module), name or "__doc__")
    milliseconds = (time.process_time() - begun) * 1000
    with open("/proc/self/statm") as memory:  # noqa: PTH123 - pathlib is not imported yet
        pages = int(memory.read().split()[1])
    print(milliseconds, pages * resource.getpagesize() / 2**20)


def init_app() -> float:
    """Prepare an app. Return when that began."""
    from flask import Flask

    from flask_otpauth import OtpAuth

    app = Flask("cold")
    app.config.update(
        SECRET_KEY=secrets.token_hex(32),
        OTPAUTH_DATABASE_URI="sqlite://",
        OTPAUTH_FLOWS=("email", "sms", "flashcall", "voice", "account"),
        OTPAUTH_SENDERS=dict.fromkeys(("email", "sms", "whatsapp", "voice", "flashcall"), "console"),
    )
    otpauth = OtpAuth()
    begun = time.process_time()
    otpauth.init_app(app)
    return begun


if __name__ == "__main__":
    main()
