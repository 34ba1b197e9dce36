"""The packaged list of common passwords."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def common_passwords() -> frozenset[str]:
    """
    Passwords of at least 8 characters that guessers try first, in lower case.

    Over ten thousand, as NIST SP 800-63B-4 §3.1.1.2 asks for a blocklist of. They are read
    once, when they are first needed.
    """
    file = resources.files("flask_otpauth") / "data" / "common-passwords.txt"
    return frozenset(file.read_text("utf-8").splitlines())
