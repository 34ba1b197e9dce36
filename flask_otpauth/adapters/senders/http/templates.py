"""
The texts of a declaration: ``"whatsapp:{recipient}"``.

A variable is put into a text only, and the text is encoded as a whole for the place that it is in.
So no value can end a JSON string, add a field of a form, or begin another header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from string import Formatter
from urllib.parse import quote
from xml.sax.saxutils import escape

from flask_otpauth.core.nearest import nearest
from flask_otpauth.core.record import frozen
from flask_otpauth.core.sensitive import Sensitive

#: What XML 1.0 cannot have, even escaped (§2.2).
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _as_xml(text: str) -> str:
    return escape(_NOT_IN_XML.sub("", text), {'"': "&quot;", "'": "&apos;"})


#: Makes a value fit for text in another format, or in the form that a provider wants.
_FILTERS: Mapping[str, Callable[[str], str]] = {
    # Some providers want a number without the plus sign.
    "digits": lambda text: re.sub("[^0-9]", "", text),
    # Some have languages such as pt_BR.
    "underscores": lambda text: text.replace("-", "_"),
    # For XML within a form, such as Twilio's TwiML.
    "xml": _as_xml,
}
#: ``{values.shop}`` is one of the values of the message.
VALUES = "values."

#: The values of variables, by name.
Variables = Callable[[str], str]


@frozen
class _Part:
    literal: str
    name: str = ""
    filter: str = ""


class Template:
    """A text with variables in braces. A brace that begins no variable is doubled."""

    def __init__(self, text: str, known: Collection[str]) -> None:
        """
        Read ``text``. It may have the variables that are ``known``, and each of ``values``.

        :raises ValueError: if it has others, or is not a template. Its text is a sentence.
        """
        self._parts = tuple(_parts(text))
        for part in self._parts:
            _check(part, known)

    @property
    def names(self) -> frozenset[str]:
        """The variables of the template."""
        return frozenset(part.name for part in self._parts if part.name)

    @property
    def is_variable(self) -> bool:
        """Whether it is one variable and nothing else. Its field is left out if it has no value."""
        return [part.literal for part in self._parts] == [""] and bool(self.names)

    def fill(self, variables: Variables, encode: Callable[[str], str] = str) -> str:
        """Return the text, with each value passed through ``encode``."""
        return Sensitive("".join(part.literal + encode(_value(part, variables)) for part in self._parts))


def _parts(text: str) -> Iterator[_Part]:
    try:
        found = list(Formatter().parse(text))
    except ValueError:
        raise ValueError("a brace must be doubled unless it begins or ends a variable") from None
    for literal, name, filter_, conversion in found:
        if name == "" or conversion:
            raise ValueError("expected variables such as {recipient} or {recipient:digits}")
        yield _Part(literal, name or "", filter_ or "")


def _check(part: _Part, known: Collection[str]) -> None:
    is_value = part.name.startswith(VALUES) and len(part.name) > len(VALUES)
    if part.name and part.name not in known and not is_value:
        raise ValueError(f"unknown variable {part.name!r}{nearest(part.name, known)}")
    if part.filter and part.filter not in _FILTERS:
        raise ValueError(f"unknown filter {part.filter!r}: expected {' or '.join(sorted(_FILTERS))}")


def _value(part: _Part, variables: Variables) -> str:
    value = variables(part.name) if part.name else ""
    return _FILTERS[part.filter](value) if part.filter else value


def in_url(value: str) -> str:
    """Encode a value for one segment of a path, or for a query."""
    return quote(value, safe="")
