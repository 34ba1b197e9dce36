"""
Reading a JSON body strictly: one meaning, or none (RFC 8259, contract/index.md, "Requests").

Beyond what :mod:`~flask_otpauth.core.strict_json` refuses: lone surrogates, byte-order marks, and
more than 32 levels.
"""

from __future__ import annotations

from typing import Any

from flask_otpauth.core import strict_json
from flask_otpauth.core.errors import MalformedRequest
from flask_otpauth.core.sensitive import Sensitive

MAX_BODY_BYTES = 16 * 1024
MAX_JSON_DEPTH = 32
MAX_INTEGER_DIGITS = 20


def read_object(data: bytes) -> dict[str, Any]:
    """
    The JSON object in ``data``; nothing at all counts as ``{}``.

    :raises MalformedRequest: for anything but one JSON object in UTF-8, at most 32 deep.
    """
    if not data:
        return {}
    try:
        value = strict_json.loads(data.decode(), parse_int=_integer)
    except (ValueError, RecursionError):
        raise MalformedRequest from None
    if not isinstance(value, dict):
        raise MalformedRequest
    checked: dict[str, Any] = _checked(value, MAX_JSON_DEPTH)
    return checked


class OverlongInteger:
    """An integer that nothing here could mean: of no JSON type, so its field refuses it."""


def _integer(digits: str) -> int | OverlongInteger:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else OverlongInteger()


def _checked(value: Any, depth_left: int) -> Any:
    """
    ``value`` with its texts made sensitive, since any of them may be a secret. What is nested too
    deeply is refused, and texts that UTF-8 cannot carry (lone surrogates).
    """
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise MalformedRequest from None
        return Sensitive(value)
    if not isinstance(value, (dict, list)):
        return value
    if depth_left == 0:
        raise MalformedRequest
    if isinstance(value, list):
        return [_checked(each, depth_left - 1) for each in value]
    return {str(_checked(name, 1)): _checked(each, depth_left - 1) for name, each in value.items()}
