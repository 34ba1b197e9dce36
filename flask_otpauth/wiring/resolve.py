"""``name | "package.module:attribute" | instance`` -> object: how adapters and envelopes are chosen."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def load_object(value: Any, packaged: Mapping[str, Callable[[], Any]], *methods: str) -> Any:
    """
    What a setting names: a packaged thing, what a dotted path leads to, or the value itself.

    A class is instantiated without arguments. ``methods`` are those that the object must have.

    :raises ValueError: with a sentence for the start-up error, if there is no such thing.
    """
    if isinstance(value, str) and value in packaged:
        return packaged[value]()
    if isinstance(value, str) and ":" not in value:
        options = " or ".join([*sorted(packaged), "'package.module:attribute'"])
        raise ValueError(f"unknown value {value!r}: expected {options}")
    found = instantiate(import_path(value) if isinstance(value, str) else value)
    for method in methods:
        if not callable(getattr(found, method, None)):
            raise ValueError(f"{type(found).__name__} object has no method {method}()")
    return found


def import_path(path: str) -> Any:
    """
    What ``package.module:attribute`` leads to.

    :raises ValueError: if it leads nowhere.
    """
    module, _, attribute = path.partition(":")
    if not module or not attribute:
        raise ValueError(f"{path!r} does not have the form 'package.module:attribute'")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"cannot import {path!r}: {error}") from error


def instantiate(found: Any) -> Any:
    """
    ``found``, or an instance of it if it is a class.

    :raises ValueError: if the class needs arguments.
    """
    if not isinstance(found, type):
        return found
    try:
        inspect.signature(found).bind()
    except TypeError:
        raise ValueError(f"{found.__name__} requires arguments: use an instance instead") from None
    return found()
