"""Drawing codes, what shape a submitted one must have, and whether a message tells one."""

from __future__ import annotations

import html
import re
import secrets
import unicodedata

from flask_otpauth.core.sensitive import Sensitive


def draw_code(length: int) -> Sensitive:
    """``length`` ASCII digits, uniform, from the system's generator (NIST SP 800-63B-4 §3.2.12)."""
    return Sensitive(f"{secrets.randbelow(10**length):0{length}d}")


def draw_nonce() -> str:
    """A name for one issue or one guess: 16 URL-safe characters."""
    return secrets.token_urlsafe(12)


def is_digits(text: object, shortest: int, longest: int | None = None) -> bool:
    """Whether ``text`` is a string of ASCII digits of that length; other scripts' digits are not."""
    longest = shortest if longest is None else longest
    return isinstance(text, str) and bool(re.fullmatch(f"[0-9]{{{shortest},{longest}}}", text, re.ASCII))


def is_told_in(code: str, text: str) -> bool:
    """
    Whether ``text``, plain or HTML, shows all digits of ``code`` in their order: together, read
    one by one, in elements of their own, or in another script.
    """
    shown = html.unescape(re.sub("<[^>]*>", "", text))
    return code in "".join(str(unicodedata.decimal(each)) for each in shown if each.isdecimal())
