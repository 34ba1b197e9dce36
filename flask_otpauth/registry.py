"""``name | "package.module:attribute" | instance`` -> object: how adapters and envelopes are chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def resolve(value: Any, packaged: Mapping[str, Callable[[], Any]]) -> Any:
    """
    What a setting names: a packaged thing, what a dotted path leads to, or the value itself.

    A class is instantiated without arguments.

    :raises ValueError: with a sentence for the start-up error, if there is no such thing.
    """
    if not isinstance(value, str):
        return value() if isinstance(value, type) else value
    if value in packaged:
        return packaged[value]()
    if ":" not in value:
        known = ", ".join(sorted(packaged)) or "none"
        raise ValueError(f"{value!r} is not known; packaged: {known}; or give 'package.module:attribute'")
    found = imported(value)
    return found() if isinstance(found, type) else found


def imported(path: str) -> Any:
    """
    What ``package.module:attribute`` leads to.

    :raises ValueError: if it leads nowhere.
    """
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{path!r} cannot be imported: {error}") from error
