"""The packaged list of common passwords."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def common_passwords() -> frozenset[str]:
    """
    Over ten thousand passwords that guessers try first, in lower case.

    The blocklist that NIST SP 800-63B-4 §3.1.1.2 demands. It is read once, when it is first
    needed, and holds none that are shorter than a password may be.
    """
    file = resources.files("flask_otpauth") / "data" / "common-passwords.txt"
    return frozenset(file.read_text("utf-8").splitlines())
