"""JSON with one meaning, or none (RFC 8259): no key twice, no ``NaN``, no ``Infinity``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn


def loads(text: str, parse_int: Callable[[str], Any] = int) -> Any:
    """
    What ``text`` means. The standard library's parser takes the last of two values of one key,
    and constants that are not JSON; what two parsers could read in two ways is refused here.

    :raises ValueError: if it is not JSON.
    :raises RecursionError: if it is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_int=parse_int)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError("not JSON")
