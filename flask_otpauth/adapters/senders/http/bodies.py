"""The body of a request: JSON or a form, with templates in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import quote, urlencode

from flask_otpauth.adapters.senders.http.templates import Template, Variables
from flask_otpauth.core.sensitive import Sensitive

#: Templates within dicts and lists, and values that are always the same.
Tree: TypeAlias = "Template | Mapping[str, Tree] | tuple[Tree, ...] | int | float | bool | None"


def as_json(tree: Tree, variables: Variables) -> bytes:
    """Return ``tree`` as JSON. A variable is always within a JSON string."""
    return Sensitive(json.dumps(_filled(tree, variables), ensure_ascii=False)).encode()


def as_form(tree: Mapping[str, Tree], variables: Variables) -> bytes:
    """Return ``tree`` as a form, or as a query. A field with parts is JSON, and one of a list is repeated."""
    fields: list[tuple[str, str]] = []
    for name, value in tree.items():
        values = value if isinstance(value, tuple) else (value,)
        fields += [(name, _text(each, variables)) for each in values if _has_value(each, variables)]
    return Sensitive(urlencode(fields, quote_via=quote)).encode()


def _filled(tree: Tree, variables: Variables) -> object:
    if isinstance(tree, Template):
        return tree.fill(variables)
    if isinstance(tree, Mapping):
        return {name: _filled(each, variables) for name, each in tree.items() if _has_value(each, variables)}
    if isinstance(tree, tuple):
        return [_filled(each, variables) for each in tree if _has_value(each, variables)]
    return tree


def _has_value(tree: Tree, variables: Variables) -> bool:
    """Return whether there is something to send. A variable alone may have no value."""
    return not (isinstance(tree, Template) and tree.is_variable) or tree.fill(variables) != ""


def _text(tree: Tree, variables: Variables) -> str:
    filled = _filled(tree, variables)
    return filled if isinstance(filled, str) else json.dumps(filled, ensure_ascii=False)
