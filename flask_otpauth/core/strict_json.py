"""
JSON that every parser reads in the same way (RFC 8259): no key twice, no ``NaN``, no ``Infinity``.

The parser of the standard library takes the last of two values of one key, and accepts constants that are
not JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NoReturn


def decoder(parse_int: Callable[[str], object] = int) -> json.JSONDecoder:
    """
    Return a decoder. ``parse_int`` makes a value of the digits of an integer.

    Its ``decode`` raises ``ValueError`` if a text is not JSON, and ``RecursionError`` if it is nested too
    deeply.
    """
    return json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_int=parse_int)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError("not JSON")
