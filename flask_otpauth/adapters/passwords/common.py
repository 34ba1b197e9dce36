"""The packaged list of common passwords."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def common_passwords() -> frozenset[str]:
    """
    Return more than ten thousand common passwords, in lower case.

    This is the blocklist that NIST SP 800-63B-4 §3.1.1.2 requires. The file is read at the first
    call. It has no passwords that are too short to be accepted anyway.
    """
    file = resources.files("flask_otpauth") / "data" / "common-passwords.txt"
    return frozenset(file.read_text("utf-8").splitlines())
