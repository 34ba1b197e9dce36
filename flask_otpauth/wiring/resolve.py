"""Find what a setting names: by a packaged name, by ``package.module:attribute``, or as an object."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TypeVar, cast

T = TypeVar("T")


def load_object(value: object, packaged: Mapping[str, Callable[[], T]], *methods: str) -> T:
    """
    Return what a setting names: a packaged object, what a dotted path leads to, or ``value`` itself.

    A class is instantiated without arguments. The object must have all ``methods``.

    :raises ValueError: if there is no such object. Its text is a sentence for the start-up error.
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
    return cast(T, found)


def import_path(path: str) -> object:
    """
    Return what ``package.module:attribute`` leads to.

    :raises ValueError: if it leads nowhere.
    """
    module, _, attribute = path.partition(":")
    if not module or not attribute:
        raise ValueError(f"{path!r} does not have the form 'package.module:attribute'")
    try:
        found: object = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"cannot import {path!r}: {error}") from error
    return found


def instantiate(found: object) -> object:
    """
    Return ``found``, or an instance of it if it is a class.

    :raises ValueError: if the class needs arguments.
    """
    if not isinstance(found, type):
        return found
    try:
        inspect.signature(found).bind()
    except TypeError:
        raise ValueError(f"{found.__name__} requires arguments: use an instance instead") from None
    instance: object = found()
    return instance
